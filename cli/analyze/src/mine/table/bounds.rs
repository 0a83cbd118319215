//! What is kept where there is too much: past [`MAX_PATTERNS`] masked messages
//! those with the smallest ranks, past [`MAX_SERVICES`] services those with the
//! smallest hashes, so that content alone decides; lines of the other messages
//! are counted as unmined. Ranks are hashes in a first reading, which counts as
//! it goes, and counts in a second.

use std::collections::BTreeMap;

use super::{CellId, Counts, Mined, Ranks};

/// Masked messages kept in the end.
const MAX_PATTERNS: usize = 32_768;
/// Cells kept in the end.
const MAX_CELLS: usize = 65_536;
/// Lines of a message that are no finding, however new it is (`MIN_LINES` of the tests, less one).
const RARE: u32 = 4;
/// Services told apart in the end, those with the smallest hashes; the others count together.
pub(super) const MAX_SERVICES: usize = 1000;

/// Stands for the hash of all services that are too many.
const OTHER: u64 = 0;
/// Their name.
const OTHER_NAME: &str = "(other services)";

impl Mined {
    /// The service as which a service counts.
    pub(super) fn kept(&self, service: u64) -> u64 {
        if service > self.service_limit { OTHER } else { service }
    }

    pub(super) fn kept_id(&self, id: CellId) -> CellId {
        CellId { service: self.kept(id.service), ..id }
    }

    /// Counts the services with the largest hashes together until the bound holds.
    pub(super) fn join_services(&mut self) {
        self.flush();
        let last = self.services.keys().filter(|hash| **hash != OTHER).nth(MAX_SERVICES - 1).copied();
        self.service_limit = self.service_limit.min(last.unwrap_or(u64::MAX));
        if self.service_limit == u64::MAX {
            return;
        }
        for (_, mut service) in self.services.split_off(&(self.service_limit + 1)) {
            OTHER_NAME.clone_into(&mut service.name);
            service.label.clear();
            self.add_service(OTHER, service);
        }
        let limit = self.service_limit;
        let gone: Vec<CellId> = self.cells.keys().filter(|id| id.service > limit).copied().collect();
        for id in gone {
            if let Some(cell) = self.cells.remove(&id) {
                self.add_cell(CellId { service: OTHER, ..id }, cell);
            }
        }
    }

    /// Whether it is time to drop what is too much.
    pub(super) fn is_full(&self) -> bool {
        self.texts.len() > 2 * MAX_PATTERNS || self.cells.len() > 2 * MAX_CELLS
    }

    /// Lines of each masked message, of which none was dropped so far.
    fn counted(&self) -> Box<Counts> {
        let mut counts = Box::<Counts>::default();
        self.cells.iter().for_each(|(id, cell)| counts.add(id.pattern, cell.count));
        counts
    }

    /// Drops the masked messages with the largest ranks until the bounds hold.
    pub(super) fn shrink(&mut self) {
        let mut per_rank: BTreeMap<u64, usize> = BTreeMap::new();
        for id in self.cells.keys() {
            let rank = self.ranks.of(id.pattern);
            if rank <= self.limit {
                *per_rank.entry(rank).or_default() += 1;
            }
        }
        let mut cells = 0;
        for (at, (rank, count)) in per_rank.iter().enumerate() {
            cells += count;
            if at >= MAX_PATTERNS || cells > MAX_CELLS {
                if self.counts.is_none() && !self.ranks.are_counts() {
                    self.counts = Some(self.counted());
                }
                self.limit = self.limit.min(rank.saturating_sub(1));
                break;
            }
        }
        let (ranks, limit) = (&self.ranks, self.limit);
        self.cells.retain(|id, _| ranks.of(id.pattern) <= limit);
        self.texts.retain(|pattern, _| ranks.of(*pattern) <= limit);
    }

    /// How often each masked message came, where there were too many to be kept, hashes decided, and one
    /// that came often enough to matter may be among those that are not kept: what a second reading needs,
    /// and for one of two captures that are compared both.
    #[must_use]
    pub fn counts<'m>(all: impl IntoIterator<Item = &'m Self>) -> Option<Counts> {
        let all: Vec<&Self> = all.into_iter().collect();
        let sum = Self::all_counts(&all)?;
        let mut kept = Counts::default();
        for mined in &all {
            let cells = mined.cells.iter().filter(|(id, _)| all.iter().all(|one| one.keeps(id.pattern)));
            cells.for_each(|(id, cell)| kept.add(id.pattern, cell.count));
        }
        (sum.most_besides(&kept) > RARE).then_some(sum)
    }

    /// How often each masked message came, if some are not kept because of their hashes.
    pub(super) fn all_counts(all: &[&Self]) -> Option<Counts> {
        let mut sum = all.iter().any(|mined| mined.counts.is_some()).then(Counts::default)?;
        for mined in all {
            match &mined.counts {
                Some(counts) => sum.merge(counts),
                None => sum.merge(&mined.counted()),
            }
        }
        Some(sum)
    }

    /// By what it was decided which masked messages are kept.
    #[must_use]
    pub fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Whether a masked message is kept, if it is there.
    #[must_use]
    pub fn keeps(&self, pattern: u64) -> bool {
        self.ranks.of(pattern) <= self.limit
    }
}
