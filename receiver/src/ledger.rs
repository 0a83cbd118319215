//! Every line that comes in has exactly one outcome, at every moment:
//! received = written + dropped + rejected + in flight.
//!
//! One mutex, taken a few times per request, keeps the sum right for whoever
//! looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use logtap_capture::chunk::Chunk;
use logtap_capture::lost::Lost;
use logtap_capture::session::Tally;

/// Services counted by name; the rest counts as `__other__`.
const MAX_SERVICES: usize = 1000;

/// Line counts of this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that senders sent.
    pub received: u64,
    /// Lines in a file.
    pub written: u64,
    /// Lines decoded whose outcome is open.
    pub in_flight: u64,
    /// Marks in the capture: of gaps, and of sources that ended.
    pub marks: u64,
    /// Lines that senders sent again although they were in the capture; not counted as received.
    pub repeated: u64,
    /// Lines that never came, as gap marks of numbered senders say.
    pub lost: Lost,
    /// Lines lost, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Lines refused, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Lines changed, by reason.
    pub altered: BTreeMap<&'static str, u64>,
    /// Values redacted, by position of the rule.
    pub redacted: Vec<u64>,
    /// Bytes of rendered lines written.
    pub bytes_written: u64,
    /// Requests by answer.
    pub answers: BTreeMap<u16, u64>,
    /// Bodies by what they were: format and encoding.
    pub bodies: BTreeMap<&'static str, u64>,
    /// Bytes of request bodies as sent.
    pub body_bytes: u64,
    /// Lines dropped, by reason and service.
    pub dropped_by_service: BTreeMap<(&'static str, String), u64>,
    /// Open connections.
    pub connections: u64,
    /// Upper bounds (µs) of answer times and how many were at most so long.
    pub latency: Latency,
}

/// Histogram of push durations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latency {
    buckets: [u64; Latency::BOUNDS.len()],
    /// Number of requests.
    pub count: u64,
    /// Sum in microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// Upper bounds in microseconds.
    pub const BOUNDS: [u64; 10] = [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000];

    fn add(&mut self, us: u64) {
        self.count += 1;
        self.sum_us += us;
        for (bucket, bound) in self.buckets.iter_mut().zip(Self::BOUNDS) {
            *bucket += u64::from(us <= bound);
        }
    }

    /// Bound and cumulative count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        Self::BOUNDS.into_iter().zip(self.buckets)
    }
}

impl Counts {
    /// Lines dropped for any reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Lines rejected for any reason.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// True if every received line has an outcome or is in flight.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.received == self.written + self.in_flight + self.dropped_total() + self.rejected_total()
    }
}

/// What a running receiver looks like from outside.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Line counts.
    pub counts: Counts,
    /// Disk figures.
    pub usage: logtap_capture::session::Usage,
    /// Bytes that wait for the writer.
    pub queued_bytes: usize,
    /// Names of the redaction rules, in the order of `counts.redacted`.
    pub rules: Vec<String>,
}

/// The counts, shared.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Counts>);

impl Ledger {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines that were decoded: some refused, the others on their way.
    pub(crate) fn decoded(&self, lines: u64, decoded: &Decoded) {
        let mut counts = self.lock();
        counts.received += lines + decoded.rejected.iter().map(|(_, n)| n).sum::<u64>();
        counts.in_flight += lines;
        for (reason, n) in &decoded.rejected {
            *counts.rejected.entry(reason).or_default() += n;
        }
        for (reason, n) in &decoded.altered {
            *counts.altered.entry(reason).or_default() += n;
        }
        let rules = counts.redacted.len().max(decoded.redacted.len());
        counts.redacted.resize(rules, 0);
        for (total, more) in counts.redacted.iter_mut().zip(&decoded.redacted) {
            *total += more;
        }
        *counts.bodies.entry(decoded.format).or_default() += 1;
        counts.body_bytes += decoded.body_bytes;
    }

    pub(crate) fn written(&self, lines: u64, bytes: u64) {
        let mut counts = self.lock();
        counts.in_flight -= lines;
        counts.written += lines;
        counts.bytes_written += bytes;
    }

    pub(crate) fn dropped<'s>(&self, reason: &'static str, lines: u64, services: impl Iterator<Item = (&'s str, u64)>) {
        let mut counts = self.lock();
        counts.in_flight -= lines;
        *counts.dropped.entry(reason).or_default() += lines;
        for (service, lines) in services {
            let full = counts.dropped_by_service.len() >= MAX_SERVICES;
            let key = (reason, service.to_owned());
            let key = if full && !counts.dropped_by_service.contains_key(&key) {
                (reason, "__other__".to_owned())
            } else {
                key
            };
            *counts.dropped_by_service.entry(key).or_default() += lines;
        }
    }

    /// Lines that went back to a sender that keeps them: as if never received.
    pub(crate) fn returned(&self, lines: u64) {
        let mut counts = self.lock();
        counts.in_flight -= lines;
        counts.received -= lines;
    }

    /// Lines that are in the capture already.
    pub(crate) fn repeated(&self, lines: u64) {
        self.returned(lines);
        self.lock().repeated += lines;
    }

    /// Marks that reached the capture, and what they call lost.
    pub(crate) fn marked<'c>(&self, chunks: impl Iterator<Item = &'c Chunk>) {
        let mut counts = self.lock();
        for chunk in chunks {
            counts.marks += chunk.marks();
            counts.lost.merge(chunk.lost());
        }
    }

    pub(crate) fn answered(&self, status: u16, us: u64) {
        let mut counts = self.lock();
        *counts.answers.entry(status).or_default() += 1;
        counts.latency.add(us);
    }

    /// The figures that belong into the capture's metadata.
    pub(crate) fn tally(&self) -> Tally {
        let counts = self.lock();
        let named = |map: &BTreeMap<&'static str, u64>| map.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        Tally {
            received: counts.received,
            in_flight: counts.in_flight,
            written: counts.written,
            marks: counts.marks,
            lost: counts.lost.clone(),
            dropped: named(&counts.dropped),
            rejected: named(&counts.rejected),
            altered: named(&counts.altered),
        }
    }
}

/// What decoding a body found, apart from its lines.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) format: &'static str,
    pub(crate) body_bytes: u64,
    pub(crate) rejected: Vec<(&'static str, u64)>,
    pub(crate) altered: Vec<(&'static str, u64)>,
    pub(crate) redacted: Vec<u64>,
}
