//! Walks by one sieve within the time that one answer may take, and remembers which pages it wants.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Instant;

use super::BUDGET;
use crate::archive::{Archive, Cache, Direction, Key, Walk};
use crate::filter::{Judge, Sieve};

#[derive(Debug, Default)]
pub(super) struct Walker {
    judge: Judge,
    verdicts: HashMap<(u32, u32), bool>,
    sieve: u64,
}

impl Walker {
    /// True if a stored line passes.
    pub(super) fn passes(&mut self, sieve: &Sieve, line: &[u8]) -> bool {
        self.judge.passes(sieve, line)
    }

    /// Walks until `each` returns true, the end, or the budget is used up: where to go on, and whether the end was
    /// reached.
    pub(super) fn walk(
        &mut self,
        cache: &mut Cache,
        archive: &Archive,
        sieve: &Sieve,
        (from, inclusive): (Key, bool),
        direction: Direction,
        mut each: impl FnMut(&mut Judge, Key, &[u8]) -> bool,
    ) -> std::io::Result<(Key, bool)> {
        if self.sieve != sieve.id {
            self.verdicts.clear();
            self.sieve = sieve.id;
        }
        let (verdicts, judge, filtered) = (&mut self.verdicts, &mut self.judge, !sieve.is_empty());
        let wanted = |file: usize, page: usize| {
            let source = &archive.files[file];
            !filtered
                || source.pages[page].may_grow()
                || *verdicts.entry((source.number, page as u32)).or_insert_with(|| sieve.wants(source, page))
        };
        let mut walk = Walk::new(archive, from, inclusive, direction, wanted);
        let began = Instant::now();
        let mut resume = from;
        let mut lines = 0_u32;
        let progress = std::cell::Cell::new(false);
        let late = |between: bool| (between || progress.get()) && began.elapsed() > BUDGET;
        let ended = walk.run(cache, late, |key, line| {
            resume = key;
            progress.set(true);
            lines += 1;
            let full = each(judge, key, line);
            if full || (lines.is_multiple_of(256) && began.elapsed() > BUDGET) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        if !ended && let Some(place) = walk.between() {
            resume = place;
        }
        Ok((resume, ended))
    }
}
