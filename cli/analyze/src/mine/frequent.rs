//! How often masked messages came of which too many are there to be kept: the
//! count of each, or more, in a table of fixed size. Sums alone are in it, so
//! that threads, files and order leave no trace; with it a second reading
//! keeps those that came most often, and not those that came first.

use std::sync::Arc;

/// Places of a row: a power of two.
const WIDTH: usize = 1 << 18;
/// Rows; each has a count of its own for a message, and the smallest is the closest.
const ROWS: usize = 3;

/// Counts by hash (a count-min sketch, 3 MiB): never less than what was
/// counted, and with a million messages that came once a few more at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    rows: Box<[u32]>,
}

impl Default for Counts {
    fn default() -> Self {
        Self { rows: vec![0; WIDTH * ROWS].into() }
    }
}

/// Where a hash is counted: each row takes other bits of it.
fn places(pattern: u64) -> [usize; ROWS] {
    let bits = WIDTH.trailing_zeros() as usize;
    std::array::from_fn(|row| row * WIDTH + ((pattern >> (row * bits)) as usize & (WIDTH - 1)))
}

impl Counts {
    /// Counts lines of a masked message.
    pub(super) fn add(&mut self, pattern: u64, lines: u64) {
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        for place in places(pattern) {
            self.rows[place] = self.rows[place].saturating_add(lines);
        }
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }

    /// No message that is counted here and not there came more often; what is counted there is counted here, too.
    pub(super) fn most_besides(&self, part: &Self) -> u32 {
        let rest = |row: usize| {
            let places = row * WIDTH..(row + 1) * WIDTH;
            let pairs = self.rows[places.clone()].iter().zip(&part.rows[places]);
            pairs.map(|(all, part)| all.saturating_sub(*part)).max().unwrap_or(0)
        };
        (0..ROWS).map(rest).min().unwrap_or(0)
    }

    fn of(&self, pattern: u64) -> u32 {
        places(pattern).into_iter().map(|place| self.rows[place]).min().unwrap_or(0)
    }
}

/// In which order masked messages are kept where there is no room for all.
#[derive(Debug, Clone, Default)]
pub struct Ranks(Option<Arc<Counts>>);

impl Ranks {
    /// The most frequent first.
    #[must_use]
    pub fn by_count(counts: Counts) -> Self {
        Self(Some(Arc::new(counts)))
    }

    /// Whether counts are known, without which hashes decide.
    #[must_use]
    pub fn are_counts(&self) -> bool {
        self.0.is_some()
    }

    /// The place of a masked message: those with smaller ones stay.
    #[inline]
    #[must_use]
    pub fn of(&self, pattern: u64) -> u64 {
        match &self.0 {
            None => pattern,
            Some(counts) => u64::from(u32::MAX - counts.of(pattern)) << 32 | pattern >> 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::key::hash_bytes;

    #[test]
    fn what_came_often_is_before_a_million_that_came_once() {
        let mut counts = [Counts::default(), Counts::default()];
        for at in 0_u64..1_000_000 {
            counts[usize::from(at % 3 == 0)].add(hash_bytes(7, &at.to_le_bytes()), 1);
        }
        let frequent = hash_bytes(7, b"frequent");
        counts[0].add(frequent, 20);
        counts[1].add(frequent, 20);
        let [mut one, other] = counts;
        one.merge(&other);
        assert!(one.of(frequent) >= 40);
        let ranks = Ranks::by_count(one);
        let before = (0_u64..1_000_000).filter(|at| ranks.of(hash_bytes(7, &at.to_le_bytes())) < ranks.of(frequent));
        assert_eq!(before.count(), 0);
    }

    #[test]
    fn without_counts_hashes_decide() {
        assert!(Ranks::default().of(5) < Ranks::default().of(6));
    }
}
