//! OTLP logs in JSON: names in camel or snake case, 64-bit integers as strings or numbers.
//!
//! The lists are walked in place, so a damaged record costs only itself; each record is then read
//! as a tree.

use serde_json::Value;

use super::any::Attributes;
use super::record::{Record, Scope, Shared, emit, scoped, stream};
use crate::json::scan::{Item, Scanner};
use crate::json::value::{self, NoValue};
use crate::json::without_bom;
use crate::payload::Damage;
use crate::report::{Altered, Reject, Report, Tally};
use crate::sink::Sink;

/// Hands over every record; an error says that reading stopped early.
pub(crate) fn visit<S: Sink + ?Sized>(bytes: &[u8], sink: &mut S, report: &mut Report) -> Result<(), Damage> {
    let bytes = without_bom(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let request = members(bytes, ["resourceLogs", "resource_logs"]);
    let mut walk = Walk { sink, report };
    let resources = walk.each(request.list, &mut |walk, json| walk.resource_logs(json));
    resources.and(request.end)
}

struct Walk<'s, S: ?Sized> {
    sink: &'s mut S,
    report: &'s mut Report,
}

/// Reads one element of a list.
type Inside<'i, 's, S> = &'i mut dyn FnMut(&mut Walk<'s, S>, &[u8]) -> Result<(), Damage>;

impl<'s, S: Sink + ?Sized> Walk<'s, S> {
    fn resource_logs(&mut self, json: &[u8]) -> Result<(), Damage> {
        let resource = members(json, ["scopeLogs", "scope_logs"]);
        let attributes = header(resource.header, &mut self.report.altered);
        let shared = stream(&attributes_of(&attributes), self.sink);
        self.each(resource.list, &mut |walk, json| walk.scope_logs(json, &shared)).and(resource.end)
    }

    fn scope_logs(&mut self, json: &[u8], shared: &Shared) -> Result<(), Damage> {
        let scope = members(json, ["logRecords", "log_records"]);
        let header = header(scope.header, &mut self.report.altered);
        let shared = scoped(shared, &scope_of(&header), self.sink);
        self.each(scope.list, &mut |walk, json| walk.record(json, &shared)).and(scope.end)
    }

    fn record(&mut self, json: &[u8], shared: &Shared) -> Result<(), Damage> {
        match value::parse(json, &mut self.report.altered) {
            Ok(tree) => emit(&record(&tree), shared, self.sink, self.report),
            Err(NoValue::TooDeep) => self.report.rejected.add(Reject::TooDeep, 1),
            Err(NoValue::Damaged) => return Err(Damage::Bad),
        }
        Ok(())
    }

    /// Calls `inside` with the text of every element, the last one perhaps cut. Damage inside an
    /// element whose end is there costs no other element.
    fn each(&mut self, list: Option<&[u8]>, inside: Inside<'_, 's, S>) -> Result<(), Damage> {
        let mut scanner = Scanner::new(list.unwrap_or(b"[]"));
        if !scanner.eat(b'[')? {
            return Ok(());
        }
        while scanner.next_element()? {
            let rest = scanner.rest();
            match scanner.value() {
                Ok(Item::Other(b"null")) => {}
                Ok(Item::Other(json)) if json.first() == Some(&b'{') => {
                    if inside(self, json).is_err() {
                        self.report.rejected.add(Reject::Malformed, 1);
                    }
                }
                Ok(_) => self.report.rejected.add(Reject::NotAnEntry, 1),
                Err(damage) => {
                    if rest.first() == Some(&b'{') {
                        inside(self, rest)?;
                    }
                    return Err(damage);
                }
            }
        }
        Ok(())
    }
}

/// The two members that count in each of the three levels, and how reading them ended.
struct Members<'b> {
    /// `resource` or `scope`.
    header: Option<&'b [u8]>,
    /// The list of the next level; without its end if it is cut.
    list: Option<&'b [u8]>,
    end: Result<(), Damage>,
}

fn members<'b>(json: &'b [u8], list: [&str; 2]) -> Members<'b> {
    let mut found = Members { header: None, list: None, end: Ok(()) };
    let mut scanner = Scanner::new(json);
    found.end = (|| {
        if !scanner.eat(b'{')? {
            return Err(Damage::Bad);
        }
        while let Some(key) = scanner.next_key()? {
            let wanted = list.iter().any(|name| name.as_bytes() == key.inner);
            scanner.peek()?;
            let rest = scanner.rest();
            match scanner.value() {
                Ok(Item::Other(json)) if wanted => found.list = Some(json),
                Ok(Item::Other(json)) if matches!(key.inner, b"resource" | b"scope") => {
                    found.header = Some(json);
                }
                Ok(_) => {}
                Err(damage) => {
                    if wanted {
                        found.list = Some(rest);
                    }
                    return Err(damage);
                }
            }
        }
        Ok(())
    })();
    found
}

fn header(json: Option<&[u8]>, altered: &mut Tally<Altered>) -> Value {
    json.and_then(|json| value::parse(json, altered).ok()).unwrap_or_default()
}

fn scope_of(tree: &Value) -> Scope {
    Scope {
        name: text_of(tree, ["name", "name"]),
        version: text_of(tree, ["version", "version"]),
        attributes: attributes_of(tree),
    }
}

fn record(tree: &Value) -> Record {
    let id = |names| text_of(tree, names).to_ascii_lowercase();
    let time = get(tree, ["timeUnixNano", "time_unix_nano"]);
    Record {
        time: unsigned(time),
        odd_time: time.filter(|_| unsigned(time).is_none()).map(super::any::text).unwrap_or_default(),
        observed: unsigned(get(tree, ["observedTimeUnixNano", "observed_time_unix_nano"])),
        severity_number: unsigned(get(tree, ["severityNumber", "severity_number"]))
            .and_then(|number| i64::try_from(number).ok()),
        severity_text: text_of(tree, ["severityText", "severity_text"]),
        body: get(tree, ["body", "body"]).map(any).unwrap_or_default(),
        attributes: attributes_of(tree),
        trace_id: id(["traceId", "trace_id"]),
        span_id: id(["spanId", "span_id"]),
        flags: unsigned(get(tree, ["flags", "flags"])),
        event_name: text_of(tree, ["eventName", "event_name"]),
    }
}

fn get<'v>(tree: &'v Value, names: [&str; 2]) -> Option<&'v Value> {
    names.iter().find_map(|name| tree.get(name)).filter(|value| !value.is_null())
}

fn text_of(tree: &Value, names: [&str; 2]) -> String {
    get(tree, names).map(super::any::text).unwrap_or_default()
}

fn unsigned(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn attributes_of(tree: &Value) -> Attributes {
    match tree.get("attributes") {
        Some(Value::Array(pairs)) => pairs.iter().filter_map(key_value).collect(),
        // Not OTLP, but some hand-made senders write a plain object.
        Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), any(v))).collect(),
        _ => Attributes::new(),
    }
}

fn key_value(pair: &Value) -> Option<(String, Value)> {
    let key = pair.get("key")?;
    Some((super::any::text(key), pair.get("value").map(any).unwrap_or_default()))
}

/// An `AnyValue`; whatever else stands in its place is taken as it is.
fn any(value: &Value) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    let Some((kind, inner)) = map.iter().next().filter(|_| map.len() == 1) else {
        return if map.is_empty() { Value::Null } else { value.clone() };
    };
    let values = || inner.get("values").and_then(Value::as_array).into_iter().flatten();
    match kind.as_str() {
        "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue" | "double_value" | "bytesValue"
        | "bytes_value" => inner.clone(),
        "intValue" | "int_value" => match inner.as_str().map(str::parse::<i64>) {
            Some(Ok(number)) => Value::from(number),
            _ => inner.clone(),
        },
        "arrayValue" | "array_value" => Value::Array(values().map(any).collect()),
        "kvlistValue" | "kvlist_value" => Value::Object(values().filter_map(key_value).collect()),
        _ => value.clone(),
    }
}
