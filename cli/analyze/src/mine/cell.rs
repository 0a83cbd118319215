//! One masked message of one service at one level: counts, times, an example, traces.

use logtap_capture::level::Level;

use crate::pattern::key::{self, Digest, MAX_SOFT};

/// Bytes of an example that are kept.
const MAX_EXAMPLE: usize = 600;
/// Traces kept per cell: those with the smallest hashes, so that no order decides.
const MAX_TRACES: usize = 8;

/// Names a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId {
    /// Hash of the masked message.
    pub pattern: u64,
    /// Hash of the service's name.
    pub service: u64,
    /// Level that the line states.
    pub level: Level,
}

/// A line as a cell sees it.
pub(super) struct Hit<'l> {
    pub(super) id: CellId,
    pub(super) digest: &'l Digest,
    pub(super) ts: Option<i64>,
    /// Its bucket of time, where times are counted.
    pub(super) bucket: Option<u32>,
    pub(super) text: &'l [u8],
}

/// A line that shows what a pattern looks like: the earliest, of equals the one that sorts first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Nanoseconds since 1970; the largest number if the line has no time.
    pub ts: i64,
    /// The message, cut.
    pub text: Box<[u8]>,
}

/// What a folded trace said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trace {
    /// Class of the innermost exception that was named first.
    pub exception: Option<String>,
    /// First frame of the program's own.
    pub frame: Option<String>,
}

/// Counts of one masked message of one service at one level.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Lines, folded ones aside.
    pub count: u64,
    /// Lines that were folded into these.
    pub folded: u64,
    /// Earliest time; the largest number if no line has one.
    pub first: i64,
    /// Latest time; the smallest number if no line has one.
    pub last: i64,
    /// Lines per bucket, in order once [`Cell::settle`] was called.
    pub buckets: Vec<(u32, u32)>,
    /// The line that shows it.
    pub example: Example,
    /// Traces folded into its lines, by hash, with their number.
    pub traces: Vec<(u64, Trace, u64)>,
    soft: [u32; MAX_SOFT],
    /// Bit `n` is set if the `n`-th name had several spellings.
    pub varied: u8,
}

impl Cell {
    pub(super) fn new(hit: &Hit<'_>) -> Self {
        Self {
            count: 0,
            folded: 0,
            first: i64::MAX,
            last: i64::MIN,
            buckets: Vec::new(),
            example: Example { ts: i64::MAX, text: cut(hit.text) },
            traces: Vec::new(),
            soft: hit.digest.soft,
            varied: 0,
        }
    }

    /// Counts a line; `buckets` is the number of all buckets.
    #[inline]
    pub(super) fn add(&mut self, hit: &Hit<'_>, buckets: u32) {
        self.count += 1;
        if self.soft != hit.digest.soft {
            self.vary(&hit.digest.soft);
        }
        let ts = hit.ts.unwrap_or(i64::MAX);
        if ts <= self.example.ts {
            let text = cut(hit.text);
            if ts < self.example.ts || text < self.example.text {
                self.example = Example { ts, text };
            }
        }
        let Some(ts) = hit.ts else { return };
        self.first = self.first.min(ts);
        self.last = self.last.max(ts);
        let Some(bucket) = hit.bucket else { return };
        match self.buckets.last_mut() {
            Some((last, count)) if *last == bucket => *count += 1,
            _ => {
                if self.buckets.len() >= 4 * buckets as usize {
                    self.settle();
                }
                self.buckets.push((bucket, 1));
            }
        }
    }

    fn vary(&mut self, soft: &[u32; MAX_SOFT]) {
        for (at, (mine, other)) in self.soft.iter().zip(soft).enumerate() {
            self.varied |= u8::from(mine != other) << at;
        }
    }

    /// Bit `n` is set if the `n`-th name is spelled differently in the other cell.
    pub(super) fn differs(&self, other: &Self) -> u8 {
        self.soft.iter().zip(&other.soft).enumerate().fold(0, |bits, (at, (a, b))| bits | u8::from(a != b) << at)
    }

    pub(super) fn trace(&mut self, trace: Trace, count: u64) {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let hash =
            key::hash_bytes(key::hash_bytes(1, text(&trace.exception).as_bytes()), text(&trace.frame).as_bytes());
        match self.traces.binary_search_by_key(&hash, |one| one.0) {
            Ok(at) => self.traces[at].2 += count,
            Err(at) => {
                self.traces.insert(at, (hash, trace, count));
                self.traces.truncate(MAX_TRACES);
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.folded += other.folded;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.buckets.extend(other.buckets);
        self.settle();
        self.varied |= other.varied;
        self.vary(&other.soft);
        if other.example < self.example {
            self.example = other.example;
        }
        for (_, trace, count) in other.traces {
            self.trace(trace, count);
        }
    }

    /// Puts the buckets in order, each once.
    pub fn settle(&mut self) {
        self.buckets.sort_unstable_by_key(|(bucket, _)| *bucket);
        self.buckets.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(later.1);
            }
            same
        });
    }
}

fn cut(text: &[u8]) -> Box<[u8]> {
    let mut end = text.len().min(MAX_EXAMPLE);
    while end > 0 && end < text.len() && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    text[..end].into()
}
