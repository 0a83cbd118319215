//! What was typed into a prompt is used.

use logtap_capture::chunk::Span;
use logtap_capture::query::{Pattern, PatternOptions};

use super::Effect;
use crate::archive::Direction;
use crate::filter::{Filter, Kind, level};
use crate::keys::{self, Action};
use crate::loader::Anchor;
use crate::state::{Prompt, PromptKind, Search, State};

impl State {
    pub(super) fn open(&mut self, kind: PromptKind) {
        self.prompt = Some(Prompt { kind, text: String::new(), replaces: None });
    }

    pub(super) fn enter_prompt(&mut self) -> Vec<Effect> {
        let Some(Prompt { kind, text, replaces }) = self.prompt.take() else {
            return Vec::new();
        };
        if text.trim().is_empty() {
            return Vec::new();
        }
        if let Some(at) = replaces {
            return self.replace_filter(at, kind, text);
        }
        match kind {
            PromptKind::Search => match text.as_bytes() {
                [b'!', rest @ ..] if !rest.is_empty() => self.push_filter(Kind::Hide, text[1..].to_owned()),
                [b'=', rest @ ..] if !rest.is_empty() => self.push_filter(Kind::Keep, text[1..].to_owned()),
                _ => self.search_for(text),
            },
            PromptKind::Hide => self.push_filter(Kind::Hide, text),
            PromptKind::Keep => self.push_filter(Kind::Keep, text),
            PromptKind::Label => match text.strip_prefix("level=") {
                Some(name) => self.push_filter(Kind::Level, name.to_owned()),
                None => self.push_filter(Kind::Label, text),
            },
            PromptKind::Save => {
                self.message = Some(format!("writing to {text}…"));
                vec![Effect::Save(text.trim().into())]
            }
            PromptKind::Time => self.go_to_time(&text),
            PromptKind::Palette => self.palette(&text),
        }
    }

    fn search_for(&mut self, text: String) -> Vec<Effect> {
        let mut effects = self.highlight(text);
        if !effects.is_empty() {
            effects.extend(self.next_hit(Direction::Forward));
        }
        effects
    }

    /// Searches and stays; nothing if the pattern cannot be used.
    pub(super) fn highlight(&mut self, text: String) -> Vec<Effect> {
        match Pattern::new(&text, PatternOptions::default()) {
            Ok(pattern) => {
                self.search = Some(Search { text, pattern, hits: 0, done: false, places: Vec::new() });
                vec![Effect::Count]
            }
            Err(error) => {
                self.message = Some(error.to_string());
                Vec::new()
            }
        }
    }

    pub(super) fn push_filter(&mut self, kind: Kind, text: String) -> Vec<Effect> {
        if kind == Kind::Level
            && let Err(error) = level(&text)
        {
            self.message = Some(error.to_string());
            return Vec::new();
        }
        self.filters.push(Filter { kind, text, on: true });
        let effects = self.refilter();
        if effects.is_empty() {
            self.filters.pop();
        }
        effects
    }

    fn go_to_time(&mut self, text: &str) -> Vec<Effect> {
        let range = self.moment.archive.span();
        let here = self.current().and_then(|row| row.ts).unwrap_or(range.from);
        match crate::state::time::read(text.trim(), range, here) {
            Some(ts) => {
                self.follow = false;
                vec![self.seek(Anchor::Time(ts, 0))]
            }
            None => {
                self.message = Some("write a time as 10:32, 10:32:05.5, 2026-01-15T10:32:00Z, -5m or +30s".to_owned());
                Vec::new()
            }
        }
    }

    /// The entry of the keymap whose words hold every word typed; a unique beginning wins.
    fn palette(&mut self, text: &str) -> Vec<Effect> {
        match self.palette_matches(text).first() {
            Some(binding) => {
                let action = binding.action;
                self.act(action, None)
            }
            None => {
                let help = self.key_name(Action::Help);
                self.message = Some(format!("nothing here does that; {help} shows what there is"));
                Vec::new()
            }
        }
    }

    /// Entries of the keymap that what is typed may mean, best first.
    #[must_use]
    pub fn palette_matches(&self, text: &str) -> Vec<&'static keys::Binding> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let fits = |binding: &&keys::Binding| {
            let said = binding.words.to_lowercase();
            words.iter().all(|word| said.contains(word.as_str()))
        };
        let mut found: Vec<_> = keys::bindings(self.live()).filter(fits).collect();
        found.sort_by_key(|binding| !binding.words.to_lowercase().starts_with(words.first().map_or("", |word| word)));
        found
    }

    /// Range of times of the capture.
    #[must_use]
    pub fn span(&self) -> Span {
        self.moment.archive.span()
    }
}
