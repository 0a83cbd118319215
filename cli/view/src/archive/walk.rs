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
pub struct Walk<'a, W> {
    archive: &'a Archive,
    direction: Direction,
    /// Which pages are worth entering; asked when the walk comes to them, as the answer may have to be read.
    wanted: W,
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

impl<'a, W: FnMut(usize, usize) -> bool> Walk<'a, W> {
    /// A walk that begins behind `from` (with it, if `inclusive`) and only enters pages that `wanted` names.
    pub fn new(archive: &'a Archive, from: Key, inclusive: bool, direction: Direction, wanted: W) -> Self {
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
                if !passed {
                    pending.push((at, page));
                }
            }
        }
        let mut walk = Self { archive, direction, wanted, pending, active: Vec::new(), from, inclusive };
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

    /// Where another walk goes on if this one has been stopped between two pages, with no line of those that it
    /// has entered left: what lies before has been passed. None elsewhere, or at the end.
    #[must_use]
    pub fn between(&self) -> Option<Key> {
        let &(at, page) = self.pending.last().filter(|_| self.active.is_empty())?;
        let file = &self.archive.files[at];
        let (span, number, page) = (file.spans[page], file.number, page as u32);
        Some(match (self.archive.order, self.direction) {
            (Order::Time, Direction::Forward) => Key { ts: span.from.saturating_sub(1), ..Key::LAST },
            (Order::Time, Direction::Backward) => Key::at(span.to.saturating_add(1)),
            (Order::Arrival, Direction::Forward) => match (page.checked_sub(1), number.checked_sub(1)) {
                (Some(page), _) => Key { ts: 0, file: number, page, line: u32::MAX },
                (None, Some(file)) => Key { ts: 0, file, page: u32::MAX, line: u32::MAX },
                (None, None) => Key::FIRST,
            },
            (Order::Arrival, Direction::Backward) => Key { ts: 0, file: number, page: page.saturating_add(1), line: 0 },
        })
    }

    /// Hands lines to `each` until it breaks off or they end; `stop` is asked before every page, and told
    /// whether the walk is between two pages. True if the end was reached.
    ///
    /// # Errors
    /// If reading fails.
    pub fn run(
        &mut self,
        cache: &mut Cache,
        mut stop: impl FnMut(bool) -> bool,
        mut each: impl FnMut(Key, &[u8]) -> Flow,
    ) -> io::Result<bool> {
        loop {
            let mut best = self.best();
            while self.must_enter(best) {
                if stop(self.active.is_empty()) {
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
        if !(self.wanted)(file, page) {
            return Ok(());
        }
        let page = cache.get(&self.archive.files[file], page, self.archive.order)?;
        let at = match self.direction {
            Direction::Forward => page.before(self.from, !self.inclusive),
            Direction::Backward => page.before(self.from, self.inclusive),
        };
        self.active.push(Cursor { page, at });
        Ok(())
    }
}
