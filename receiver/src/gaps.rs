//! Lost lines leave a mark in the capture: what was dropped is remembered here
//! until the writer has written it down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use logtap_capture::chunk::{Chunk, ChunkBuilder, Span};
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::time;

/// Why lines are dropped. The names are part of metrics, metadata and marks.
pub mod reason {
    /// More bytes wait for the writer than allowed.
    pub const QUEUE_FULL: &str = "queue_full";
    /// The writer did not begin within the acknowledgement timeout.
    pub const ACK_TIMEOUT: &str = "ack_timeout";
    /// The receiver was told to stop at once.
    pub const SHUTDOWN: &str = "shutdown";
}

/// Losses that are not yet marked.
#[derive(Debug)]
pub(crate) struct Gaps {
    labels: Labels,
    pending: Mutex<BTreeMap<&'static str, Loss>>,
}

#[derive(Debug, Clone, Copy)]
struct Loss {
    lines: u64,
    ts: Span,
}

/// Marks on their way to the file.
#[derive(Debug)]
pub(crate) struct Marks {
    pub(crate) chunk: Chunk,
    losses: BTreeMap<&'static str, Loss>,
}

impl Default for Gaps {
    fn default() -> Self {
        Self { labels: Arc::new(LabelSet::gap()), pending: Mutex::default() }
    }
}

impl Gaps {
    pub(crate) fn add(&self, reason: &'static str, lines: u64, ts: Span) {
        self.put(reason, Loss { lines, ts });
    }

    fn put(&self, reason: &'static str, more: Loss) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let loss = pending.entry(reason).or_insert(Loss { lines: 0, ts: Span::default() });
        loss.lines += more.lines;
        loss.ts.merge(more.ts);
    }

    /// The marks for everything pending, if anything is.
    pub(crate) fn take(&self) -> Option<Marks> {
        let losses = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if losses.is_empty() {
            return None;
        }
        let now = time::now();
        let mut builder = ChunkBuilder::default();
        for (reason, loss) in &losses {
            let (from, to) = (time::format(loss.ts.from), time::format(loss.ts.to));
            let text = format!("dropped {} lines ({reason}) between {from} and {to}", loss.lines);
            builder.push(&self.labels, now, now, &text, &[("", ""); 0]);
        }
        Some(Marks { chunk: builder.finish(), losses })
    }

    /// Marks that could not be written come back.
    pub(crate) fn put_back(&self, marks: &Marks) {
        for (reason, loss) in &marks.losses {
            self.put(reason, *loss);
        }
    }
}
