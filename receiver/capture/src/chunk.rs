//! Lines on their way to disk: rendered JSON and what the index needs to know
//! about them, made on any thread and handed to the one writer.

mod numbering;

use std::ops::Range;

use numbering::Numbering;

use crate::labels::Labels;
use crate::level::{LEVELS, Level};
use crate::lost::Lost;
use crate::sequence;
use crate::text;
use crate::time::{self, SECOND};

/// A builder should be finished and a new one begun at this many bytes.
pub const CHUNK_TARGET: usize = 256 * 1024;

/// Bytes of a line for which room is made.
const USUAL_LINE: usize = 256;

/// `rx` is written only where it differs from `ts` by more than this.
pub const RX_TOLERANCE: i64 = 10 * SECOND;

/// Width of the finest timeline bucket.
pub const BUCKET: i64 = 10 * SECOND;

/// Whole JSON lines with the summary of what they hold. Immutable.
#[derive(Debug)]
pub struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Range<u32>>,
    pub(crate) runs: Vec<Run>,
    pub(crate) numbers: Vec<sequence::Run>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) lost: Lost,
    pub(crate) ts: Span,
    pub(crate) rx: Span,
}

impl Chunk {
    /// Number of lines.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Number of lines that somebody sent: those that are no marks.
    #[must_use]
    pub fn sent_lines(&self) -> u64 {
        self.lines() - self.marks()
    }

    /// What gap marks in it call lost.
    #[must_use]
    pub fn lost(&self) -> &Lost {
        &self.lost
    }

    /// Lines that are marks of ours: gaps and ends.
    #[must_use]
    pub fn marks(&self) -> u64 {
        self.runs.iter().filter(|run| run.labels.is_mark()).map(|run| run.lines).sum()
    }

    /// The runs of numbered records.
    #[must_use]
    pub fn numbers(&self) -> &[sequence::Run] {
        &self.numbers
    }

    /// True if every line has a number of its sender's.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.numbers.iter().map(sequence::Run::lines).sum::<usize>() == self.messages.len()
    }

    /// The JSON lines.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// About the bytes of memory that the chunk holds on to. With a label set
    /// of its own for each line, the sets outweigh the lines.
    #[must_use]
    pub fn footprint(&self) -> usize {
        const RUN: usize = 512;
        self.bytes.capacity() + self.runs.len() * RUN
    }

    /// Smallest and largest `ts`, nanoseconds.
    #[must_use]
    pub fn ts(&self) -> Span {
        self.ts
    }

    /// Service and lines of each run of lines with the same labels; a service may come more than once.
    pub fn services(&self) -> impl Iterator<Item = (&str, u64)> {
        self.runs.iter().map(|run| (&**run.labels.service(), run.lines))
    }
}

/// Consecutive lines of one label set.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) labels: Labels,
    pub(crate) lines: u64,
}

/// Line counts by level of one label set in one time bucket.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) bucket: i64,
    pub(crate) labels: Labels,
    pub(crate) levels: [u64; LEVELS],
}

/// A closed range of nanoseconds; empty while `from > to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Smallest value.
    pub from: i64,
    /// Largest value.
    pub to: i64,
}

impl Default for Span {
    fn default() -> Self {
        Self { from: i64::MAX, to: i64::MIN }
    }
}

impl Span {
    /// A range of one instant.
    #[must_use]
    pub fn at(ns: i64) -> Self {
        Self { from: ns, to: ns }
    }

    /// Widens the range to contain `ns`.
    pub fn add(&mut self, ns: i64) {
        self.from = self.from.min(ns);
        self.to = self.to.max(ns);
    }

    /// Widens the range to contain `other`.
    pub fn merge(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
    }

    /// True if nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from > self.to
    }
}

/// Renders lines into a chunk.
#[derive(Debug)]
pub struct ChunkBuilder {
    chunk: Chunk,
    numbering: Numbering,
    ts_format: time::Formatter,
    rx_format: time::Formatter,
    rx_always: bool,
}

impl Default for ChunkBuilder {
    fn default() -> Self {
        Self::new(false)
    }
}

impl ChunkBuilder {
    /// `rx_always` writes the receive time on every line.
    #[must_use]
    pub fn new(rx_always: bool) -> Self {
        Self {
            chunk: Chunk {
                bytes: Vec::new(),
                messages: Vec::new(),
                runs: Vec::new(),
                numbers: Vec::new(),
                cells: Vec::new(),
                lost: Lost::default(),
                ts: Span::default(),
                rx: Span::default(),
            },
            numbering: Numbering::default(),
            ts_format: time::Formatter::default(),
            rx_format: time::Formatter::default(),
            rx_always,
        }
    }

    /// Bytes rendered so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunk.bytes.len()
    }

    /// Makes room for a chunk of up to [`CHUNK_TARGET`], as far as `expected` bytes of lines ask for it.
    pub fn reserve(&mut self, expected: usize) {
        let room = expected.min(CHUNK_TARGET + CHUNK_TARGET / 16);
        self.chunk.bytes.reserve(room);
        self.chunk.messages.reserve(room / USUAL_LINE);
    }

    /// True before the first line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunk.messages.is_empty()
    }

    /// Adds one line. Times are nanoseconds since 1970; `meta` is written in the given order.
    pub fn push<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        labels: &Labels,
        ts: i64,
        rx: i64,
        message: &str,
        meta: &[(K, V)],
    ) {
        if labels.is_gap() {
            self.chunk.lost.note(meta.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        }
        let out = &mut self.chunk.bytes;
        out.reserve(message.len() + labels.json().len() + 64);
        out.extend_from_slice(b"{\"ts\":\"");
        out.extend_from_slice(self.ts_format.format(ts));
        out.extend_from_slice(b"\",\"labels\":");
        out.extend_from_slice(labels.json());
        out.extend_from_slice(b",\"msg\":\"");
        let start = out.len() as u32;
        text::push_escaped(out, message.as_bytes());
        self.chunk.messages.push(start..out.len() as u32);
        out.push(b'"');
        if !meta.is_empty() {
            push_meta(out, meta);
        }
        if self.rx_always || (i128::from(rx) - i128::from(ts)).abs() > i128::from(RX_TOLERANCE) {
            out.extend_from_slice(b",\"rx\":\"");
            out.extend_from_slice(self.rx_format.format(rx));
            out.push(b'"');
        }
        self.end_line(labels, ts, rx, Level::of(message.as_bytes()));
    }

    fn end_line(&mut self, labels: &Labels, ts: i64, rx: i64, level: Level) {
        self.numbering.line(&mut self.chunk);
        self.chunk.bytes.extend_from_slice(b"}\n");
        self.count(labels, ts, rx, level);
    }

    fn count(&mut self, labels: &Labels, ts: i64, rx: i64, level: Level) {
        let chunk = &mut self.chunk;
        chunk.ts.add(ts);
        chunk.rx.add(rx);
        match chunk.runs.last_mut() {
            Some(run) if same(&run.labels, labels) => run.lines += 1,
            _ => chunk.runs.push(Run { labels: labels.clone(), lines: 1 }),
        }
        let bucket = ts.div_euclid(BUCKET);
        match chunk.cells.last_mut() {
            Some(cell) if cell.bucket == bucket && same(&cell.labels, labels) => cell.levels[level as usize] += 1,
            _ => {
                let mut levels = [0; LEVELS];
                levels[level as usize] = 1;
                chunk.cells.push(Cell { bucket, labels: labels.clone(), levels });
            }
        }
    }

    /// The finished chunk.
    #[must_use]
    pub fn finish(mut self) -> Chunk {
        self.numbering.end_run(&mut self.chunk);
        self.chunk
    }
}

fn same(a: &Labels, b: &Labels) -> bool {
    std::sync::Arc::ptr_eq(a, b)
}

fn push_meta<K: AsRef<str>, V: AsRef<str>>(out: &mut Vec<u8>, meta: &[(K, V)]) {
    out.extend_from_slice(b",\"meta\":{");
    for (at, (name, value)) in meta.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        text::push_string(out, name.as_ref());
        out.push(b':');
        text::push_string(out, value.as_ref());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use std::sync::Arc;

    #[test]
    fn lines_read_as_json() {
        let labels = Arc::new(LabelSet::new([("app".to_owned(), "a\"b".to_owned())]));
        let mut builder = ChunkBuilder::default();
        builder.push(&labels, 0, SECOND, "one\ttwo", &[("k", "v\n")]);
        builder.push(&labels, 0, 11 * SECOND, "ERROR late", &[("", ""); 0]);
        let chunk = builder.finish();
        let lines: Vec<serde_json::Value> = chunk
            .bytes()
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(
            lines[0],
            serde_json::json!({"ts":"1970-01-01T00:00:00.000000000Z","labels":{"app":"a\"b"},"msg":"one\ttwo","meta":{"k":"v\n"}})
        );
        assert_eq!(lines[1]["rx"], "1970-01-01T00:00:11.000000000Z");
        assert_eq!(chunk.runs.len(), 1);
        assert_eq!(chunk.cells[0].levels[Level::Error as usize], 1);
        let message = &chunk.messages[0];
        assert_eq!(&chunk.bytes()[message.start as usize..message.end as usize], br"one\ttwo");
    }
}
