//! Which lines of which sender are in the capture, so that each is kept once.
//!
//! A sender's source numbers its records; the first line of each run of them
//! carries the key `seq`, and what a source has to send next follows from the
//! data files alone. `docs/protocol.md` describes the whole.

mod follow;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use hashbrown::HashMap;

pub(crate) use follow::Follow;

use crate::chunk::{Chunk, ChunkBuilder};
use crate::labels::{self, LabelSet, Labels};
use crate::lost;

/// Sources remembered; the one that was silent for longest is forgotten first.
pub const MAX_SOURCES: usize = 65_536;
/// Digits that a run's count has in the file. It is filled in when the run ends.
pub(crate) const COUNT_DIGITS: usize = 7;
/// Most records of one run.
pub(crate) const MAX_RUN: u64 = 10u64.pow(COUNT_DIGITS as u32) - 1;

/// Why records are missing that a source numbered and that never came here.
pub const NOT_RECEIVED: &str = "not_received";

/// What a run's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines, one number each.
    Lines,
    /// The mark of a gap: one line, as many numbers as it takes.
    Gap,
    /// The mark that a source has ended.
    End,
}

/// Consecutive records of one source in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The source.
    pub source: Arc<str>,
    /// The first number.
    pub first: u64,
    /// How many numbers follow one another.
    pub numbers: u64,
    /// What the records are.
    pub kind: Kind,
    /// Position of its first line in the chunk.
    pub line: usize,
}

impl Run {
    /// The number behind the last one.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.numbers)
    }

    /// Lines of the run.
    #[must_use]
    pub fn lines(&self) -> usize {
        if self.kind == Kind::Lines { usize::try_from(self.numbers).unwrap_or(usize::MAX) } else { 1 }
    }
}

/// A stored `seq`: source, first number, count, kind.
pub(crate) fn parse(seq: &[u8]) -> Option<(&str, u64, u64, Kind)> {
    let mut words = std::str::from_utf8(seq).ok()?.split(' ');
    let (source, first, count) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let kind = match words.next() {
        None => Kind::Lines,
        Some("gap") => Kind::Gap,
        Some("end") => Kind::End,
        Some(_) => return None,
    };
    (words.next().is_none() && !source.is_empty()).then_some((source, first, count, kind))
}

/// Writes the key for a run; gives the place of its count, which is not known yet in a run of lines.
pub(crate) fn write(out: &mut Vec<u8>, source: &str, first: u64, numbers: u64, kind: Kind) -> usize {
    out.extend_from_slice(b",\"seq\":\"");
    out.extend_from_slice(source.as_bytes());
    let written = write!(out, " {first} ");
    debug_assert!(written.is_ok(), "a vector takes every write");
    let at = out.len();
    let (digits, word) = match kind {
        Kind::Lines => (COUNT_DIGITS, ""),
        Kind::Gap => (0, " gap"),
        Kind::End => (0, " end"),
    };
    let written = write!(out, "{numbers:0digits$}{word}\"");
    debug_assert!(written.is_ok(), "a vector takes every write");
    at
}

/// Fills in the count of a run of lines.
pub(crate) fn write_count(out: &mut [u8], at: usize, mut numbers: u64) {
    for digit in out[at..at + COUNT_DIGITS].iter_mut().rev() {
        *digit = b'0' + (numbers % 10) as u8;
        numbers /= 10;
    }
}

/// What is known about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The number after the highest one in the capture.
    pub next: u64,
    /// Time of its last line, nanoseconds.
    pub at: i64,
    /// Whether its last record says that nothing more will come.
    pub ended: bool,
    /// Labels of its last line.
    pub labels: Labels,
    /// When it was last heard of; only the order counts.
    heard: u64,
}

/// The sources of a file or a capture.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    known: HashMap<Arc<str>, Source, foldhash::fast::RandomState>,
    clock: u64,
}

impl Sources {
    /// What is known about a source.
    #[must_use]
    pub fn get(&self, source: &str) -> Option<&Source> {
        self.known.get(source)
    }

    /// All sources by name.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&str, &Source> {
        self.known.iter().map(|(name, source)| (&**name, source)).collect()
    }

    /// All sources, the one silent for longest first.
    pub(crate) fn by_age(&self) -> Vec<(&str, &Source)> {
        let mut all: Vec<_> = self.known.iter().map(|(name, source)| (&**name, source)).collect();
        all.sort_by_key(|(_, source)| source.heard);
        all
    }

    /// Number of sources known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True if none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes note of records up to `next`, the last of them at `at`.
    pub fn note(&mut self, source: &Arc<str>, next: u64, at: i64, ended: bool, labels: &Labels) {
        self.clock += 1;
        let heard = self.clock;
        if let Some(known) = self.known.get_mut(source) {
            if next > known.next {
                *known = Source { next, at, ended, labels: labels.clone(), heard };
            }
            return;
        }
        if self.known.len() >= MAX_SOURCES {
            self.forget();
        }
        self.known.insert(Arc::clone(source), Source { next, at, ended, labels: labels.clone(), heard });
    }

    /// Adds what a later file knows.
    pub fn merge(&mut self, later: &Self) {
        for (name, source) in later.by_age() {
            self.note(&name.into(), source.next, source.at, source.ended, &source.labels);
        }
    }

    /// Makes room: the quarter that was silent for longest goes at once, so that this is seldom.
    fn forget(&mut self) {
        let mut heard: Vec<u64> = self.known.values().map(|source| source.heard).collect();
        let (_, limit, _) = heard.select_nth_unstable(MAX_SOURCES / 4);
        let limit = *limit;
        self.known.retain(|_, source| source.heard > limit);
    }

    pub(crate) fn note_chunk(&mut self, chunk: &Chunk) {
        for run in chunk.numbers() {
            let (labels, ts) = chunk.line_at(run.line + run.lines() - 1);
            self.note(&run.source, run.end(), ts, run.kind == Kind::End, labels);
        }
    }
}

/// Lines that a source skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The source.
    pub source: Arc<str>,
    /// The first missing number.
    pub first: u64,
    /// How many are missing.
    pub numbers: u64,
    /// Time of the last line before and the first one after.
    pub between: (i64, i64),
    /// Labels of the first line after.
    pub labels: Labels,
}

impl Missing {
    /// The mark that stands in their place; `rx` is the time now, nanoseconds.
    #[must_use]
    pub fn mark(&self, rx: i64) -> Chunk {
        let gap = [(labels::MARK.to_owned(), labels::GAP.to_owned())];
        let labels = Arc::new(LabelSet::new(self.labels.pairs().iter().cloned().chain(gap)));
        let mut builder = ChunkBuilder::default();
        builder.number_mark(&self.source, self.first, self.numbers, Kind::Gap);
        let (text, meta) = lost::describe(Some(self.numbers), NOT_RECEIVED, self.between.0, self.between.1);
        builder.push(&labels, self.between.1, rx, &text, &meta);
        builder.finish()
    }
}

/// Compares the records of batches with what the capture has, in the order in which they will be written.
#[derive(Debug)]
pub struct Admission<'s> {
    sources: &'s Sources,
    /// Next numbers and times once the batches admitted so far are written.
    ahead: HashMap<Arc<str>, (u64, i64), foldhash::fast::RandomState>,
}

/// What of a chunk is new.
#[derive(Debug, Default)]
pub struct Admitted {
    /// The new lines, where not all are.
    pub rest: Option<Chunk>,
    /// Records that the capture has already, marks not counted.
    pub repeated: u64,
    /// Marks that it has already.
    pub repeated_marks: u64,
    /// What was skipped before the new records.
    pub missing: Vec<Missing>,
}

impl<'s> Admission<'s> {
    /// Begins with what the capture has.
    #[must_use]
    pub fn new(sources: &'s Sources) -> Self {
        Self { sources, ahead: HashMap::default() }
    }

    fn next(&self, source: &str) -> Option<(u64, i64)> {
        self.ahead.get(source).copied().or_else(|| self.sources.get(source).map(|known| (known.next, known.at)))
    }

    /// Looks at the next chunk to be written.
    pub fn admit(&mut self, chunk: &Chunk) -> Admitted {
        let mut admitted = Admitted::default();
        let mut known: Vec<std::ops::Range<usize>> = Vec::new();
        for run in chunk.numbers() {
            let (last_labels_line, last) = (run.line + run.lines() - 1, run.end());
            let ts = chunk.line_at(last_labels_line).1;
            if let Some((next, at)) = self.next(&run.source) {
                if run.first > next {
                    let (labels, first_ts) = chunk.line_at(run.line);
                    admitted.missing.push(Missing {
                        source: run.source.clone(),
                        first: next,
                        numbers: run.first - next,
                        between: (at, first_ts),
                        labels: labels.clone(),
                    });
                }
                let repeated = next.saturating_sub(run.first).min(run.numbers);
                if run.kind == Kind::Lines {
                    let lines = usize::try_from(repeated).unwrap_or(usize::MAX);
                    known.push(run.line..run.line + lines);
                    admitted.repeated += repeated;
                } else if repeated == run.numbers {
                    known.push(run.line..run.line + 1);
                    admitted.repeated_marks += 1;
                }
                if last <= next {
                    continue;
                }
            }
            self.ahead.insert(run.source.clone(), (last, ts));
        }
        known.retain(|lines| !lines.is_empty());
        if !known.is_empty() {
            admitted.rest = Some(chunk.without(&known));
        }
        admitted
    }
}
