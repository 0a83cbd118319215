//! What the loader found goes into the window of lines.

use super::Effect;
use crate::archive::{Direction, Key};
use crate::loader::{Anchor, Found};
use crate::row::Row;
use crate::state::State;

/// Lines kept before and behind the screen, in screens; beyond it the far side is given up.
const KEPT: usize = 10;

impl State {
    pub(super) fn receive(&mut self, found: Found) -> Vec<Effect> {
        match found {
            Found::Window { rows, at, resume, at_start, at_end } => {
                // The screen that was asked for, row by row, until a key is pressed.
                let asked = !self.touched && self.options.at.is_some();
                self.resume = resume;
                self.rows = rows.into();
                self.ready = true;
                self.sampled = None;
                self.ends = (at_start, at_end);
                self.cursor = at;
                let wanted = if asked { usize::from(self.options.row) } else { self.anchor_row };
                self.anchor_row = self.height() / 3;
                self.top = if self.follow { at } else { at.saturating_sub(wanted) };
                if let Some(last) = self.rows.back().filter(|_| at_end) {
                    self.newest = self.newest.max(last.key);
                }
                if self.follow || (at + 1 == self.rows.len() && !asked) {
                    self.top = self.rows.len().saturating_sub(self.height());
                }
                self.move_by(0);
                self.say_evicted();
            }
            Found::More { direction, rows, resume, at_end } => {
                self.more(direction, rows, resume, at_end);
                self.move_by(0);
            }
            Found::Line { key: Some(key), .. } => {
                self.seeking = None;
                return vec![self.seek(Anchor::Key(key))];
            }
            Found::Line { key: None, resume: Some(resume) } => self.resume_search = (resume, resume),
            Found::Line { key: None, resume: None } => {
                if let Some(seeking) = self.seeking.take() {
                    return self.arrive(&seeking);
                }
            }
            Found::Tail { rows, new, more, last } => {
                self.more_new = more || (self.more_new && !self.follow);
                self.tail(rows, new, last);
            }
            // Which the pins have taken.
            Found::Moment(_) => {}
            Found::Failed(error) => {
                self.ends = (true, true);
                self.message = Some(format!("cannot read: {error}"));
            }
        }
        Vec::new()
    }

    fn more(&mut self, direction: Direction, rows: Vec<Row>, resume: Key, at_end: bool) {
        let kept = self.height() * KEPT;
        let rows = self.without_known(direction, rows);
        match direction {
            Direction::Forward => {
                self.resume.1 = resume;
                self.ends.1 = at_end;
                self.rows.extend(rows);
                let surplus = self.top.saturating_sub(kept);
                if surplus > 0 {
                    self.rows.drain(..surplus);
                    self.top -= surplus;
                    self.cursor = self.cursor.saturating_sub(surplus);
                    self.ends.0 = false;
                    self.resume.0 = self.before_the_first().unwrap_or(self.resume.0);
                }
            }
            Direction::Backward => {
                self.resume.0 = resume;
                self.ends.0 = at_end;
                let added = rows.len();
                for row in rows.into_iter().rev() {
                    self.rows.push_front(row);
                }
                self.top += added;
                self.cursor += added;
                let limit = self.top + self.height() + kept;
                if self.rows.len() > limit {
                    self.rows.truncate(limit);
                    self.ends.1 = false;
                    let last = self.rows.iter().rfind(|row| !row.context);
                    self.resume.1 = last.map_or(self.resume.1, |row| row.key.before());
                }
            }
        }
        if self.rows.len() < self.height() && !self.follow {
            self.top = 0;
        }
    }

    /// Where reading goes on before the rows: what stands before the first line that passes has to be found by it
    /// once more.
    fn before_the_first(&self) -> Option<Key> {
        self.rows.iter().find(|row| !row.context).map(|row| row.key.behind())
    }

    /// Rows beyond those that are there: lines around a hit may reach back among these.
    fn without_known(&self, direction: Direction, mut rows: Vec<Row>) -> Vec<Row> {
        if let (Some(first), Some(last)) = (self.rows.front(), self.rows.back()) {
            let forward = direction == Direction::Forward;
            rows.retain(|row| if forward { row.key > last.key } else { row.key < first.key });
        }
        rows
    }

    fn tail(&mut self, rows: Vec<Row>, new: u64, last: Option<Key>) {
        if !self.follow {
            self.new_lines += new;
            self.newest = last.unwrap_or(self.newest);
            return;
        }
        self.new_lines = 0;
        self.newest = last.unwrap_or(self.newest);
        if new == 0 {
            return;
        }
        let is_new = |row: &&Row| !row.context && self.rows.back().is_none_or(|known| row.key > known.key);
        let shown = rows.iter().filter(is_new).count() as u64;
        self.sampled = (new > shown).then_some((shown, new));
        self.rows = rows.into();
        self.resume = (self.before_the_first().unwrap_or(Key::FIRST), self.newest);
        self.ends = (false, true);
        self.cursor = self.rows.len().saturating_sub(1);
        self.top = 0;
        self.keep_cursor_visible();
    }
}
