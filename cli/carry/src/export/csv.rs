//! CSV as RFC 4180 has it. A text that a spreadsheet would take for a formula gets a `'` in front of it, and
//! so does one that begins with `'`: who takes one `'` away from each text that begins with it has them all back.

use std::fs::File;
use std::io::{self, Read};

use hashbrown::HashMap;
use logtap_capture::labels::Labels;
use logtap_capture::level::Level;
use logtap_capture::{line, time};

use super::row::{MAX_SETS, Schema, Set};
use super::{Out, Sink, object};
use crate::CarryError;
use crate::pick::Pick;

/// First characters of what spreadsheets calculate, and the guard itself.
const GUARDED: [u8; 9] = *b"=+-@\t\r\n\0'";

/// Takes records as [`Packer`]s write them.
pub(super) struct Table<'o> {
    out: Out<'o>,
}

impl<'o> Table<'o> {
    pub(super) fn new(out: Out<'o>, schema: Schema) -> Result<Self, CarryError> {
        out.write_all(header(schema).as_bytes())?;
        Ok(Self { out })
    }
}

impl Sink for Table<'_> {
    fn line(&mut self, _: Option<i64>, record: &[u8]) -> Result<(), CarryError> {
        Ok(self.out.write_all(record)?)
    }

    fn finish(self: Box<Self>) -> Result<(), CarryError> {
        Ok(self.out.flush()?)
    }
}

/// Writes records; one per thread.
pub(super) struct Packer {
    raw: bool,
    scratch: Vec<u8>,
    /// The columns of the labels, of sets met before.
    known: HashMap<Labels, Vec<u8>, foldhash::fast::RandomState>,
}

impl Packer {
    pub(super) fn new(raw: bool) -> Self {
        Self { raw, scratch: Vec::new(), known: HashMap::default() }
    }

    /// Appends a record. Returns true if bytes that were no text had to be replaced.
    pub(super) fn pack(&mut self, out: &mut Vec<u8>, pick: &Pick<'_>, own: bool) -> bool {
        let Self { raw, scratch, known } = self;
        let parts = pick.parts;
        if let Some(ts) = parts.ts {
            out.extend_from_slice(time::format(ts).as_bytes());
            out.push(b',');
            out.extend_from_slice(ts.to_string().as_bytes());
        } else {
            out.push(b',');
        }
        let message = line::decode(&parts.message, scratch);
        out.push(b',');
        out.extend_from_slice(Level::of(message.as_bytes()).name().as_bytes());
        if known.len() > MAX_SETS {
            known.clear();
        }
        out.extend_from_slice(known.entry(pick.labels.clone()).or_insert_with(|| columns_of(pick.labels, *raw)));
        out.push(b',');
        let meta = parts.meta.as_deref().map(line::object_pairs).unwrap_or_default();
        push_field(out, &object(&meta), *raw);
        out.push(b',');
        push_field(out, &message, *raw);
        out.extend_from_slice(b"\r\n");
        pick.is_replaced(own)
    }
}

/// Those of the usual labels, and all of them, each behind its comma.
fn columns_of(labels: &Labels, raw: bool) -> Vec<u8> {
    let Set { labels, usual } = Set::of(labels.clone());
    let all = object(labels.pairs());
    let mut columns = Vec::new();
    for text in usual.iter().map(|value| value.as_deref().unwrap_or_default()).chain([all.as_str()]) {
        columns.push(b',');
        push_field(&mut columns, text, raw);
    }
    columns
}

fn header(schema: Schema) -> String {
    schema.columns().join(",") + "\r\n"
}

/// True for the first line of a table of ours.
pub(super) fn is_header(line: &[u8]) -> bool {
    [Schema::Plain, Schema::Otel].iter().any(|schema| header(*schema).as_bytes() == line)
}

fn push_field(record: &mut Vec<u8>, text: &str, raw: bool) {
    let text = text.as_bytes();
    let guard = !raw && text.first().is_some_and(|first| GUARDED.contains(first));
    let quotes = memchr::memchr(b'"', text).is_some();
    let quoted = guard || quotes || memchr::memchr3(b',', b'\r', b'\n', text).is_some();
    if quoted {
        record.push(b'"');
    }
    if guard {
        record.push(b'\'');
    }
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'"', rest).filter(|_| quotes) {
        record.extend_from_slice(&rest[..=at]);
        record.push(b'"');
        rest = &rest[at + 1..];
    }
    record.extend_from_slice(rest);
    if quoted {
        record.push(b'"');
    }
}

/// Records of a table, its header aside.
pub(super) fn count(mut file: File) -> io::Result<u64> {
    let (mut buffer, mut quoted, mut records) = (vec![0; 1 << 20], false, 0_u64);
    loop {
        let got = file.read(&mut buffer)?;
        if got == 0 {
            return Ok(records.saturating_sub(1));
        }
        for at in memchr::memchr2_iter(b'"', b'\n', &buffer[..got]) {
            if buffer[at] == b'"' {
                quoted = !quoted;
            } else if !quoted {
                records += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_and_undone() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\0x", "'x", "''", "plain", "a,b", "say \"x\"", ""]
        {
            let mut field = Vec::new();
            push_field(&mut field, text, false);
            let field = String::from_utf8(field).unwrap();
            let inner = match field.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"').unwrap().replace("\"\"", "\""),
                None => field,
            };
            assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']), "{text:?}");
            assert_eq!(inner.strip_prefix('\'').unwrap_or(&inner), text);
        }
    }
}
