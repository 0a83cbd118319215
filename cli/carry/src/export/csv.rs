//! CSV as RFC 4180 has it. A text that a spreadsheet would take for a formula gets a `'` in front of it, and
//! so does one that begins with `'`: who takes one `'` away from each text that begins with it has them all back.

use std::fs::File;
use std::io::{self, Read};

use logtap_capture::time;

use super::row::{Rows, Schema};
use super::{Out, Sink, object};
use crate::CarryError;

/// First characters of what spreadsheets calculate, and the guard itself.
const GUARDED: [char; 9] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '\''];

pub(super) struct Table<'o> {
    out: Out<'o>,
    rows: Rows,
    raw: bool,
    record: String,
}

impl<'o> Table<'o> {
    pub(super) fn new(out: Out<'o>, rows: Rows, schema: Schema, raw: bool) -> Result<Self, CarryError> {
        out.write_all(header(schema).as_bytes())?;
        Ok(Self { out, rows, raw, record: String::new() })
    }
}

fn header(schema: Schema) -> String {
    schema.columns().join(",") + "\r\n"
}

/// True for the first line of a table of ours.
pub(super) fn is_header(line: &[u8]) -> bool {
    [Schema::Plain, Schema::Otel].iter().any(|schema| header(*schema).as_bytes() == line)
}

fn push_field(record: &mut String, text: &str, raw: bool) {
    let guard = !raw && text.starts_with(GUARDED);
    let quoted = guard || text.contains([',', '"', '\r', '\n']);
    if quoted {
        record.push('"');
    }
    if guard {
        record.push('\'');
    }
    for (n, part) in text.split('"').enumerate() {
        if n > 0 {
            record.push_str("\"\"");
        }
        record.push_str(part);
    }
    if quoted {
        record.push('"');
    }
}

impl Sink for Table<'_> {
    fn line(&mut self, ts: Option<i64>, line: &[u8]) -> Result<(), CarryError> {
        let Self { out, rows, raw, record } = self;
        record.clear();
        if let Some(ts) = ts {
            record.push_str(&time::format(ts));
            record.push(',');
            record.push_str(&ts.to_string());
        } else {
            record.push(',');
        }
        rows.row(line, |row| {
            record.push(',');
            record.push_str(row.level.name());
            for value in row.usual {
                record.push(',');
                push_field(record, value.as_deref().unwrap_or_default(), *raw);
            }
            for pairs in [row.labels.pairs(), &row.meta] {
                record.push(',');
                push_field(record, &object(pairs), *raw);
            }
            record.push(',');
            push_field(record, &row.message, *raw);
        });
        record.push_str("\r\n");
        Ok(out.write_all(record.as_bytes())?)
    }

    fn finish(self: Box<Self>) -> Result<(), CarryError> {
        Ok(self.out.flush()?)
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
            let mut field = String::new();
            push_field(&mut field, text, false);
            let inner = match field.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"').unwrap().replace("\"\"", "\""),
                None => field,
            };
            assert!(!inner.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']), "{text:?}");
            assert_eq!(inner.strip_prefix('\'').unwrap_or(&inner), text);
        }
    }
}
