//! Loki's `PushRequest` in protobuf.
//!
//! ```text
//! PushRequest   { 1 streams: Stream* }
//! Stream        { 1 labels: string, 2 entries: Entry*, 3 hash, 4001 Sequence }
//! Entry         { 1 Timestamp { 1 seconds: i64, 2 nanos: i32 }, 2 line: string, 3 Pair*, 4 parsed }
//! Pair          { 1 name: string, 2 value: string }
//! ```

use std::borrow::Cow;

use super::{Field, Message, sequence};
use crate::labels::{LabelForm, Labels};
use crate::payload::Damage;
use crate::report::{Altered, Reject, Report, Tally};
use crate::sequence::FIELD;
use crate::sink::{Entry, Sink};
use crate::text::{clean, clean_cow};
use crate::timestamp::Timestamp;

/// Hands over every entry; an error says that reading stopped early.
pub(crate) fn visit<S: Sink + ?Sized>(bytes: &[u8], sink: &mut S, report: &mut Report) -> Result<(), Damage> {
    let mut walk = Walk { sink, report, line: String::new(), stamp: String::new(), meta: Vec::new() };
    let mut request = Message::new(bytes);
    while let Some((number, field)) = request.next()? {
        match (number, field) {
            (1, Field::Bytes(stream)) => walk.whole_stream(stream),
            (1, Field::Cut(stream)) => {
                walk.stream(stream)?;
                return Err(Damage::Cut);
            }
            (_, Field::Cut(_)) => return Err(Damage::Cut),
            _ => {}
        }
    }
    Ok(())
}

struct Walk<'b, 's, S: ?Sized> {
    sink: &'s mut S,
    report: &'s mut Report,
    line: String,
    stamp: String,
    meta: Vec<(Cow<'b, str>, Cow<'b, str>)>,
}

impl<'b, S: Sink + ?Sized> Walk<'b, '_, S> {
    /// Damage inside a stream whose end is there costs no other stream.
    fn whole_stream(&mut self, bytes: &'b [u8]) {
        if self.stream(bytes).is_err() {
            self.report.rejected.add(Reject::Malformed, 1);
        }
    }

    fn stream(&mut self, bytes: &'b [u8]) -> Result<(), Damage> {
        let (labels, numbers) = head(bytes);
        self.sink.stream(Labels::new(LabelForm::Text, labels));
        if let Some(sequence) = numbers.and_then(sequence::read) {
            self.sink.sequence(sequence);
        }
        let mut stream = Message::new(bytes);
        while let Some((number, field)) = stream.next()? {
            match (number, field) {
                (2, Field::Bytes(entry)) => self.entry(entry),
                (_, Field::Cut(_)) => return Err(Damage::Cut),
                _ => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn entry(&mut self, bytes: &'b [u8]) {
        let mut message = Message::new(bytes);
        let (mut stamp, mut line) = (None, &b""[..]);
        self.meta.clear();
        loop {
            match message.next() {
                Ok(None) => break,
                Ok(Some((1, Field::Bytes(value)))) => stamp = Some(value),
                Ok(Some((2, Field::Bytes(value)))) => line = value,
                Ok(Some((3, Field::Bytes(value)))) => {
                    let pair = pair(value, &mut self.report.altered);
                    self.meta.extend(pair);
                }
                Ok(Some((_, Field::Cut(_)))) | Err(_) => {
                    self.report.rejected.add(Reject::Malformed, 1);
                    return;
                }
                Ok(Some(_)) => {}
            }
        }
        let altered = &mut self.report.altered;
        let ts = match stamp {
            None => Timestamp::missing(),
            Some(stamp) => timestamp(stamp, &mut self.stamp),
        };
        ts.count(altered);
        let line = clean(line, &mut self.line, altered);
        self.report.lines += 1;
        self.sink.entry(Entry { ts, line, meta: &self.meta });
    }
}

/// The label string, wherever in the stream it stands, and the numbers, which stand before the entries.
fn head(stream: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut message = Message::new(stream);
    let (mut labels, mut numbers, mut entries) = (None, None, false);
    while let Ok(Some((number, field))) = message.next() {
        match (number, field) {
            (1, Field::Bytes(bytes)) => labels = labels.or(Some(bytes)),
            (2, _) => entries = true,
            (FIELD, Field::Bytes(bytes)) if !entries => numbers = Some(bytes),
            _ => {}
        }
        if entries && labels.is_some() {
            break;
        }
    }
    (labels.unwrap_or_default(), numbers)
}

fn timestamp<'a>(bytes: &[u8], scratch: &'a mut String) -> Timestamp<'a> {
    let mut message = Message::new(bytes);
    let (mut seconds, mut nanos) = (0i64, 0i32);
    let readable = loop {
        match message.next() {
            Ok(None) => break true,
            Ok(Some((1, Field::Varint(value)))) => seconds = value.cast_signed(),
            // An i32 is sent as a 64-bit varint: negative ones fill all ten bytes.
            Ok(Some((2, Field::Varint(value)))) => nanos = value as i32,
            Ok(Some((_, Field::Cut(_)))) | Err(_) => break false,
            Ok(Some(_)) => {}
        }
    };
    let ns = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    match i64::try_from(ns) {
        Ok(ns) if readable => Timestamp::exact(ns),
        _ => {
            scratch.clear();
            scratch.push_str(&format!("{seconds}s {nanos}ns"));
            Timestamp::unusable(scratch)
        }
    }
}

fn pair<'b>(bytes: &'b [u8], altered: &mut Tally<Altered>) -> Option<(Cow<'b, str>, Cow<'b, str>)> {
    let mut message = Message::new(bytes);
    let (mut name, mut value) = (&b""[..], &b""[..]);
    while let Ok(Some((number, field))) = message.next() {
        match (number, field) {
            (1, Field::Bytes(bytes)) => name = bytes,
            (2, Field::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    let any = !(name.is_empty() && value.is_empty());
    any.then(|| (clean_cow(name, altered), clean_cow(value, altered)))
}
