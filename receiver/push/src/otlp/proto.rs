//! OTLP logs in protobuf.
//!
//! ```text
//! ExportLogsServiceRequest { 1 ResourceLogs* }
//! ResourceLogs { 1 Resource { 1 KeyValue* }, 2 ScopeLogs* }
//! ScopeLogs    { 1 Scope { 1 name, 2 version, 3 KeyValue* }, 2 LogRecord* }
//! LogRecord    { 1 time: fixed64, 2 severity_number, 3 severity_text, 5 body: AnyValue,
//!                6 KeyValue*, 8 flags: fixed32, 9 trace_id, 10 span_id, 11 observed: fixed64,
//!                12 event_name }
//! KeyValue     { 1 key, 2 value: AnyValue }
//! AnyValue     { 1 string | 2 bool | 3 int | 4 double | 5 array | 6 kvlist | 7 bytes }
//! ```

use serde_json::{Map, Value};

use super::any::{Attributes, base64, double, hex};
use super::record::{Record, Scope, Shared, emit, scoped, stream};
use crate::MAX_DEPTH;
use crate::payload::Damage;
use crate::proto::{Field, Message};
use crate::report::{Altered, Reject, Report, Tally};
use crate::sink::Sink;
use crate::text::clean_cow;

/// Hands over every record; an error says that reading stopped early.
pub(crate) fn visit<S: Sink + ?Sized>(bytes: &[u8], sink: &mut S, report: &mut Report) -> Result<(), Damage> {
    each(bytes, 1, &mut |resource_logs, whole| {
        let resource = first(resource_logs, 1);
        let attributes = attributes(resource, 1, &mut report.altered).unwrap_or_default();
        let resource = stream(&attributes, sink);
        let outcome = each(resource_logs, 2, &mut |scope_logs, whole| {
            let scope = scope(first(scope_logs, 1), &mut report.altered);
            let outcome = records(scope_logs, &scoped(&resource, &scope, sink), sink, report);
            contain(outcome, whole, report)
        });
        contain(outcome, whole, report)
    })
}

fn records<S: Sink + ?Sized>(
    scope_logs: &[u8],
    shared: &Shared,
    sink: &mut S,
    report: &mut Report,
) -> Result<(), Damage> {
    let mut logs = Message::new(scope_logs);
    while let Some((number, field)) = logs.next()? {
        match (number, field) {
            (2, Field::Bytes(bytes)) => match record(bytes, &mut report.altered) {
                Ok(record) => emit(&record, shared, sink, report),
                Err(why) => report.rejected.add(why, 1),
            },
            (_, Field::Cut(_)) => return Err(Damage::Cut),
            _ => {}
        }
    }
    Ok(())
}

/// Damage inside a message whose end is there costs no other message.
fn contain(outcome: Result<(), Damage>, whole: bool, report: &mut Report) -> Result<(), Damage> {
    if whole && outcome.is_err() {
        report.rejected.add(Reject::Malformed, 1);
        return Ok(());
    }
    outcome
}

/// Reads a sub-message; the flag says whether its end is there.
type Inside<'i, 'b> = &'i mut dyn FnMut(&'b [u8], bool) -> Result<(), Damage>;

/// Calls `inside` with every sub-message of that number, the last one perhaps cut.
fn each<'b>(bytes: &'b [u8], number: u32, inside: Inside<'_, 'b>) -> Result<(), Damage> {
    let mut message = Message::new(bytes);
    while let Some((found, field)) = message.next()? {
        match field {
            Field::Bytes(bytes) if found == number => inside(bytes, true)?,
            Field::Cut(bytes) => {
                if found == number {
                    inside(bytes, false)?;
                }
                return Err(Damage::Cut);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first sub-message of that number, wherever it stands.
fn first(bytes: &[u8], number: u32) -> &[u8] {
    let mut message = Message::new(bytes);
    while let Ok(Some((found, field))) = message.next() {
        match field {
            Field::Bytes(bytes) if found == number => return bytes,
            _ => {}
        }
    }
    &[]
}

fn scope(bytes: &[u8], altered: &mut Tally<Altered>) -> Scope {
    let mut scope = Scope::default();
    let mut message = Message::new(bytes);
    while let Ok(Some((number, field))) = message.next() {
        match (number, field) {
            (1, Field::Bytes(name)) => scope.name = clean_cow(name, altered).into_owned(),
            (2, Field::Bytes(version)) => scope.version = clean_cow(version, altered).into_owned(),
            _ => {}
        }
    }
    scope.attributes = attributes(bytes, 3, altered).unwrap_or_default();
    scope
}

fn record(bytes: &[u8], altered: &mut Tally<Altered>) -> Result<Record, Reject> {
    let mut record = Record::default();
    let mut message = Message::new(bytes);
    while let Some((number, field)) = message.next().map_err(|_| Reject::Malformed)? {
        match (number, field) {
            (_, Field::Cut(_)) => return Err(Reject::Malformed),
            (1, Field::Fixed64(time)) => record.time = Some(time),
            (11, Field::Fixed64(time)) => record.observed = Some(time),
            (2, Field::Varint(number)) => record.severity_number = Some(number.cast_signed()),
            (3, Field::Bytes(text)) => {
                record.severity_text = clean_cow(text, altered).into_owned();
            }
            (5, Field::Bytes(body)) => record.body = any(body, MAX_DEPTH, altered)?,
            (6, Field::Bytes(pair)) => {
                record.attributes.push(key_value(pair, MAX_DEPTH, altered)?);
            }
            (8, Field::Fixed32(flags)) => record.flags = Some(flags.into()),
            (9, Field::Bytes(id)) => record.trace_id = hex(id),
            (10, Field::Bytes(id)) => record.span_id = hex(id),
            (12, Field::Bytes(name)) => record.event_name = clean_cow(name, altered).into_owned(),
            _ => {}
        }
    }
    Ok(record)
}

/// All key-value pairs of that field number.
fn attributes(bytes: &[u8], number: u32, altered: &mut Tally<Altered>) -> Result<Attributes, Reject> {
    let mut found = Attributes::new();
    let mut message = Message::new(bytes);
    while let Ok(Some((at, field))) = message.next() {
        if let Field::Bytes(pair) = field
            && at == number
        {
            found.push(key_value(pair, MAX_DEPTH, altered)?);
        }
    }
    Ok(found)
}

fn key_value(bytes: &[u8], depth: usize, altered: &mut Tally<Altered>) -> Result<(String, Value), Reject> {
    let (mut key, mut value) = (String::new(), Value::Null);
    let mut message = Message::new(bytes);
    while let Some((number, field)) = message.next().map_err(|_| Reject::Malformed)? {
        match (number, field) {
            (_, Field::Cut(_)) => return Err(Reject::Malformed),
            (1, Field::Bytes(name)) => key = clean_cow(name, altered).into_owned(),
            (2, Field::Bytes(inner)) => value = any(inner, depth, altered)?,
            _ => {}
        }
    }
    Ok((key, value))
}

fn any(bytes: &[u8], depth: usize, altered: &mut Tally<Altered>) -> Result<Value, Reject> {
    let depth = depth.checked_sub(1).ok_or(Reject::TooDeep)?;
    let mut value = Value::Null;
    let mut message = Message::new(bytes);
    while let Some((number, field)) = message.next().map_err(|_| Reject::Malformed)? {
        value = match (number, field) {
            (_, Field::Cut(_)) => return Err(Reject::Malformed),
            (1, Field::Bytes(text)) => Value::String(clean_cow(text, altered).into_owned()),
            (2, Field::Varint(flag)) => Value::Bool(flag != 0),
            (3, Field::Varint(number)) => Value::from(number.cast_signed()),
            (4, Field::Fixed64(bits)) => double(f64::from_bits(bits)),
            (5, Field::Bytes(list)) => Value::Array(elements(list, depth, altered)?),
            (6, Field::Bytes(map)) => Value::Object(members(map, depth, altered)?),
            (7, Field::Bytes(bytes)) => Value::String(base64(bytes)),
            _ => continue,
        };
    }
    Ok(value)
}

fn elements(bytes: &[u8], depth: usize, altered: &mut Tally<Altered>) -> Result<Vec<Value>, Reject> {
    let mut list = Vec::new();
    let mut message = Message::new(bytes);
    while let Some((number, field)) = message.next().map_err(|_| Reject::Malformed)? {
        match (number, field) {
            (1, Field::Bytes(inner)) => list.push(any(inner, depth, altered)?),
            (_, Field::Cut(_)) => return Err(Reject::Malformed),
            _ => {}
        }
    }
    Ok(list)
}

fn members(bytes: &[u8], depth: usize, altered: &mut Tally<Altered>) -> Result<Map<String, Value>, Reject> {
    let mut map = Map::new();
    let mut message = Message::new(bytes);
    while let Some((number, field)) = message.next().map_err(|_| Reject::Malformed)? {
        match (number, field) {
            (1, Field::Bytes(pair)) => map.extend([key_value(pair, depth, altered)?]),
            (_, Field::Cut(_)) => return Err(Reject::Malformed),
            _ => {}
        }
    }
    Ok(map)
}
