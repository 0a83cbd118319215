//! From a place in the sequence onwards, forwards or backwards: a merge of
//! pages, each of which joins when the walk comes to its range of times.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Archive, Cache, Decoded, Key, Order};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards later lines.
    Forward,
    /// Towards earlier lines.
    Backward,
}

/// Goes on, or ends the walk.
pub type Flow = ControlFlow<()>;

/// A walk over an archive.
#[derive(Debug)]
pub struct Walk<'a> {
    archive: &'a Archive,
    direction: Direction,
    /// Pages to come, nearest last: position of the file, of the page.
    pending: Vec<(usize, usize)>,
    active: Vec<Cursor>,
    from: Key,
    inclusive: bool,
}

#[derive(Debug)]
struct Cursor {
    page: Arc<Decoded>,
    /// Lines before the place, whichever way the walk goes.
    at: usize,
}

impl<'a> Walk<'a> {
    /// A walk that begins behind `from` (with it, if `inclusive`) and only enters pages that `wanted` names.
    pub fn new(
        archive: &'a Archive,
        from: Key,
        inclusive: bool,
        direction: Direction,
        mut wanted: impl FnMut(usize, usize) -> bool,
    ) -> Self {
        let mut pending = Vec::new();
        for (at, file) in archive.files.iter().enumerate() {
            for page in 0..file.pages.len() {
                let span = file.spans[page];
                let passed = match (archive.order, direction) {
                    (Order::Time, Direction::Forward) => span.to < from.ts,
                    (Order::Time, Direction::Backward) => span.from > from.ts,
                    (Order::Arrival, Direction::Forward) => (file.number, page as u32) < (from.file, from.page),
                    (Order::Arrival, Direction::Backward) => (file.number, page as u32) > (from.file, from.page),
                };
                if !passed && wanted(at, page) {
                    pending.push((at, page));
                }
            }
        }
        let mut walk = Self { archive, direction, pending, active: Vec::new(), from, inclusive };
        walk.sort();
        walk
    }

    fn sort(&mut self) {
        let span = |&(file, page): &(usize, usize)| self.archive.files[file].spans[page];
        match (self.archive.order, self.direction) {
            (Order::Time, Direction::Forward) => {
                self.pending.sort_by_key(|one| (std::cmp::Reverse(span(one).from), std::cmp::Reverse(*one)));
            }
            (Order::Time, Direction::Backward) => self.pending.sort_by_key(|one| (span(one).to, *one)),
            (Order::Arrival, Direction::Forward) => self.pending.reverse(),
            (Order::Arrival, Direction::Backward) => {}
        }
    }

    /// Pages that have not been entered.
    #[must_use]
    pub fn left(&self) -> usize {
        self.pending.len()
    }

    /// Hands lines to `each` until it breaks off or they end; `stop` is asked before every page.
    /// True if the end was reached.
    ///
    /// # Errors
    /// If reading fails.
    pub fn run(
        &mut self,
        cache: &mut Cache,
        mut stop: impl FnMut() -> bool,
        mut each: impl FnMut(Key, &[u8]) -> Flow,
    ) -> io::Result<bool> {
        loop {
            let mut best = self.best();
            while self.must_enter(best) {
                if stop() {
                    return Ok(false);
                }
                self.enter(cache)?;
                best = self.best();
            }
            let Some((at, key)) = best else {
                if self.pending.is_empty() {
                    return Ok(true);
                }
                continue;
            };
            let cursor = &mut self.active[at];
            let flow = match self.direction {
                Direction::Forward => {
                    cursor.at += 1;
                    each(key, cursor.page.line(cursor.at - 1))
                }
                Direction::Backward => {
                    cursor.at -= 1;
                    each(key, cursor.page.line(cursor.at))
                }
            };
            if flow.is_break() {
                return Ok(false);
            }
        }
    }

    fn best(&mut self) -> Option<(usize, Key)> {
        let forward = self.direction == Direction::Forward;
        let key = |cursor: &Cursor| {
            if forward {
                cursor.page.key(cursor.at)
            } else {
                cursor.at.checked_sub(1).and_then(|at| cursor.page.key(at))
            }
        };
        self.active.retain(|cursor| key(cursor).is_some());
        let keys = self.active.iter().enumerate().filter_map(|(at, cursor)| Some((at, key(cursor)?)));
        if forward { keys.min_by_key(|(_, key)| *key) } else { keys.max_by_key(|(_, key)| *key) }
    }

    /// True if the nearest page to come may hold a line before the best one known.
    fn must_enter(&self, best: Option<(usize, Key)>) -> bool {
        let Some(&(file, page)) = self.pending.last() else {
            return false;
        };
        let Some((_, best)) = best else {
            return true;
        };
        let span = self.archive.files[file].spans[page];
        match (self.archive.order, self.direction) {
            (Order::Time, Direction::Forward) => span.from <= best.ts,
            (Order::Time, Direction::Backward) => span.to >= best.ts,
            (Order::Arrival, _) => false,
        }
    }

    fn enter(&mut self, cache: &mut Cache) -> io::Result<()> {
        let Some((file, page)) = self.pending.pop() else {
            return Ok(());
        };
        let page = cache.get(&self.archive.files[file], page, self.archive.order)?;
        let at = match self.direction {
            Direction::Forward => page.before(self.from, !self.inclusive),
            Direction::Backward => page.before(self.from, self.inclusive),
        };
        self.active.push(Cursor { page, at });
        Ok(())
    }
}
