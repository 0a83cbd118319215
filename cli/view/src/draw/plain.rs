//! The view as lines of text, one after the other, for screen readers, for
//! terminals that cannot be addressed and for a record of what was looked at:
//! no frames, no bars, nothing drawn over. Only what has changed is said.

use crate::archive::Key;
use crate::difference::Change;
use crate::keys;
use crate::row::Row;
use crate::state::{Overlay, State, time as clock};
use crate::text::plain;
use crate::update::fields;

/// What has been said.
#[derive(Debug, Default)]
pub struct Said {
    state: String,
    line: Option<Key>,
    newest: Option<Key>,
    detail: Option<(Key, usize)>,
    message: Option<String>,
    overlay: Option<Overlay>,
    prompt: Option<String>,
    counts: String,
    filter: String,
}

impl Said {
    /// What is to be said now; empty if nothing has changed.
    #[must_use]
    pub fn say(&mut self, state: &State) -> String {
        let mut out = String::new();
        self.head(state, &mut out);
        self.overlay(state, &mut out);
        self.prompt(state, &mut out);
        self.counts(state, &mut out);
        if self.message != state.message {
            self.message.clone_from(&state.message);
            lines(&mut out, self.message.as_deref());
        }
        if state.overlay.is_none() && state.prompt.is_none() && state.seeking.is_none() {
            self.rows(state, &mut out);
            self.detail(state, &mut out);
        }
        out
    }

    /// Rates and totals change all the time: only what kind of view it is, and losses, are told anew.
    fn head(&mut self, state: &State, out: &mut String) {
        let kind = match () {
            () if state.stopping => "stopping",
            () if state.frozen => "live, frozen",
            () if state.live() => "live",
            () if state.play.since.is_some() => "replay, playing",
            () => "replay, paused",
        };
        let metadata = state.moment.metadata.as_deref();
        let dropped: u64 = metadata.map_or(0, |metadata| metadata.dropped.values().sum());
        let lost = metadata.map_or(0, |metadata| metadata.lost.lines());
        let losses = if dropped + lost > 0 { format!(", {dropped} dropped, {lost} lost") } else { String::new() };
        let against = state
            .baseline
            .as_ref()
            .map_or_else(String::new, |baseline| format!(", against {}: {}", baseline.name(), baseline.summary()));
        let name = state.moment.archive.dir.file_name().unwrap_or_default();
        let now = format!("{}: {kind}{losses}{against}", plain(&name.to_string_lossy()));
        if now != self.state {
            self.state = now;
            let hint = if self.line.is_none() { "; ? lists the keys" } else { "" };
            lines(out, Some(&format!("{}{hint}", self.state)));
        }
    }

    fn overlay(&mut self, state: &State, out: &mut String) {
        if let Some(Overlay::Filters(chosen)) = state.overlay {
            let now = super::filters::described(state, chosen);
            if now != self.filter {
                lines(out, Some(&now));
                self.filter = now;
            }
        }
        if self.overlay == state.overlay {
            return;
        }
        let (was, now) = (self.overlay, state.overlay);
        self.overlay = now;
        match now {
            Some(Overlay::Help(_)) if !matches!(was, Some(Overlay::Help(_))) => {
                for binding in keys::bindings(state.live()) {
                    lines(
                        out,
                        Some(&format!(
                            "{}: {}",
                            state.options.keymap.keys(binding).replace(' ', " or "),
                            binding.words
                        )),
                    );
                }
            }
            Some(Overlay::Leave) => lines(out, Some("s stops receiving, d detaches, Escape stays")),
            Some(Overlay::Changes(chosen)) => {
                let changes = state.baseline.as_ref().map_or(&[][..], |baseline| baseline.changes());
                if !matches!(was, Some(Overlay::Changes(_))) {
                    lines(out, Some(&format!("{} patterns changed; Enter leads to one", changes.len())));
                }
                lines(out, changes.get(chosen).map(|change| changed(change, state.utc)).as_deref());
            }
            // Where one is again is worth saying.
            None => {
                self.line = None;
                self.filter.clear();
            }
            Some(Overlay::Help(_) | Overlay::Filters(_)) => {}
        }
    }

    fn prompt(&mut self, state: &State, out: &mut String) {
        let now = state.prompt.as_ref().map(|prompt| plain(&prompt.text));
        match (&self.prompt, &now) {
            (None, Some(text)) => {
                out.push_str(&format!("{}: {text}", super::foot::sign(state).trim_end_matches([':', ' '])))
            }
            (Some(was), Some(text)) => match text.strip_prefix(was.as_str()) {
                Some(more) => out.push_str(more),
                None => out.push_str(&format!("\r\n{}: {text}", super::foot::sign(state).trim_end_matches([':', ' ']))),
            },
            (Some(_), None) => out.push_str("\r\n"),
            (None, None) => {}
        }
        self.prompt = now;
    }

    fn counts(&mut self, state: &State, out: &mut String) {
        let passing = state.passing.filter(|passing| passing.1).map(|passing| format!("{} lines pass", passing.0));
        let hits = state.search.as_ref().filter(|search| search.done).map(|search| format!("{} hits", search.hits));
        let now = [passing, hits].into_iter().flatten().collect::<Vec<_>>().join(", ");
        if now != self.counts {
            self.counts = now;
            lines(out, Some(&self.counts).filter(|counts| !counts.is_empty()).map(String::as_str));
        }
    }

    fn rows(&mut self, state: &State, out: &mut String) {
        let Some(current) = state.current() else {
            if state.ready && !state.waiting && self.line.take().is_some() {
                lines(out, Some("no lines"));
            }
            return;
        };
        // The same line, whatever the lines are ordered by.
        let here = Key { ts: 0, ..current.key };
        if state.follow {
            if let Some((shown, all)) = state.sampled.filter(|_| self.line != Some(here)) {
                lines(out, Some(&format!("{shown} of {all} new lines, errors first")));
            }
            let fresh = |row: &&Row| self.newest.is_none_or(|newest| row.key > newest);
            for row in state.rows.iter().skip(state.top).filter(fresh) {
                lines(out, Some(&written(row, state)));
            }
        } else if self.line != Some(here) {
            lines(out, Some(&written(current, state)));
        }
        self.line = Some(here);
        self.newest = self.newest.max(state.rows.back().map(|row| row.key));
    }

    fn detail(&mut self, state: &State, out: &mut String) {
        let now = state.detail.zip(state.current()).map(|(chosen, row)| (row.key, chosen));
        if self.detail == now {
            return;
        }
        let opened = self.detail.map(|was| was.0) != now.map(|now| now.0);
        self.detail = now;
        let (Some((_, chosen)), Some(row)) = (now, state.current()) else {
            return;
        };
        let fields = fields(row);
        if opened {
            lines(out, Some(&format!("{} fields; plus keeps, minus hides lines with the chosen one", fields.len())));
        }
        let shown = if opened { &fields[..] } else { fields.get(chosen..=chosen).unwrap_or_default() };
        for field in shown {
            lines(out, Some(&format!("{} = {}", plain(&field.name), plain(&field.value))));
        }
    }
}

fn lines(out: &mut String, text: Option<&str>) {
    if let Some(text) = text {
        out.push_str(&plain(text));
        out.push_str("\r\n");
    }
}

fn written(row: &Row, state: &State) -> String {
    let time = match (row.ts, state.delta) {
        (None, _) => "no time".to_owned(),
        (Some(ts), Some(since)) => clock::difference(ts - since),
        (Some(ts), None) => clock::of_day(ts, state.utc),
    };
    let around = if row.context { "around it, " } else { "" };
    format!("{around}{time} {} {}: {}", row.level.name(), plain(row.service()), plain(&row.message))
}

fn changed(change: &Change, utc: bool) -> String {
    let since = change.since.map_or_else(String::new, |ts| format!(" since {}", clock::of_day(ts, utc)));
    let (kind, level) = (change.kind.word(), change.level.name());
    let (service, template) = (plain(&change.service), plain(&change.template));
    format!("{kind} {level} of {service}{since}, {} lines, {:.0} expected: {template}", change.lines, change.expected)
}
