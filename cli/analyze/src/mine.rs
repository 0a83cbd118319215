//! From stored lines to counts: how often each masked message came, from which
//! service, at which level, when. One [`Miner`] per thread; what they found is
//! merged by content, so that neither threads nor files leave a trace in it.

mod cell;
mod copies;
mod frequent;
mod grid;
mod streams;
mod table;

pub use cell::{Cell, CellId, Example, Trace};
pub use frequent::{Counts, Ranks};
pub use grid::Grid;
pub use streams::StreamFacts;
pub use table::{Mined, Service, Templates, templates};

use hashbrown::HashMap;
use logtap_capture::level::Level;
use logtap_capture::line::{self, RawLine};

use crate::pattern::{fold, key, message};
use cell::Hit;
use streams::{Streams, Tracing};

/// What to mine and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The label that names a line's service; the usual ones if not given.
    pub service_label: Option<String>,
    /// Buckets of time; none if times are not needed.
    pub grid: Option<Grid>,
    /// Which masked messages are kept where there are too many.
    pub ranks: Ranks,
    /// Only lines from this time on (nanoseconds since 1970).
    pub from: Option<i64>,
    /// Only lines up to this time.
    pub to: Option<i64>,
}

impl Options {
    fn narrowed(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    fn wants(&self, ts: i64) -> bool {
        self.from.is_none_or(|from| ts >= from) && self.to.is_none_or(|to| ts <= to)
    }
}

/// What became of the lines of a piece.
#[derive(Debug, Default)]
pub struct Piece {
    /// Lines, blank ones aside.
    pub lines: u64,
    /// Of those, lines that are no log lines; lines outside the range that was asked for are not looked at.
    pub not_a_line: u64,
    /// Lines at the start of a stream's part that go on with a trace from before the piece.
    leading: Vec<(u64, u64)>,
    /// The last head of each stream.
    heads: Vec<(u64, CellId)>,
}

/// Joins traces across pieces. Pieces must come in order.
#[derive(Debug, Default)]
pub struct Carry {
    heads: HashMap<u64, CellId, foldhash::fast::FixedState>,
    folded: HashMap<CellId, u64, foldhash::fast::FixedState>,
}

impl Carry {
    /// Takes what a piece says about its ends.
    pub fn take(&mut self, piece: &Piece) {
        for (stream, lines) in &piece.leading {
            if let Some(head) = self.heads.get(stream) {
                *self.folded.entry(*head).or_default() += lines;
            }
        }
        self.heads.extend(piece.heads.iter().copied());
    }

    /// Counts the lines that were joined.
    pub fn finish(self, mined: &mut Mined) {
        for (id, lines) in self.folded {
            mined.add_folded(id, lines);
        }
    }
}

/// Counts lines; one per thread.
#[derive(Debug)]
pub struct Miner {
    options: Options,
    streams: Streams,
    found: Mined,
    scratch: Vec<u8>,
    inner: Vec<u8>,
}

impl Miner {
    /// A miner that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let streams = Streams::new(options.service_label.clone());
        let found = Mined::new(options.grid, options.ranks.clone());
        Self { options, streams, found, scratch: Vec::new(), inner: Vec::new() }
    }

    /// Counts whole lines.
    pub fn lines(&mut self, lines: &[u8]) -> Piece {
        let mut piece = Piece::default();
        self.streams.begin();
        let narrowed = self.options.narrowed();
        let mut at = 0;
        while at < lines.len() {
            let end = memchr::memchr(b'\n', &lines[at..]).map_or(lines.len(), |length| at + length);
            let text = &lines[at..end];
            at = end + 1;
            if text.is_empty() || text == b"\r" {
                continue;
            }
            piece.lines += 1;
            if narrowed && line::time_of(text).is_some_and(|ts| !self.options.wants(ts)) {
                continue;
            }
            match line::split_after(self.streams.labels(), text) {
                Ok(parts) => self.line(&parts),
                Err(_) => piece.not_a_line += 1,
            }
        }
        self.found.rejected += piece.not_a_line;
        self.streams.end(&mut self.found, &mut piece.leading, &mut piece.heads);
        piece
    }

    fn line(&mut self, parts: &RawLine<'_>) {
        let Self { options, streams, found, scratch, inner } = self;
        if options.narrowed() && !parts.ts.is_some_and(|ts| options.wants(ts)) {
            return;
        }
        let stream = streams.of(&parts.labels, found);
        let text = line::decode(&parts.message, scratch);
        if stream.is_mark {
            return found.mark(stream.is_gap, parts.ts, &text);
        }
        stream.time(parts.ts, parts.rx);
        let service = stream.service;
        let bytes = text.as_bytes();
        if let (Some(ts), Some(_)) = (parts.ts, &options.grid) {
            found.copy(stream.hash, ts, bytes);
        }
        let bucket = options.grid.as_ref().zip(parts.ts).map(|(grid, ts)| grid.bucket(ts));
        match fold::place(&text, &mut stream.mode) {
            fold::Part::Head => {}
            part => return goes_on(part, stream, found, bucket, service),
        }
        streams::close_trace(stream, found);
        let level = Level::of(bytes);
        let fields = message::fields(bytes, inner);
        let digest = fields.as_ref().map_or_else(|| key::digest(bytes), message::Fields::digest);
        let build = || fields.as_ref().map_or_else(|| key::build(bytes), message::Fields::build);
        let id = CellId { pattern: digest.hash, service, level };
        found.hit(&Hit { id, digest: &digest, ts: parts.ts, bucket, text: bytes }, build);
        stream.tracing = Tracing { head: Some(id), ..Tracing::default() };
    }
}

/// A line that goes on with a trace.
fn goes_on(part: fold::Part<'_>, stream: &mut streams::Stream, found: &mut Mined, bucket: Option<u32>, service: u64) {
    found.total(service, None, bucket);
    let tracing = &mut stream.tracing;
    tracing.folded += 1;
    match part {
        fold::Part::Exception(name) if tracing.exception.is_none() => tracing.exception = Some(name.to_owned()),
        fold::Part::Frame(frame) if tracing.frame.is_none() && fold::is_own(frame) => {
            tracing.frame = Some(frame.to_owned());
        }
        _ => {}
    }
}

impl Miner {
    /// What it found.
    #[must_use]
    pub fn finish(self) -> Mined {
        self.found
    }

    /// Takes what was found so far, leaving nothing.
    pub fn take(&mut self) -> Mined {
        let grid = self.options.grid;
        self.streams.forget();
        std::mem::replace(&mut self.found, Mined::new(grid, self.options.ranks.clone()))
    }
}
