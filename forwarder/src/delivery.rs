//! Takes pieces from the sources and gets them to the target, in order: collect a batch, push it
//! until it is taken, collect the next. While a push is under way the sources wait for room in the
//! channel.

mod batch;
mod push;
mod target;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout_at;

use batch::Batch;
pub(crate) use push::{Outcome, Pusher};
pub(crate) use target::{Target, TargetError};

use crate::report::Report;
use crate::source::Piece;

/// How long a line may wait for others.
const AGE: Duration = Duration::from_secs(1);
/// How often the figures are said while lines arrive.
const FIGURES: Duration = Duration::from_secs(60);

/// What came of the lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Lines that the target took.
    pub(crate) sent: u64,
    /// Lines that the target will never take.
    pub(crate) refused: u64,
    /// Lines read and not yet taken.
    pub(crate) waiting: u64,
}

/// The way out.
pub(crate) struct Delivery {
    pusher: Pusher,
    labels: Vec<(&'static str, String)>,
    report: Rc<Report>,
    figures: Figures,
}

impl Delivery {
    pub(crate) fn new(pusher: Pusher, labels: Vec<(&'static str, String)>, report: Rc<Report>) -> Self {
        Self { pusher, labels, report, figures: Figures::default() }
    }

    /// What came of the lines so far.
    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }

    /// Delivers until all senders are gone and everything is sent. Dropped before that, it leaves
    /// what it has as waiting.
    pub(crate) async fn run(&mut self, pieces: &mut mpsc::Receiver<Piece>) {
        let mut said = Instant::now();
        while let Some(batch) = collect(pieces).await {
            self.figures.waiting += batch.lines();
            self.deliver(batch).await;
            if said.elapsed() >= FIGURES {
                said = Instant::now();
                self.report.say(&format!("{} lines sent, {} refused", self.figures.sent, self.figures.refused));
            }
        }
    }

    /// One batch; in halves where it is too large for the target.
    async fn deliver(&mut self, batch: Batch) {
        let mut open = vec![batch];
        while let Some(batch) = open.pop() {
            let lines = batch.lines();
            let body = batch.encode(&self.labels).into();
            let outcome = self.pusher.push(body).await;
            match outcome {
                Outcome::TooLarge if lines > 1 => {
                    let (first, second) = batch.halves();
                    open.extend([second, first]);
                    continue;
                }
                Outcome::Taken => self.figures.sent += lines,
                Outcome::Refused(_) | Outcome::TooLarge => {
                    self.figures.refused += lines;
                    self.report.seldom("refused", &format!("{lines} lines are lost: the target {outcome}"));
                }
            }
            self.figures.waiting -= lines;
        }
    }
}

/// The next batch: full, or as old as it may be. `None` when there will be no more.
async fn collect(pieces: &mut mpsc::Receiver<Piece>) -> Option<Batch> {
    let mut batch = Batch::default();
    batch.add(pieces.recv().await?);
    let due = tokio::time::Instant::now() + AGE;
    while !batch.is_full() {
        match timeout_at(due, pieces.recv()).await {
            Ok(Some(piece)) => batch.add(piece),
            Ok(None) | Err(_) => break,
        }
    }
    Some(batch)
}

#[cfg(test)]
mod tests;
