//! Changes of volume: the moments at which a capture says suddenly more, or less, or more errors, and the
//! gaps in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use logtap_capture::level::Level;
use logtap_capture::summary::Timeline;

use super::Effect;
use crate::archive::{Direction, Key};
use crate::loader::Anchor;
use crate::state::{Seeking, State, time as clock};

/// Buckets that what is usual is taken from.
const USUAL: usize = 6;
/// A change is to more than so many times what is usual, or to less than its share.
const FACTOR: u64 = 2;
/// What a change of few lines must come to besides.
const FEW_LINES: u64 = 10;
/// The same for errors.
const FEW_ERRORS: u64 = 3;

/// A bucket that differs from those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shift {
    /// Where it begins, nanoseconds.
    at: i64,
    /// What differs, in words.
    what: String,
}

/// The changes of volume, in order.
fn shifts(parts: &[Arc<Timeline>]) -> Vec<Shift> {
    let width = parts.iter().map(|part| part.width()).max().unwrap_or(1).max(1);
    let mut buckets: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for (at, _, levels) in parts.iter().flat_map(|part| part.iter()) {
        let bucket = buckets.entry(at.div_euclid(width)).or_default();
        bucket.0 += levels.iter().sum::<u64>();
        bucket.1 += levels[Level::Error as usize] + levels[Level::Fatal as usize];
    }
    let (Some(first), Some(last)) = (buckets.keys().next().copied(), buckets.keys().last().copied()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // The first and the last are cut off somewhere.
    let mut usual: Vec<(u64, u64)> = Vec::new();
    let mut at = first + 1;
    while at < last {
        let now = buckets.get(&at).copied().unwrap_or_default();
        let count = usual.len() as u64;
        let mean = |of: fn(&(u64, u64)) -> u64| usual.iter().map(of).sum::<u64>() / count.max(1);
        let (lines, errors) = (mean(|one| one.0), mean(|one| one.1));
        let what = match () {
            () if count == 0 => None,
            () if now.1 > errors * FACTOR + FEW_ERRORS => Some(("errors", errors, now.1)),
            () if now.0 > lines * FACTOR + FEW_LINES || lines > now.0 * FACTOR + FEW_LINES => {
                Some(("lines", lines, now.0))
            }
            () => None,
        };
        if let Some((name, before, now)) = what {
            let every = clock::length(width);
            found.push(Shift { at: at * width, what: format!("{before} to {now} {name} in {every}") });
            usual.clear();
        }
        usual.push(now);
        if usual.len() > USUAL {
            usual.remove(0);
        }
        // A capture with hours of silence in it has no more buckets than lines.
        at = match buckets.range(at + 1..).next() {
            Some((&next, _)) if next > at + 2 && now == (0, 0) => next,
            _ => at + 1,
        };
    }
    found
}

impl State {
    pub(super) fn next_change(&mut self, direction: Direction) -> Vec<Effect> {
        let here = self.current().map_or(Key::FIRST, |row| row.key);
        let standing = self.changed.or_else(|| self.current().and_then(|row| row.ts));
        let all = shifts(&self.moment.timeline);
        let next = match (direction, standing) {
            (Direction::Forward, Some(ts)) => all.into_iter().find(|one| one.at > ts),
            (Direction::Backward, Some(ts)) => all.into_iter().rfind(|one| one.at < ts),
            (_, None) => None,
        };
        let mut gaps = self.sieve.gaps();
        if let Some(next) = &next {
            gaps = match direction {
                Direction::Forward => gaps.within(None, Some(next.at)),
                Direction::Backward => gaps.within(Some(next.at), None),
            };
        }
        let otherwise = next.map(|next| {
            let time = clock::of_day(next.at, self.utc);
            (Anchor::Time(next.at, 0), format!("{}: {}", &time[..8.min(time.len())], next.what))
        });
        let effects = self.look_from(here, direction, gaps, "change or gap");
        if let Some(seeking) = &mut self.seeking {
            seeking.otherwise = otherwise;
        }
        effects
    }

    /// There is no gap before the change that was looked for: goes there.
    pub(super) fn arrive(&mut self, seeking: &Seeking) -> Vec<Effect> {
        if let Some((anchor, words)) = seeking.otherwise.clone() {
            self.changed = if let Anchor::Time(at, _) = anchor { Some(at) } else { None };
            self.message = Some(words);
            return vec![self.seek(anchor)];
        }
        let way = if seeking.direction == Direction::Forward { "further" } else { "earlier" };
        self.message = Some(format!("no {way} {}", seeking.what));
        Vec::new()
    }
}
