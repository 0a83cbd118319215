//! Lines on their way into a derived capture: in the one spelling that this crate writes, compressed
//! on any thread, with what the index needs to know of them.

use std::io;

use crate::block_index::FrameRecord;
use crate::frame::{FrameEncoder, LEVEL};
use crate::labels::LabelSet;
use crate::line::{self, RawLine};
use crate::salvage::Notes;
use crate::summary::Summary;
use crate::{text, time, writer};

/// A frame that has no place yet.
#[derive(Debug)]
pub struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) record: FrameRecord,
    pub(super) summary: Summary,
}

/// Makes frames of whole lines; one per thread.
#[derive(Debug)]
pub struct Packer {
    encoder: FrameEncoder,
    notes: Notes,
}

impl Packer {
    /// A packer.
    ///
    /// # Errors
    /// If zstd refuses its parameters, which it documents as impossible here.
    pub fn new() -> io::Result<Self> {
        Ok(Self { encoder: FrameEncoder::new(LEVEL).map_err(io::Error::other)?, notes: Notes::default() })
    }

    /// One frame of lines as [`plain_line`] writes them.
    ///
    /// # Errors
    /// If zstd fails.
    pub fn pack(&mut self, lines: &[u8]) -> io::Result<Packed> {
        let (mut summary, mut record) = (Summary::default(), FrameRecord::default());
        self.encoder.write(lines).map_err(io::Error::other)?;
        self.encoder.end().map_err(io::Error::other)?;
        let bytes = std::mem::take(self.encoder.out());
        self.notes.add(lines, &mut summary, &mut record);
        writer::finish_record(&mut record, 0, bytes.len() as u64, &mut self.notes.grams);
        Ok(Packed { bytes, record, summary })
    }
}

/// Appends a stored line with its newline in the form that derived captures have: own spelling, UTC, no
/// numbers of the sender's, since they count whole runs. Returns true if bytes that were no text had to be replaced.
pub fn plain_line(out: &mut Vec<u8>, stored: &[u8], parts: &RawLine<'_>, labels: &LabelSet, own: bool) -> bool {
    if own && parts.ts.is_some() {
        match &parts.seq {
            None => out.extend_from_slice(stored),
            Some(seq) => {
                let without = stored.len() - seq.len() - b",\"seq\":\"\"}".len();
                out.extend_from_slice(&stored[..without]);
                out.push(b'}');
            }
        }
        out.push(b'\n');
        return false;
    }
    out.push(b'{');
    if let Some(ts) = parts.ts {
        out.extend_from_slice(b"\"ts\":\"");
        out.extend_from_slice(time::format(ts).as_bytes());
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(b"\"labels\":");
    out.extend_from_slice(labels.json());
    out.extend_from_slice(b",\"msg\":");
    let mut scratch = Vec::new();
    text::push_string(out, &line::decode(&parts.message, &mut scratch));
    if let Some(meta) = &parts.meta {
        out.extend_from_slice(b",\"meta\":");
        out.extend_from_slice(LabelSet::new(line::object_pairs(meta)).json());
    }
    if let Some(rx) = parts.rx {
        out.extend_from_slice(b",\"rx\":\"");
        out.extend_from_slice(time::format(rx).as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b"}\n");
    std::str::from_utf8(stored).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(stored: &str, own: bool) -> String {
        let parts = line::split(stored.as_bytes()).unwrap();
        let labels = LabelSet::new(line::object_pairs(&parts.labels));
        let mut out = Vec::new();
        assert!(!plain_line(&mut out, stored.as_bytes(), &parts, &labels, own));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_spelling() {
        assert_eq!(
            plain(r#"{"msg":"\u003ca\u003e\/","ts":"2025-12-31T19:00:00.7-05:00","labels":{"b":"1","a":"2"}}"#, false),
            "{\"ts\":\"2026-01-01T00:00:00.700000000Z\",\"labels\":{\"a\":\"2\",\"b\":\"1\"},\"msg\":\"<a>/\"}\n"
        );
        assert_eq!(plain(r#"{"msg":"no time","ts":"x"}"#, false), "{\"labels\":{},\"msg\":\"no time\"}\n");
    }

    #[test]
    fn numbers_of_runs_stay_behind() {
        let line = r#"{"ts":"2026-01-01T00:00:00.000000000Z","labels":{},"msg":"x","seq":"pod 1+0000003"}"#;
        assert_eq!(plain(line, true), "{\"ts\":\"2026-01-01T00:00:00.000000000Z\",\"labels\":{},\"msg\":\"x\"}\n");
    }
}
