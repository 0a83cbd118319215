//! The numbers that senders give to lines: written into the first line of each
//! run of them, and what is left of a chunk when some of its lines are known.

use std::ops::Range;
use std::sync::Arc;

use super::{Chunk, ChunkBuilder};
use crate::labels::Labels;
use crate::level::Level;
use crate::line;
use crate::sequence::{self, Kind, MAX_RUN, Run};

/// What stands before the time, the labels and the message of a line of ours.
const TS: &[u8] = b"{\"ts\":\"";
const LABELS: &[u8] = b"\",\"labels\":";
const MESSAGE: &[u8] = b",\"msg\":\"";

/// The run that is being built.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    next: Next,
    /// Place of the count of the run that goes on, in the bytes.
    open: Option<usize>,
}

/// The number of the line to come.
#[derive(Debug, Default)]
enum Next {
    #[default]
    None,
    Follows,
    Begins {
        source: Arc<str>,
        first: u64,
        numbers: u64,
        kind: Kind,
    },
}

impl ChunkBuilder {
    /// The next line pushed is record `number` of `source`.
    pub fn number(&mut self, source: &Arc<str>, number: u64) {
        let last = self.chunk.numbers.last();
        let follows = self.numbering.open.is_some()
            && last.is_some_and(|run| *run.source == **source && run.end() == number && run.numbers < MAX_RUN);
        self.numbering.next = if follows {
            Next::Follows
        } else {
            Next::Begins { source: source.clone(), first: number, numbers: 1, kind: Kind::Lines }
        };
    }

    /// The next line pushed is a mark of `source` that takes so many numbers.
    pub fn number_mark(&mut self, source: &Arc<str>, first: u64, numbers: u64, kind: Kind) {
        self.numbering.next = Next::Begins { source: source.clone(), first, numbers, kind };
    }

    /// Adds a stored line, without its numbers; `labels` are its labels.
    fn push_stored(&mut self, labels: &Labels, stored: &[u8]) {
        let Ok(parts) = line::split(stored) else { return };
        let ts = parts.ts.unwrap_or_default();
        let numbers = parts.seq.as_ref().map_or(0, |seq| seq.len() + br#","seq":"""#.len());
        let times = memchr::memchr(b'"', &stored[TS.len()..]).unwrap_or_default();
        let at = self.chunk.bytes.len() + TS.len() + times + LABELS.len() + labels.json().len() + MESSAGE.len();
        self.chunk.bytes.extend_from_slice(&stored[..stored.len() - numbers - 1]);
        self.chunk.messages.push(at as u32..(at + parts.message.len()) as u32);
        if labels.is_gap() {
            let meta = parts.meta.as_ref().map(|meta| line::object_pairs(meta)).unwrap_or_default();
            self.chunk.lost.note(meta.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
        let mut scratch = Vec::new();
        let level = Level::of(parts.message_text(&mut scratch).as_bytes());
        self.end_line(labels, ts, parts.rx.unwrap_or(ts), level);
    }
}

impl Numbering {
    /// To be called for each line before its end is written.
    pub(super) fn line(&mut self, chunk: &mut Chunk) {
        match std::mem::take(&mut self.next) {
            Next::None => self.end_run(chunk),
            Next::Follows => {
                if let Some(run) = chunk.numbers.last_mut() {
                    run.numbers += 1;
                }
            }
            Next::Begins { source, first, numbers, kind } => {
                self.end_run(chunk);
                let at = sequence::write(&mut chunk.bytes, &source, first, numbers, kind);
                self.open = (kind == Kind::Lines).then_some(at);
                // The line's message is noted already.
                chunk.numbers.push(Run { source, first, numbers, kind, line: chunk.messages.len() - 1 });
            }
        }
    }

    /// Fills in how long the open run has become.
    pub(super) fn end_run(&mut self, chunk: &mut Chunk) {
        if let Some(at) = self.open.take()
            && let Some(run) = chunk.numbers.last()
        {
            sequence::write_count(&mut chunk.bytes, at, run.numbers);
        }
    }
}

impl Chunk {
    /// Labels and time of a line.
    pub(crate) fn line_at(&self, at: usize) -> (&Labels, i64) {
        let ts = line::split(self.stored(at)).ok().and_then(|parts| parts.ts).unwrap_or_default();
        let mut behind = 0;
        let run = self.runs.iter().find(|run| {
            behind += run.lines;
            at < behind as usize
        });
        // There is a run for every line.
        (run.map_or(&self.runs[0].labels, |run| &run.labels), ts)
    }

    /// A line without its newline.
    fn stored(&self, at: usize) -> &[u8] {
        let message = &self.messages[at];
        let (start, end) = (message.start as usize, message.end as usize);
        let start = memchr::memrchr(b'\n', &self.bytes[..start]).map_or(0, |at| at + 1);
        let end = end + memchr::memchr(b'\n', &self.bytes[end..]).unwrap_or_default();
        &self.bytes[start..end]
    }

    /// The chunk without some of its lines, given in order.
    pub(crate) fn without(&self, known: &[Range<usize>]) -> Self {
        let mut builder = ChunkBuilder::default();
        let labels = self.runs.iter().flat_map(|run| std::iter::repeat_n(&run.labels, run.lines as usize));
        let mut numbers = self.numbers.iter().peekable();
        for (at, labels) in labels.enumerate() {
            while numbers.next_if(|run| run.line + run.lines() <= at).is_some() {}
            if known.iter().any(|lines| lines.contains(&at)) {
                continue;
            }
            match numbers.peek().filter(|run| run.line <= at) {
                Some(run) if run.kind == Kind::Lines => {
                    builder.number(&run.source, run.first + (at - run.line) as u64);
                }
                Some(run) => builder.number_mark(&run.source, run.first, run.numbers, run.kind),
                None => {}
            }
            builder.push_stored(labels, self.stored(at));
        }
        builder.finish()
    }
}
