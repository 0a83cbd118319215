//! Lines that came more than once: a sample of instants, in which content alone decides.

use hashbrown::HashMap;

use crate::pattern::key;

/// One in so many instants is looked at; fewer when those become too many. A power of two.
const SAMPLE: u64 = 32;
/// Lines remembered.
const MAX_LINES: usize = 1 << 18;
/// Bits of a line's name that say which instant it is of.
const INSTANT: u32 = 32;

/// How often each line of the sample came.
#[derive(Debug)]
pub(super) struct Copies {
    /// By a name made of text and instant, the instant in the low bits.
    seen: HashMap<u64, u32, foldhash::fast::FixedState>,
    /// One in so many instants is in the sample.
    sample: u64,
}

impl Default for Copies {
    fn default() -> Self {
        Self { seen: HashMap::default(), sample: SAMPLE }
    }
}

impl Copies {
    /// Remembers a line if its instant in its stream is in the sample. Most are told from their time alone.
    #[inline]
    pub(super) fn look(&mut self, stream: u64, ts: i64, text: &[u8]) {
        let instant = (stream ^ ts as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> INSTANT;
        if instant.is_multiple_of(self.sample) {
            let name = key::hash_bytes(stream ^ ts as u64, text) << INSTANT | instant;
            *self.seen.entry(name).or_default() += 1;
            self.thin();
        }
    }

    /// Halves the sample until it fits.
    fn thin(&mut self) {
        while self.seen.len() > MAX_LINES && self.sample < 1 << INSTANT {
            self.sample *= 2;
            let sample = self.sample;
            self.seen.retain(|name, _| name.is_multiple_of(sample));
        }
    }

    /// Adds what another thread saw.
    pub(super) fn merge(&mut self, other: Self) {
        self.sample = self.sample.max(other.sample);
        let sample = self.sample;
        self.seen.retain(|name, _| name.is_multiple_of(sample));
        for (name, count) in other.seen.into_iter().filter(|(name, _)| name.is_multiple_of(sample)) {
            *self.seen.entry(name).or_default() += count;
        }
        self.thin();
    }

    /// Of the lines of the sample, those that came before, in thousandths.
    pub(super) fn permille(&self) -> u64 {
        let add = |sum: (u64, u64), count: &u32| (sum.0 + u64::from(*count), sum.1 + u64::from(*count - 1));
        let (all, again) = self.seen.values().fold((0, 0), add);
        again * 1000 / all.max(1)
    }
}
