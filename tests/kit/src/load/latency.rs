//! Latencies counted in buckets, so that millions of requests cost no memory.

use std::time::Duration;

/// Buckets per doubling: a figure is at most 1/16 too high.
const STEPS: u64 = 16;

/// Latencies of requests.
#[derive(Debug, Clone)]
pub struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; bucket(u64::MAX) + 1], count: 0, max: Duration::ZERO }
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.max = self.max.max(latency);
    }

    /// Adds those of another connection.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The latency that this share of the requests, 0.0 to 1.0, does not exceed; at most 1/16 too
    /// high. Zero without requests.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(upper(at as u64)).min(self.max);
            }
        }
        Duration::ZERO
    }

    /// The longest, exactly.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// Below 2 × `STEPS` each value has its own bucket; above, each doubling has `STEPS` of them.
fn bucket(micros: u64) -> usize {
    let shift = u64::from(63 - (micros | STEPS).leading_zeros()) - u64::from(STEPS.ilog2());
    (shift * STEPS + (micros >> shift)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: u64) -> u64 {
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    let next = u128::from(bucket - shift * STEPS + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}
