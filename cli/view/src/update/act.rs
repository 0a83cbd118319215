//! The action behind each entry of the keymap.

use std::time::Instant;

use logtap_capture::time::SECOND;

use super::{Effect, Leave, command_line};
use crate::archive::Direction;
use crate::keys::Action;
use crate::loader::Anchor;
use crate::state::{Overlay, PromptKind, State};

/// Columns of a small step sideways.
const STEP: u16 = 10;

impl State {
    pub(super) fn do_action(&mut self, action: Action, count: Option<u32>) -> Vec<Effect> {
        let times = i64::from(count.unwrap_or(1));
        let page = self.height() as i64;
        match action {
            Action::Down => return self.scroll(times),
            Action::Up => return self.scroll(-times),
            Action::HalfDown => return self.scroll(page / 2 * times),
            Action::HalfUp => return self.scroll(-(page / 2 * times)),
            Action::PageDown => return self.scroll(page * times),
            Action::PageUp => return self.scroll(-page * times),
            Action::Top => {
                self.leave_end();
                return vec![self.seek(Anchor::Start)];
            }
            Action::Bottom => return self.jump_to_end(),
            Action::Follow => {
                if self.follow {
                    self.leave_end();
                } else {
                    return self.jump_to_end();
                }
            }
            Action::NextHit => return self.next_hit(Direction::Forward),
            Action::PreviousHit => return self.next_hit(Direction::Backward),
            Action::NextError => return self.next_error(Direction::Forward),
            Action::PreviousError => return self.next_error(Direction::Backward),
            Action::NextChange => return self.next_change(Direction::Forward),
            Action::PreviousChange => return self.next_change(Direction::Backward),
            Action::SearchWord => return self.search_word(),
            Action::Matches => return self.only_matches(),
            Action::MoreContext => return self.context_by(times),
            Action::LessContext => return self.context_by(-times),
            Action::Select => return self.select(),
            Action::Pin => return self.pin(),
            Action::Search => self.open(PromptKind::Search),
            Action::Hide => self.open(PromptKind::Hide),
            Action::Keep => self.open(PromptKind::Keep),
            Action::Label => self.open(PromptKind::Label),
            Action::Time => self.open(PromptKind::Time),
            Action::Palette => self.open(PromptKind::Palette),
            Action::Percent => {
                self.leave_end();
                return vec![self.seek(Anchor::Percent(f64::from(count.unwrap_or(50))))];
            }
            Action::MinuteBack => return self.jump(-60 * SECOND * times),
            Action::MinuteOn => return self.jump(60 * SECOND * times),
            Action::SetMark => "m".clone_into(&mut self.typed),
            Action::GoMark => "'".clone_into(&mut self.typed),
            Action::Left => self.sideways = self.sideways.saturating_sub(self.size.0 / 2),
            Action::Right => self.sideways = self.sideways.saturating_add(self.size.0 / 2).min(60_000),
            Action::FarLeft => self.sideways = self.sideways.saturating_sub(STEP),
            Action::FarRight => self.sideways = self.sideways.saturating_add(STEP).min(60_000),
            Action::Wrap => {
                self.wrap = !self.wrap;
                self.keep_cursor_visible();
            }
            Action::Detail => {
                self.detail = if self.detail.is_some() { None } else { Some(0) };
                self.leave_end();
                self.keep_cursor_visible();
            }
            Action::Changes => return self.open_changes(),
            Action::Histogram => {
                self.histogram = !self.histogram;
                self.keep_cursor_visible();
            }
            Action::ZoomIn => self.zoom_by(0.25),
            Action::ZoomOut => self.zoom_by(1.0),
            Action::Lanes => {
                self.lanes = !self.lanes;
                self.keep_cursor_visible();
            }
            Action::Utc => self.utc = !self.utc,
            Action::Delta => {
                let here = self.current().and_then(|row| row.ts);
                self.delta = if self.delta.is_some() { None } else { here };
            }
            Action::Filters => self.overlay = Some(Overlay::Filters(self.filters.len().saturating_sub(1))),
            Action::FiltersOff => {
                let any = self.filters.iter().any(|filter| filter.on);
                for filter in &mut self.filters {
                    filter.on = !any;
                }
                return self.refilter();
            }
            Action::CopyCommand => {
                let command = command_line(self);
                self.message = Some(format!("copied: {command}"));
                return vec![Effect::Copy(command)];
            }
            Action::Save => self.open(PromptKind::Save),
            Action::CopyLine => return self.copy_lines(),
            Action::Pause => return self.pause(),
            Action::Faster => self.set_speed(self.play.speed * 2.0),
            Action::Slower => self.set_speed(if self.play.speed.is_finite() { self.play.speed / 2.0 } else { 64.0 }),
            Action::StepOn => {
                self.play.since = None;
                return self.scroll(times);
            }
            Action::StepBack => {
                self.play.since = None;
                return self.scroll(-times);
            }
            Action::Back => return self.close(),
            Action::Help => self.overlay = Some(Overlay::Help(0)),
            Action::Mouse if self.options.plain => {
                self.message = Some("lines of text have nothing to click on".to_owned());
            }
            Action::Mouse => {
                self.mouse = !self.mouse;
                let words =
                    if self.mouse { "the wheel scrolls, a click goes there" } else { "the mouse is the terminal's" };
                self.message = Some(words.to_owned());
                return vec![Effect::Mouse(self.mouse)];
            }
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Detach => return vec![Effect::End(Leave::Detach)],
            Action::Quit => return self.quit(),
            Action::QuitNow => {
                let stop = self.options.owner && self.live();
                return vec![Effect::End(if stop { Leave::Stop } else { Leave::Quit })];
            }
        }
        Vec::new()
    }

    pub(super) fn scroll(&mut self, lines: i64) -> Vec<Effect> {
        let sampled = self.sampled.is_some();
        if lines < 0 {
            self.leave_end();
        }
        self.move_by(lines);
        if lines < 0 {
            self.say_evicted();
        }
        // Between the lines of a sample others are missing: scrolling reads them all.
        if lines < 0
            && sampled
            && let Some(row) = self.current()
        {
            let anchor = Anchor::Key(row.key);
            return vec![self.seek(anchor)];
        }
        Vec::new()
    }

    pub(super) fn leave_end(&mut self) {
        if std::mem::take(&mut self.follow) {
            self.new_lines = 0;
        }
        self.sampled = None;
    }

    fn jump_to_end(&mut self) -> Vec<Effect> {
        self.follow = true;
        self.frozen = false;
        self.new_lines = 0;
        self.play.since = None;
        // The newest lines that are known are shown at once, newer ones when they are read.
        if self.live() && self.rows.back().is_some_and(|row| row.key >= self.newest) {
            self.move_by(self.rows.len() as i64);
        }
        vec![self.seek(Anchor::End)]
    }

    /// At the first line there is: says if there were lines before it.
    pub(super) fn say_evicted(&mut self) {
        let evicted = self.moment.metadata.as_ref().and_then(|metadata| metadata.evicted.as_ref());
        if let Some(evicted) = evicted.filter(|_| self.ends.0 && self.cursor == 0 && !self.follow) {
            let lines = crate::draw::grouped(evicted.lines);
            self.message = Some(format!("the first line that is left: {lines} before it were evicted to make room"));
        }
    }

    fn jump(&mut self, by: i64) -> Vec<Effect> {
        let Some(ts) = self.current().and_then(|row| row.ts) else {
            return Vec::new();
        };
        self.leave_end();
        vec![self.seek(Anchor::Time(ts.saturating_add(by), 0))]
    }

    /// Shows the part around the current line in so much of the whole; 1 shows everything.
    fn zoom_by(&mut self, share: f64) {
        let whole = self.moment.archive.span();
        if share >= 1.0 || whole.is_empty() {
            self.zoom = None;
            return;
        }
        let (from, to) = self.zoom.unwrap_or((whole.from, whole.to));
        let centre = self.current().and_then(|row| row.ts).unwrap_or(from);
        let half = (((to - from) as f64 * share / 2.0) as i64).max(30 * SECOND);
        self.zoom = Some((centre - half, centre + half));
    }

    fn pause(&mut self) -> Vec<Effect> {
        if self.live() {
            self.frozen = !self.frozen;
            return if self.frozen || !self.follow { Vec::new() } else { self.jump_to_end() };
        }
        let here = self.current().and_then(|row| row.ts);
        self.play.since = match (self.play.since, here) {
            (None, Some(ts)) => Some((Instant::now(), ts)),
            _ => None,
        };
        Vec::new()
    }

    fn set_speed(&mut self, speed: f64) {
        let speed = if speed > 4096.0 { f64::INFINITY } else { speed.max(0.125) };
        if let Some((_, ts)) = self.play.since {
            let now = self.current().and_then(|row| row.ts).unwrap_or(ts);
            self.play.since = Some((Instant::now(), now));
        }
        self.play.speed = speed;
        let shown = if speed.is_finite() { format!("{speed}x") } else { "as fast as it can be shown".to_owned() };
        self.message = Some(format!("speed: {shown}"));
    }

    /// Lets a replay go on to where it is to be now; `None` if it is not in motion.
    pub fn play_on(&mut self, now: Instant) -> Option<Vec<Effect>> {
        let (since, from) = self.play.since?;
        let mut effects = Vec::new();
        let at_end = |state: &Self| state.cursor + 1 >= state.rows.len();
        if self.play.speed.is_finite() {
            let passed = now.duration_since(since).as_nanos() as f64 * self.play.speed;
            let until = from.saturating_add(passed as i64);
            while self.rows.get(self.cursor + 1).is_some_and(|row| row.ts.is_none_or(|ts| ts <= until)) {
                self.cursor += 1;
            }
            // Faster than lines can be read one after the other: go there.
            if at_end(self) && !self.ends.1 && !self.waiting {
                effects.push(self.seek(Anchor::Time(until, 0)));
            }
        } else {
            self.cursor = (self.cursor + self.height()).min(self.rows.len().saturating_sub(1));
        }
        self.keep_cursor_visible();
        if at_end(self) && self.ends.1 {
            self.play.since = None;
            self.message = Some("end of the capture".to_owned());
        }
        Some(effects)
    }
}
