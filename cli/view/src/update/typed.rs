//! Keys as they are typed: into prompts, into the detail, or as actions.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Effect, Leave};
use crate::filter::Kind;
use crate::keys::{self, Action};
use crate::loader::Anchor;
use crate::state::{Mark, Overlay, State};

impl State {
    /// A key was pressed.
    pub fn key(&mut self, event: &KeyEvent) -> Vec<Effect> {
        self.touched = true;
        let effects = self.pressed(event);
        // A search, a filter or a part that opens takes rows from the lines.
        self.keep_cursor_visible();
        effects
    }

    fn pressed(&mut self, event: &KeyEvent) -> Vec<Effect> {
        let name = keys::name(event);
        if name == "Ctrl-c" {
            return self.act(Action::QuitNow, None);
        }
        if self.prompt.is_some() {
            return self.key_in_prompt(event);
        }
        match self.overlay {
            Some(Overlay::Changes(chosen)) => return self.key_in_changes(chosen, &name),
            Some(Overlay::Filters(chosen)) => return self.key_in_filters(chosen, &name),
            Some(Overlay::Leave) => return self.key_in_leave(&name),
            Some(Overlay::Help(at)) => {
                match name.as_str() {
                    "j" | "Down" => self.overlay = Some(Overlay::Help(at + 1)),
                    "k" | "Up" => self.overlay = Some(Overlay::Help(at.saturating_sub(1))),
                    "d" | "PageDown" | "Space" => self.overlay = Some(Overlay::Help(at + self.size.1 / 2)),
                    "u" | "PageUp" => self.overlay = Some(Overlay::Help(at.saturating_sub(self.size.1 / 2))),
                    _ => self.overlay = None,
                }
                return Vec::new();
            }
            None => {}
        }
        if let Some(letter) = self.typed.strip_prefix(['m', '\'']).map(|_| event.code) {
            return self.mark(letter);
        }
        if self.detail.is_some()
            && let Some(effects) = self.key_in_detail(&name)
        {
            return effects;
        }
        self.key_for_action(&name)
    }

    fn key_for_action(&mut self, name: &str) -> Vec<Effect> {
        let starts_count = name.len() == 1 && name.chars().all(|c| c.is_ascii_digit());
        let pending = self.typed.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        if starts_count && pending.is_empty() && !(name == "0" && self.typed.is_empty()) {
            if self.typed.len() < 6 {
                self.typed.push_str(name);
            }
            return Vec::new();
        }
        let count = self.typed.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        match self.options.keymap.find(&format!("{pending}{name}"), self.live()) {
            Some(Some(action)) => {
                self.typed.clear();
                self.act(action, count)
            }
            Some(None) => {
                self.typed.push_str(name);
                Vec::new()
            }
            None => {
                self.typed.clear();
                let help = self.key_name(Action::Help);
                self.message = Some(format!("{} is no key here; {help} shows them", crate::text::plain(name)));
                Vec::new()
            }
        }
    }

    fn key_in_leave(&mut self, name: &str) -> Vec<Effect> {
        self.overlay = None;
        match name {
            "s" => vec![Effect::End(Leave::Stop)],
            "d" | "D" => vec![Effect::End(Leave::Detach)],
            _ => Vec::new(),
        }
    }

    fn mark(&mut self, code: KeyCode) -> Vec<Effect> {
        let sets = self.typed.starts_with('m');
        self.typed.clear();
        let KeyCode::Char(letter @ ('a'..='z' | 'A'..='Z')) = code else {
            self.message = Some("a mark is a letter".to_owned());
            return Vec::new();
        };
        if sets {
            if let Some(key) = self.current().map(|row| row.key) {
                let place = super::command::place(self);
                self.marks.insert(letter, Mark { anchor: Anchor::Key(key), place });
                self.message = Some(format!("mark {letter} set; '{letter} comes back here"));
            }
            return Vec::new();
        }
        match self.marks.get(&letter).copied() {
            Some(mark) => {
                self.follow = false;
                vec![self.seek(mark.anchor)]
            }
            None => {
                self.message = Some(format!("there is no mark {letter}"));
                Vec::new()
            }
        }
    }

    fn key_in_detail(&mut self, name: &str) -> Option<Vec<Effect>> {
        let chosen = self.detail?;
        let fields = self.current().map(super::fields).unwrap_or_default();
        match name {
            "Down" | "Tab" => self.detail = Some((chosen + 1).min(fields.len().saturating_sub(1))),
            "Up" | "BackTab" | "Shift-BackTab" => self.detail = Some(chosen.saturating_sub(1)),
            "+" => return Some(self.filter_by(fields.get(chosen)?.keep())),
            "-" => return Some(self.filter_by(fields.get(chosen)?.hide())),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn filter_by(&mut self, filter: (Kind, String)) -> Vec<Effect> {
        self.push_filter(filter.0, filter.1)
    }

    /// Text was pasted.
    pub fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.text.push_str(text);
        }
    }

    fn key_in_prompt(&mut self, event: &KeyEvent) -> Vec<Effect> {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let Some(prompt) = &mut self.prompt else {
            return Vec::new();
        };
        match event.code {
            KeyCode::Esc => self.prompt = None,
            KeyCode::Enter => return self.enter_prompt(),
            // Taking back more than was typed closes the prompt.
            KeyCode::Backspace if prompt.text.pop().is_none() => self.prompt = None,
            KeyCode::Char('u') if control => prompt.text.clear(),
            KeyCode::Char('w') if control => {
                let cut = prompt.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                prompt.text.truncate(cut);
            }
            KeyCode::Char(character) if !control => prompt.text.push(character),
            _ => {}
        }
        Vec::new()
    }
}
