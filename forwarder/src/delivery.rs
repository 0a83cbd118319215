//! Gets the journal's requests to the target: the oldest first, one at a time, each until its fate is
//! settled.

mod cut;
mod push;
mod target;

use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use cut::Lost;
pub(crate) use push::{Outcome, Pusher};
pub(crate) use target::{Target, TargetError};

use crate::intake::Intake;
use crate::journal::Ready;
use crate::report::Report;

/// How often the figures are said while lines arrive.
const FIGURES: Duration = Duration::from_secs(60);
/// Size of a request with one record from which it is called large, bytes. A target that finds a
/// smaller one too large will take none.
const LARGE: usize = 16 << 10;

/// The way out.
pub(crate) struct Delivery {
    pusher: Pusher,
    intake: Rc<Intake>,
    report: Rc<Report>,
}

impl Delivery {
    pub(crate) fn new(pusher: Pusher, intake: Rc<Intake>, report: Rc<Report>) -> Self {
        Self { pusher, intake, report }
    }

    /// Delivers until the sources are over and everything is sent. Dropped before that, it leaves the
    /// rest in the journal.
    pub(crate) async fn run(&mut self) {
        let mut said = Instant::now();
        while let Some(ready) = self.intake.next().await {
            let refused = self.deliver(&ready).await;
            self.intake.acknowledge(&ready);
            let lines: u64 = ready.shares.iter().map(|share| share.lines).sum();
            self.intake.figures.sent.add(lines.saturating_sub(refused));
            self.intake.figures.refused.add(refused);
            if said.elapsed() >= FIGURES {
                said = Instant::now();
                self.report.say(&self.intake.figures.to_string());
            }
        }
    }

    /// One request; in halves where it is too large for the target. How many lines it refused.
    async fn deliver(&mut self, ready: &Ready) -> u64 {
        let mut outcome = self.pusher.push(ready.body.clone()).await;
        if outcome == Outcome::Taken {
            return 0;
        }
        let Ok(plain) = snap::raw::Decoder::new().decompress_vec(&ready.body) else { return 0 };
        let (mut open, mut plain, mut refused) = (Vec::new(), plain, 0);
        loop {
            let halves = (outcome == Outcome::TooLarge).then(|| cut::halves(&plain)).flatten();
            match (outcome, halves) {
                (Outcome::Taken, _) => {}
                (_, Some((one, two))) => open.extend([two, one]),
                (_, None) => {
                    if outcome == Outcome::TooLarge && plain.len() < LARGE {
                        // The parts stand in their order, the next one last.
                        plain.extend(open.drain(..).rev().flatten());
                    }
                    refused += self.replace(&plain, outcome).await;
                }
            }
            let Some(next) = open.pop() else { return refused };
            plain = next;
            outcome = self.pusher.push(packed(&plain)).await;
        }
    }

    /// Puts marks in the place of records that the target will never take. How many lines are lost.
    async fn replace(&mut self, plain: &[u8], outcome: Outcome) -> u64 {
        let Some((marks, lines)) = cut::replaced(plain, "refused") else { return 0 };
        let marked = self.pusher.push(packed(&marks)).await == Outcome::Taken;
        let more = if marked { "" } else { ", and it takes no mark of that" };
        self.report.seldom("refused", &format!("{lines} lines are lost: the target {outcome}{more}"));
        lines
    }

    /// Once there is no time left: tells the target how much it does not get. One try, without waiting.
    /// `complete` says whether the sources were read to their end.
    pub(crate) async fn declare(&mut self, complete: bool) {
        let base = self.intake.labels();
        let unsent = self.intake.unsent();
        let mut plain = Vec::new();
        for share in &unsent {
            let mut labels: Vec<(&str, &str)> = base.iter().map(|(name, value)| (*name, value.as_str())).collect();
            labels.push(("container", &share.container));
            let labels = logtap_push::encode::label_text(&labels);
            let (source, first, numbers, lines) = (&share.source, share.first, share.records, share.lines);
            let lost = Lost { labels: &labels, source, first, numbers, lines, from: share.from, to: share.to };
            lost.write_count(complete.then_some(lines), "unsent", &mut plain);
        }
        if !plain.is_empty() && self.pusher.try_once(packed(&plain)).await {
            self.intake.write_off();
        }
    }
}

fn packed(plain: &[u8]) -> Bytes {
    snap::raw::Encoder::new().compress_vec(plain).unwrap_or_default().into()
}

#[cfg(test)]
mod tests;
