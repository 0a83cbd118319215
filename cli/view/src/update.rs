//! What happens changes the state, and asks for effects; nothing here waits,
//! reads or draws.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use logtap_capture::level::Level;

use crate::archive::{Direction, Key, Order};
use crate::filter::Sieve;
use crate::keys::Action;
use crate::loader::{Anchor, Ask, Found, Reply};
use crate::save::SaveError;
use crate::state::{Overlay, Rate, Search, Seeking, State};
use crate::watcher::Moment;

mod act;
mod changes;
mod command;
mod fields;
mod filters;
mod mouse;
mod prompt;
mod received;
mod select;
mod shifts;
mod typed;

pub use command::{command_line, remembered};
pub use fields::{Field, fields};

/// What is to be done outside of the state.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask the loader.
    Ask(u64, Ask),
    /// Count what passes the sieve, or what of it matches the search; ends a count that is under way.
    Count,
    /// Write the lines that pass into a new capture.
    Save(PathBuf),
    /// Compare with the baseline again.
    Compare,
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// End the view.
    End(Leave),
    /// Take the mouse, or give it back.
    Mouse(bool),
    /// Suspend the process.
    Suspend,
    /// Draw everything again.
    Redraw,
}

/// How the view is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Nothing is to be stopped.
    Quit,
    /// Receiving goes on.
    Detach,
    /// The receiver is to stop.
    Stop,
}

/// Lines kept in memory on each side of the screen, in screens.
const MARGIN: usize = 3;

impl State {
    /// Begins: compiles the filters and asks for the first lines.
    ///
    /// # Errors
    /// If a filter or the search cannot be used.
    pub fn begin(&mut self) -> Result<Vec<Effect>, crate::filter::FilterError> {
        let sieve = Sieve::new(1, &self.filters, self.options.from, self.options.to)?;
        self.sieve = Arc::new(sieve.with_context(self.context.into()));
        let mut effects = Vec::new();
        if let Some(text) = self.options.search.clone() {
            let pattern = logtap_capture::query::Pattern::new(&text, Default::default())?;
            self.search = Some(Search { text, pattern, hits: 0, done: false, places: Vec::new() });
        }
        self.passing = (!self.sieve.is_empty()).then_some((0, false));
        if self.search.is_some() || !self.filters.is_empty() {
            effects.push(Effect::Count);
        }
        let anchor = self.first_anchor();
        effects.push(self.seek(anchor));
        effects.extend(self.ask_for_pins());
        if self.options.speed.is_some() {
            self.play.since = Some((Instant::now(), self.options.from.unwrap_or(self.moment.archive.span().from)));
        }
        Ok(effects)
    }

    fn ask(&mut self, ask: Ask) -> Effect {
        self.request += 1;
        self.waiting = true;
        Effect::Ask(self.request, ask)
    }

    /// Asks for the lines around a place.
    pub fn seek(&mut self, anchor: Anchor) -> Effect {
        let count = self.height() * MARGIN;
        self.pending = Some(anchor);
        self.owed = 0;
        self.ask(Ask::Window(anchor, count))
    }

    /// Asks for what the screen will want next, if nothing is asked for.
    #[must_use]
    pub fn refill(&mut self) -> Option<Effect> {
        if self.waiting || !self.ready || self.frozen {
            return None;
        }
        if let Some(seeking) = self.seeking.clone() {
            let from =
                if seeking.direction == Direction::Forward { self.resume_search.0 } else { self.resume_search.1 };
            return Some(self.ask(Ask::Find(seeking.direction, from, seeking.sieve)));
        }
        let count = self.height() * MARGIN;
        if !self.ends.1 && self.rows.len() - self.top < self.height() + count / 2 && self.sampled.is_none() {
            return Some(self.ask(Ask::More(Direction::Forward, self.resume.1, count)));
        }
        if !self.ends.0 && self.top < count / 2 {
            return Some(self.ask(Ask::More(Direction::Backward, self.resume.0, count)));
        }
        None
    }

    /// The capture has changed, or more of it has been counted.
    pub fn moved_on(&mut self, moment: Moment, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(metadata) = &moment.metadata {
            self.rate.note(now, metadata.total_lines, metadata.total_bytes);
        }
        let order_changed = moment.archive.order != self.moment.archive.order;
        let ended = self.moment.live && !moment.live;
        self.moment = moment;
        if ended {
            self.message = Some("the receiver has ended".to_owned());
            self.follow = false;
        }
        if order_changed {
            // Where to begin could not be found before all times were known.
            let untouched = !self.touched && self.options.at.is_some();
            let place = self.place();
            let anchor = match self.current() {
                _ if untouched => self.first_anchor(),
                _ if let Some(place) = place => place,
                Some(row) if self.moment.archive.order == Order::Time => {
                    Anchor::Key(Key { ts: row.ts.unwrap_or(row.key.ts), ..row.key })
                }
                Some(row) => Anchor::Key(Key { ts: 0, ..row.key }),
                None => Anchor::End,
            };
            self.newest = Key::FIRST;
            effects.push(self.seek(anchor));
            effects.extend(self.ask_for_pins());
        } else if self.ready {
            self.ends.1 = self.ends.1 && !self.live();
            if self.live() && !self.frozen && !self.waiting && self.prompt.is_none() && self.seeking.is_none() {
                let count = self.height();
                effects.push(self.ask(Ask::Tail(self.newest, count)));
            }
        }
        effects
    }

    /// Lines were written into a capture of their own, or not.
    pub fn saved(&mut self, to: &Path, outcome: Result<u64, SaveError>) {
        self.message = Some(match outcome {
            Ok(lines) => format!("wrote {lines} lines: logtap open {}", crate::text::quote(&to.to_string_lossy())),
            Err(error) => format!("not written: {error}"),
        });
    }

    /// The screen has another size.
    pub fn resized(&mut self, columns: u16, rows: u16) {
        self.size = (columns, rows);
        self.keep_cursor_visible();
    }

    /// The answer to a request.
    pub fn answered(&mut self, reply: Reply) -> Vec<Effect> {
        if let Found::Moment(rows) = &reply.found {
            self.pinned(rows);
            return Vec::new();
        }
        if reply.id != self.request {
            return Vec::new();
        }
        self.waiting = false;
        self.pending = None;
        self.receive(reply.found)
    }

    /// A place that was asked for and has not been found yet is the one that is wanted.
    fn place(&self) -> Option<Anchor> {
        self.pending.filter(|anchor| !matches!(anchor, Anchor::Key(_)))
    }

    /// Looks for a line in a direction, from the current one.
    fn look_for(&mut self, direction: Direction, sieve: Sieve, what: &'static str) -> Vec<Effect> {
        let here = self.current().map_or(Key::FIRST, |row| row.key);
        let from = match self.pending {
            Some(Anchor::Start) => Key::FIRST,
            Some(Anchor::End) => Key::LAST,
            Some(Anchor::Key(key)) => key,
            Some(Anchor::Time(ts, _)) if self.moment.archive.order == Order::Time => Key::at(ts),
            Some(Anchor::Time(..) | Anchor::Percent(_)) | None => here,
        };
        self.look_from(from, direction, sieve, what)
    }

    /// Looks for a line in a direction, from behind a place.
    fn look_from(&mut self, from: Key, direction: Direction, sieve: Sieve, what: &'static str) -> Vec<Effect> {
        self.follow = false;
        self.resume_search = (from, from);
        self.sieves += 1;
        let sieve = Arc::new(sieve.numbered(self.sieves));
        self.seeking = Some(Seeking { direction, sieve: sieve.clone(), what, otherwise: None });
        vec![self.ask(Ask::Find(direction, from, sieve))]
    }

    fn next_error(&mut self, direction: Direction) -> Vec<Effect> {
        let sieve = self.sieve.at_least(Level::Error);
        self.look_for(direction, sieve, "error")
    }

    fn next_hit(&mut self, direction: Direction) -> Vec<Effect> {
        match self.search.as_ref().map(|search| self.sieve.and(&search.pattern)) {
            Some(sieve) => self.look_for(direction, sieve, "hit"),
            None => self.ask_for_search(),
        }
    }

    /// Compiles the stack again and shows what passes it.
    fn refilter(&mut self) -> Vec<Effect> {
        self.sieves += 1;
        match Sieve::new(self.sieves, &self.filters, self.options.from, self.options.to) {
            Ok(sieve) => {
                self.passing = (!sieve.is_empty()).then_some((0, false));
                vec![Effect::Count, self.show_through(sieve)]
            }
            Err(error) => {
                self.message = Some(error.to_string());
                Vec::new()
            }
        }
    }

    /// Shows what passes; the current line stays if it does.
    fn show_through(&mut self, sieve: Sieve) -> Effect {
        self.sieve = Arc::new(sieve.with_context(self.context.into()));
        let here = self.current().map_or(Anchor::Start, |row| Anchor::Key(row.key));
        let anchor = self.place().unwrap_or(here);
        self.seek(if self.follow { Anchor::End } else { anchor })
    }

    /// Moves the cursor, and the screen with it. Steps behind the lines that have been read are taken
    /// once more of them are, those from a place that is being looked up once it is found.
    fn move_by(&mut self, lines: i64) {
        let (owed, last) = (std::mem::take(&mut self.owed), self.rows.len().saturating_sub(1) as i64);
        let looked_up = self.pending.is_some();
        let wanted = (self.cursor as i64).saturating_add(lines).saturating_add(if looked_up { 0 } else { owed });
        self.cursor = wanted.clamp(0, last.max(0)) as usize;
        self.owed = match wanted - self.cursor as i64 {
            _ if looked_up => owed.saturating_add(lines),
            1.. if self.ends.1 => 0,
            ..=-1 if self.ends.0 => 0,
            rest => rest,
        };
        self.keep_cursor_visible();
    }

    /// Scrolls so far that the line of the cursor is on the screen.
    pub(crate) fn keep_cursor_visible(&mut self) {
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
        self.top = self.top.min(self.cursor);
        let height = self.height();
        while self.top < self.cursor {
            let used: usize = self.rows.range(self.top..=self.cursor).map(|row| crate::draw::lines_of(self, row)).sum();
            if used <= height {
                break;
            }
            self.top += 1;
        }
    }

    /// Does what a key stands for.
    pub fn act(&mut self, action: Action, count: Option<u32>) -> Vec<Effect> {
        self.message = None;
        if !matches!(action, Action::NextChange | Action::PreviousChange) {
            self.changed = None;
        }
        self.do_action(action, count)
    }

    fn close(&mut self) -> Vec<Effect> {
        if self.seeking.take().is_some() {
            self.waiting = false;
            self.request += 1;
            self.message = Some("search cancelled".to_owned());
            return Vec::new();
        }
        if std::mem::take(&mut self.owed) != 0 {
            self.message = Some("stopped here".to_owned());
            return Vec::new();
        }
        if self.overlay.take().is_some() || self.detail.take().is_some() {
            self.keep_cursor_visible();
            return Vec::new();
        }
        if self.selected.take().is_some() {
            return Vec::new();
        }
        if self.search.take().is_some() {
            return vec![Effect::Count];
        }
        if self.filters.pop().is_some() {
            return self.refilter();
        }
        self.delta = None;
        Vec::new()
    }

    fn quit(&mut self) -> Vec<Effect> {
        if self.live() {
            self.overlay = Some(Overlay::Leave);
            return Vec::new();
        }
        vec![Effect::End(Leave::Quit)]
    }
}

impl Rate {
    fn note(&mut self, now: Instant, lines: u64, bytes: u64) {
        let Some((then, old_lines, old_bytes)) = self.last else {
            self.last = Some((now, lines, bytes));
            return;
        };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds >= 0.8 {
            self.lines = lines.saturating_sub(old_lines) as f64 / seconds;
            self.bytes = bytes.saturating_sub(old_bytes) as f64 / seconds;
            self.last = Some((now, lines, bytes));
        }
    }
}
