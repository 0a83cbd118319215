//! The streams of a capture as a miner meets them: which service they belong
//! to, what trace they are in, and how their times behave.

use hashbrown::HashMap;
use logtap_capture::labels::{LabelSet, SERVICE_LABELS};
use logtap_capture::line;
use logtap_capture::time::SECOND;

use super::cell::{CellId, Trace};
use super::table::Mined;
use crate::pattern::fold::Mode;
use crate::pattern::key;

/// Streams remembered per thread.
const MAX_STREAMS: usize = 50_000;
/// A line this far from the line before it, of another stream, came out of order (nanoseconds).
const OFF: i64 = 5 * SECOND;

/// How the times of a stream's lines behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// Lines that could be compared with a line of another stream before them.
    pub compared: u64,
    /// Of those, lines that are more than five seconds behind.
    pub behind: u64,
    /// Of those, lines that are more than five seconds ahead.
    pub ahead: u64,
    /// Lines.
    pub lines: u64,
    /// Lines without a time.
    pub timeless: u64,
    /// Lines that were received more than ten seconds after their time.
    pub late: u64,
    /// Lines that were received before their time.
    pub early: u64,
}

impl StreamFacts {
    /// Adds another part of the stream.
    pub fn merge(&mut self, other: &Self) {
        self.compared += other.compared;
        self.behind += other.behind;
        self.ahead += other.ahead;
        self.lines += other.lines;
        self.timeless += other.timeless;
        self.late += other.late;
        self.early += other.early;
    }
}

/// The trace that a stream is in.
#[derive(Debug, Default)]
pub(super) struct Tracing {
    pub(super) head: Option<CellId>,
    pub(super) folded: u64,
    pub(super) exception: Option<String>,
    pub(super) frame: Option<String>,
}

/// A stream in the piece that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) hash: u64,
    pub(super) service: u64,
    pub(super) is_mark: bool,
    pub(super) is_gap: bool,
    pub(super) mode: Mode,
    pub(super) tracing: Tracing,
    /// Lines at the start of the piece that go on with something before it.
    leading: u64,
    facts: StreamFacts,
    /// Time of the line of another stream before the next line of this one.
    front: Option<i64>,
    last_ts: Option<i64>,
    touched: bool,
}

impl Stream {
    #[inline]
    pub(super) fn time(&mut self, ts: Option<i64>, rx: Option<i64>) {
        self.facts.lines += 1;
        let Some(ts) = ts else {
            self.facts.timeless += 1;
            return;
        };
        if let Some(rx) = rx {
            self.facts.late += u64::from(rx.saturating_sub(ts) > 2 * OFF);
            self.facts.early += u64::from(rx < ts);
        }
        self.last_ts = Some(ts);
        if let Some(front) = self.front.take() {
            let off = ts.saturating_sub(front);
            self.facts.compared += 1;
            self.facts.behind += u64::from(off < -OFF);
            self.facts.ahead += u64::from(off > OFF);
        }
    }
}

/// All streams that a miner met.
#[derive(Debug)]
pub(super) struct Streams {
    service_label: Option<String>,
    places: HashMap<Box<[u8]>, usize, foldhash::fast::FixedState>,
    all: Vec<Stream>,
    last_raw: Vec<u8>,
    last: usize,
    touched: Vec<usize>,
}

impl Streams {
    pub(super) fn new(service_label: Option<String>) -> Self {
        Self {
            service_label,
            places: HashMap::default(),
            all: Vec::new(),
            last_raw: Vec::new(),
            last: 0,
            touched: Vec::new(),
        }
    }

    /// A piece begins.
    pub(super) fn begin(&mut self) {
        if self.all.len() > MAX_STREAMS {
            self.forget();
        }
    }

    /// Forgets streams between pieces.
    pub(super) fn forget(&mut self) {
        self.all.clear();
        self.places.clear();
        self.last_raw.clear();
        self.touched.clear();
    }

    /// The labels of the line before, as they stand in the file.
    pub(super) fn labels(&self) -> &[u8] {
        &self.last_raw
    }

    #[inline]
    pub(super) fn of(&mut self, raw: &[u8], found: &mut Mined) -> &mut Stream {
        if self.all.is_empty() || self.last_raw != raw {
            let front = self.all.get(self.last).filter(|stream| stream.touched).and_then(|stream| stream.last_ts);
            self.last = match self.places.get(raw) {
                Some(&place) => place,
                None => self.learn(raw, found),
            };
            self.all[self.last].front = front;
            self.last_raw.clear();
            self.last_raw.extend_from_slice(raw);
        }
        let last = self.last;
        let stream = &mut self.all[last];
        if !stream.touched {
            stream.touched = true;
            self.touched.push(self.last);
        }
        stream
    }

    fn learn(&mut self, raw: &[u8], found: &mut Mined) -> usize {
        let labels = LabelSet::new(line::object_pairs(raw));
        let usual = || SERVICE_LABELS.iter().copied().find(|label| labels.get(label).is_some());
        let label = self.service_label.as_deref().or_else(usual).unwrap_or_default();
        let name = labels.get(label).unwrap_or_default();
        self.all.push(Stream {
            hash: key::hash_bytes(2, labels.json()),
            service: found.service(name, label),
            is_mark: labels.is_mark(),
            is_gap: labels.is_gap(),
            mode: Mode::Plain,
            tracing: Tracing::default(),
            leading: 0,
            facts: StreamFacts::default(),
            front: None,
            last_ts: None,
            touched: false,
        });
        self.places.insert(raw.into(), self.all.len() - 1);
        self.all.len() - 1
    }

    /// A piece ends: traces are closed, what they began with and end in is told.
    pub(super) fn end(&mut self, found: &mut Mined, leading: &mut Vec<(u64, u64)>, heads: &mut Vec<(u64, CellId)>) {
        for place in std::mem::take(&mut self.touched) {
            let stream = &mut self.all[place];
            close_trace(stream, found);
            if stream.leading > 0 {
                leading.push((stream.hash, stream.leading));
            }
            heads.extend(stream.tracing.head.map(|head| (stream.hash, head)));
            found.stream(stream.service, stream.hash, &stream.facts);
            stream.leading = 0;
            stream.facts = StreamFacts::default();
            stream.tracing = Tracing::default();
            stream.mode = Mode::Plain;
            stream.front = None;
            stream.last_ts = None;
            stream.touched = false;
        }
    }
}

/// The trace of a stream, if it is in one, is over.
pub(super) fn close_trace(stream: &mut Stream, found: &mut Mined) {
    if stream.tracing.folded == 0 {
        return;
    }
    let Tracing { head, folded, exception, frame } = std::mem::take(&mut stream.tracing);
    match head {
        Some(id) => {
            found.add_folded(id, folded);
            if exception.is_some() || frame.is_some() {
                found.trace(id, Trace { exception, frame });
            }
        }
        None => stream.leading += folded,
    }
    stream.tracing.head = head;
}
