//! What a file or a frame holds: counts, time ranges, label sets and the
//! timeline. One collector serves the writer, repair and readers of files
//! that have no index.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::chunk::{BUCKET, Chunk, Span};
use crate::labels::{LabelSet, Labels};
use crate::level::LEVELS;
use crate::lost::Lost;
use crate::sequence::Sources;

/// Distinct label sets remembered per file; beyond it the file counts as holding any label.
pub const MAX_SETS: usize = 8192;

/// Timeline cells per file before its buckets are doubled in width; about 1 MB when stored.
pub const MAX_CELLS: usize = 20_000;

/// Services told apart in a timeline; lines of all others count under `__other__`.
pub const MAX_SERVICES: usize = 1000;

/// Counts, ranges and label sets of some lines.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Data lines, gap marks included.
    pub lines: u64,
    /// Bytes of the JSON lines, uncompressed.
    pub bytes: u64,
    /// Range of `ts`.
    pub ts: Span,
    /// Range of receive times.
    pub rx: Span,
    /// Lines per label set.
    pub sets: Sets,
    /// Lines per time bucket, service and level.
    pub timeline: Timeline,
    /// How far numbered sources have come.
    pub sources: Sources,
    /// Lines that were lost before they came here, as gap marks say.
    pub lost: Lost,
}

impl Summary {
    /// Adds a chunk's lines, but for the timeline.
    pub(crate) fn add_all_but_times(&mut self, chunk: &Chunk) {
        self.lines += chunk.lines();
        self.bytes += chunk.bytes.len() as u64;
        self.ts.merge(chunk.ts);
        self.rx.merge(chunk.rx);
        for run in &chunk.runs {
            self.sets.add(&run.labels, run.lines);
        }
        self.sources.note_chunk(chunk);
        self.lost.merge(&chunk.lost);
    }

    /// Adds another summary.
    pub fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.ts.merge(other.ts);
        self.rx.merge(other.rx);
        self.sets.overflow += other.sets.overflow;
        let mut sets: Vec<(&Labels, u64)> = other.sets.iter().collect();
        if self.sets.len() + sets.len() > MAX_SETS {
            // Which of them find room must not depend on a map's order.
            sets.sort_by(|a, b| a.0.json().cmp(b.0.json()));
        }
        for (labels, lines) in sets {
            self.sets.add(labels, lines);
        }
        self.timeline.merge(&other.timeline);
        self.sources.merge(&other.sources);
        self.lost.merge(&other.lost);
    }
}

/// Lines per distinct label set, bounded by [`MAX_SETS`].
#[derive(Debug, Clone, Default)]
pub struct Sets {
    counts: HashMap<Labels, u64, foldhash::fast::RandomState>,
    /// Lines whose label set was one too many.
    pub overflow: u64,
}

impl Sets {
    /// Counts lines of one set.
    pub fn add(&mut self, labels: &Labels, lines: u64) {
        if let Some(count) = self.counts.get_mut(labels) {
            *count += lines;
        } else if self.counts.len() < MAX_SETS {
            self.counts.insert(Arc::clone(labels), lines);
        } else {
            self.overflow += lines;
        }
    }

    /// Sets and their lines, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, u64)> {
        self.counts.iter().map(|(labels, lines)| (labels, *lines))
    }

    /// Number of distinct sets known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// True if no set is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The interned set equal to `labels`, if it is known.
    #[must_use]
    pub fn find(&self, labels: &LabelSet) -> Option<&Labels> {
        self.counts.get_key_value(labels).map(|(known, _)| known)
    }

    /// Gives up the individual sets; their lines count as overflow.
    pub(crate) fn forget(&mut self) {
        self.overflow += self.counts.drain().map(|(_, lines)| lines).sum::<u64>();
    }

    /// Lines by label name and value, at most `limit` values per name; the rest is counted as `__other__`.
    #[must_use]
    pub fn by_label(&self, limit: usize) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut all: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (labels, lines) in &self.counts {
            for (name, value) in labels.pairs() {
                *all.entry(name.clone()).or_default().entry(value.clone()).or_default() += lines;
            }
        }
        for values in all.values_mut() {
            crate::index::cap_values(values, limit);
        }
        all
    }
}

/// Lines per time bucket, service and level; buckets widen instead of growing in number.
#[derive(Debug, Clone)]
pub struct Timeline {
    step: i64,
    /// Services told apart, at most [`MAX_SERVICES`].
    services: HashSet<Arc<str>, foldhash::fast::RandomState>,
    cells: BTreeMap<(i64, Arc<str>), [u64; LEVELS]>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { step: 1, services: HashSet::default(), cells: BTreeMap::new() }
    }
}

impl Timeline {
    /// Width of a bucket in nanoseconds: 10 s times a power of two.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.step.saturating_mul(BUCKET)
    }

    /// Start of the bucket (nanoseconds), service, counts by level; in order of time and service.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &str, &[u64; LEVELS])> {
        let width = self.width();
        self.cells.iter().map(move |((bucket, service), levels)| (bucket.saturating_mul(width), &**service, levels))
    }

    /// Adds counts to a bucket numbered in units of 10 s.
    pub(crate) fn add(&mut self, bucket: i64, service: &Arc<str>, levels: &[u64; LEVELS]) {
        let service = self.known(service);
        let counts = self.cells.entry((bucket.div_euclid(self.step), service)).or_default();
        for (count, more) in counts.iter_mut().zip(levels) {
            *count = count.saturating_add(*more);
        }
        self.coarsen(MAX_CELLS);
    }

    /// Adds a chunk's lines.
    pub(crate) fn add_chunk(&mut self, chunk: &Chunk) {
        for cell in &chunk.cells {
            self.add(cell.bucket, cell.labels.service(), &cell.levels);
        }
    }

    fn known(&mut self, service: &Arc<str>) -> Arc<str> {
        if !self.services.contains(service) {
            let full = self.services.len() >= MAX_SERVICES;
            let added = if full { Arc::from(crate::index::OTHER) } else { service.clone() };
            self.services.insert(added.clone());
            return added;
        }
        service.clone()
    }

    /// Adds another timeline; the coarser width wins.
    pub fn merge(&mut self, other: &Self) {
        while self.step < other.step {
            self.widen();
        }
        for ((bucket, service), levels) in &other.cells {
            self.add(bucket.saturating_mul(other.step), service, levels);
        }
    }

    /// Doubles the bucket width until at most `cells` remain or time is one bucket.
    pub(crate) fn coarsen(&mut self, cells: usize) {
        while self.cells.len() > cells && self.step < i64::MAX / 4 / BUCKET {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.step *= 2;
        for ((bucket, service), levels) in std::mem::take(&mut self.cells) {
            let counts = self.cells.entry((bucket.div_euclid(2), service)).or_default();
            for (count, more) in counts.iter_mut().zip(levels) {
                *count = count.saturating_add(more);
            }
        }
    }

    /// A timeline from stored parts; `step` in units of 10 s.
    pub(crate) fn from_parts(step: i64, cells: impl IntoIterator<Item = (i64, Arc<str>, [u64; LEVELS])>) -> Self {
        let mut timeline = Self { step: step.max(1), ..Self::default() };
        for (bucket, service, levels) in cells {
            timeline.add(bucket.saturating_mul(timeline.step), &service, &levels);
        }
        timeline
    }

    /// Stored parts: step in units of 10 s, cells with bucket numbers in units of the step.
    pub(crate) fn parts(&self) -> (i64, impl Iterator<Item = (i64, &str, &[u64; LEVELS])>) {
        (self.step, self.cells.iter().map(|((bucket, service), levels)| (*bucket, &**service, levels)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_stay_bounded_and_keep_the_sum() {
        let mut timeline = Timeline::default();
        for n in 0..5000 {
            timeline.add(0, &Arc::from(format!("svc-{n}")), &[1, 0, 0, 0, 0, 0, 0]);
        }
        assert_eq!(timeline.iter().count(), MAX_SERVICES + 1);
        assert_eq!(timeline.iter().map(|(_, _, levels)| levels[0]).sum::<u64>(), 5000);
    }

    #[test]
    fn timeline_stays_bounded_and_keeps_the_sum() {
        let mut timeline = Timeline::default();
        let one = [1, 0, 0, 0, 0, 0, 0];
        let services = [Arc::from("a"), Arc::from("b")];
        for bucket in 0..100_000 {
            timeline.add(bucket * 7 - 300_000, &services[bucket as usize % 2], &one);
        }
        assert!(timeline.iter().count() <= MAX_CELLS);
        assert_eq!(timeline.iter().map(|(_, _, levels)| levels[0]).sum::<u64>(), 100_000);
        let mut fine = Timeline::default();
        fine.add(3, &Arc::from("c"), &one);
        fine.merge(&timeline);
        assert_eq!(fine.width(), timeline.width());
        assert_eq!(fine.iter().map(|(_, _, levels)| levels[0]).sum::<u64>(), 100_001);
    }
}
