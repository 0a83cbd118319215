//! Lines that are chosen: a stretch to copy, a few that stay on the screen, a word to search for.

use regex::Regex;
use std::sync::LazyLock;

use super::Effect;
use crate::archive::Order;
use crate::filter::{Kind, level};
use crate::keys::Action;
use crate::loader::{Anchor, Ask};
use crate::remembered::Place;
use crate::row::Row;
use crate::state::{Pin, State};
use crate::text::plain;

/// Lines that can be pinned; one more, and the oldest goes.
const PINS: usize = 4;
/// Lines of context, before a line and behind it.
const CONTEXT: i64 = 500;
/// The number of requests about pinned lines, whose answers are told apart by their time.
const PIN: u64 = u64::MAX;
/// Characters that terminals still take into their clipboard (OSC 52 is cut at 100,000 bytes of base64).
const CLIPBOARD: usize = 74_000;

/// What tells one line from the others: UUIDs, long hexadecimal numbers, addresses, other numbers of four
/// digits and more.
static IDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b | \b[0-9a-fA-F]*[0-9][0-9a-fA-F]{7,}\b
             | \b\d{1,3}(?:\.\d{1,3}){3}\b | \b[A-Za-z]*[-_]?\d{4,}\b",
    )
    .expect("a constant that compiles")
});
static WORDS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\pL_][\pL\pN_.-]{2,}[\pL\pN]").expect("a constant that compiles"));

/// What a line can be searched by: its ids, then its other words, each in their order. Names of fields and
/// levels are in most lines, and left out.
pub(super) fn words(message: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    let is_name = |word: &regex::Match<'_>| {
        message[word.end()..].starts_with(['=', ':']) || message[word.end()..].starts_with("\":")
    };
    let words = WORDS.find_iter(message).filter(|word| !is_name(word) && level(word.as_str()).is_err());
    for word in IDS.find_iter(message).chain(words).map(|word| word.as_str()) {
        if !found.iter().any(|known| known.contains(word)) {
            found.push(word);
        }
    }
    found
}

impl State {
    /// Searches for a word of the current line; for its next one, if it is searched for already.
    pub(super) fn search_word(&mut self) -> Vec<Effect> {
        let Some(row) = self.current() else { return Vec::new() };
        let fields = super::fields(row);
        let chosen = self.detail.and_then(|chosen| Some(fields.get(chosen)?.value.clone()));
        let all: Vec<String> = match chosen {
            Some(value) => vec![value],
            None => words(&row.message).into_iter().map(str::to_owned).collect(),
        };
        let all: Vec<String> = all.iter().map(|word| regex::escape(word)).collect();
        let known = self.search.as_ref().and_then(|search| all.iter().position(|word| *word == search.text));
        let Some(word) = all.get(known.map_or(0, |known| (known + 1) % all.len())).cloned() else {
            self.message = Some("no word in this line to search for".to_owned());
            return Vec::new();
        };
        // The line stays the current one, so that its next word can be asked for.
        self.highlight(word)
    }

    /// Shows only the hits of the search, or all lines again; the current line stays.
    pub(super) fn only_matches(&mut self) -> Vec<Effect> {
        let Some(text) = self.search.as_ref().map(|search| search.text.clone()) else {
            return self.ask_for_search();
        };
        let known = self.filters.iter().position(|one| one.on && one.kind == Kind::Keep && one.text == text);
        match known {
            Some(at) => {
                self.filters.remove(at);
                self.refilter()
            }
            None => self.push_filter(Kind::Keep, text),
        }
    }

    /// Shows so many more lines before and behind each that passes, or fewer.
    pub(super) fn context_by(&mut self, more: i64) -> Vec<Effect> {
        if !self.sieve.keeps() {
            let matches = self.key_name(Action::Matches);
            self.message = Some(format!("all lines are shown: keep only some first ({matches} after a search)"));
            return Vec::new();
        }
        let lines = i64::from(self.context).saturating_add(more).clamp(0, CONTEXT);
        self.context = u16::try_from(lines).unwrap_or_default();
        self.sieves += 1;
        let sieve = self.sieve.as_ref().clone().numbered(self.sieves);
        vec![self.show_through(sieve)]
    }

    pub(super) fn ask_for_search(&mut self) -> Vec<Effect> {
        self.message = Some(format!("nothing to search for: type {} first", self.key_name(Action::Search)));
        Vec::new()
    }

    pub(super) fn select(&mut self) -> Vec<Effect> {
        if self.selected.take().is_some() {
            return Vec::new();
        }
        let Some(key) = self.current().map(|row| row.key) else { return Vec::new() };
        self.selected = Some(key);
        let was_sampled = self.sampled.is_some();
        self.leave_end();
        self.message = Some(format!("selecting: move, then {} copies", self.key_name(Action::CopyLine)));
        // Between the lines of a sample others are missing.
        if was_sampled { vec![self.seek(Anchor::Key(key))] } else { Vec::new() }
    }

    /// True if the line is selected.
    #[must_use]
    pub fn is_selected(&self, row: &Row) -> bool {
        let (Some(from), Some(to)) = (self.selected, self.current().map(|row| row.key)) else { return false };
        (from.min(to)..=from.max(to)).contains(&row.key)
    }

    /// Copies the line, or the lines that are selected.
    pub(super) fn copy_lines(&mut self) -> Vec<Effect> {
        let Some(from) = self.selected else {
            let Some(row) = self.current() else { return Vec::new() };
            let text = plain(&row.message);
            self.message = Some("copied the line".to_owned());
            return vec![Effect::Copy(text)];
        };
        if !self.rows.iter().any(|row| row.key == from) {
            self.message = Some("the selection is longer than what is kept: select less".to_owned());
            return Vec::new();
        }
        let lines: Vec<String> =
            self.rows.iter().filter(|row| self.is_selected(row)).map(|row| plain(&row.message)).collect();
        let text = lines.join("\n");
        if text.len() > CLIPBOARD {
            self.message = Some(format!("{} lines are more than a clipboard takes: select less", lines.len()));
            return Vec::new();
        }
        self.selected = None;
        self.message =
            Some(if lines.len() == 1 { "copied the line".to_owned() } else { format!("copied {} lines", lines.len()) });
        vec![Effect::Copy(text)]
    }

    /// Pins the current line, or lets go of it.
    pub(super) fn pin(&mut self) -> Vec<Effect> {
        let Some(row) = self.current().cloned() else { return Vec::new() };
        let same = |pin: &Pin| pin.row.as_ref().is_some_and(|known| known.key == row.key);
        if let Some(at) = self.pins.iter().position(same) {
            self.pins.remove(at);
            return Vec::new();
        }
        if self.pins.len() == PINS {
            self.pins.remove(0);
        }
        let ts = row.ts;
        self.pins.push(Pin { place: None, row: Some(Row { context: false, ..row }) });
        self.keep_cursor_visible();
        ts.map(|ts| Effect::Ask(PIN, Ask::Moment(ts))).into_iter().collect()
    }

    /// Asks for the lines that are pinned from the beginning.
    pub(super) fn ask_for_pins(&self) -> Vec<Effect> {
        let unread = self.pins.iter().filter(|pin| pin.row.is_none());
        unread.filter_map(|pin| Some(Effect::Ask(PIN, Ask::Moment(pin.place?.ts)))).collect()
    }

    /// All lines of one time: which of them a pinned line is, or what it is.
    pub(super) fn pinned(&mut self, rows: &[Row]) {
        // The order of arrival has no places that would be found again.
        let Some(ts) = rows.first().map(|row| row.key.ts).filter(|_| self.moment.archive.order == Order::Time) else {
            return;
        };
        for pin in &mut self.pins {
            match (&pin.row, pin.place) {
                (Some(row), None) if row.key.ts == ts => {
                    let skip = rows.iter().position(|one| one.key == row.key);
                    pin.place = skip.map(|skip| Place { ts, skip: skip as u32 });
                }
                (None, Some(place)) if place.ts == ts => pin.row = rows.get(place.skip as usize).cloned(),
                _ => {}
            }
        }
        self.keep_cursor_visible();
    }
}
