//! The list of filters: choose one, switch it, edit it, drop it.

use super::Effect;
use crate::filter::{Filter, Kind};
use crate::state::{Overlay, Prompt, PromptKind, State};

impl State {
    pub(super) fn key_in_filters(&mut self, chosen: usize, name: &str) -> Vec<Effect> {
        let last = self.filters.len().saturating_sub(1);
        let chosen = chosen.min(last);
        let next = match name {
            "j" | "Down" => chosen + 1,
            "k" | "Up" => chosen.saturating_sub(1),
            "Space" => {
                if let Some(filter) = self.filters.get_mut(chosen) {
                    filter.on = !filter.on;
                    return self.refilter();
                }
                chosen
            }
            "x" | "Delete" | "Backspace" => {
                if chosen < self.filters.len() {
                    self.filters.remove(chosen);
                    self.overlay = Some(Overlay::Filters(chosen.saturating_sub(usize::from(chosen == last))));
                    return self.refilter();
                }
                chosen
            }
            "Enter" => {
                self.overlay = None;
                self.edit(chosen);
                return Vec::new();
            }
            _ => {
                self.overlay = None;
                return Vec::new();
            }
        };
        self.overlay = Some(Overlay::Filters(next.min(last)));
        Vec::new()
    }

    /// Opens a prompt with the text of a filter.
    fn edit(&mut self, at: usize) {
        let Some(filter) = self.filters.get(at) else { return };
        let (kind, text) = match filter.kind {
            Kind::Hide => (PromptKind::Hide, filter.text.clone()),
            Kind::Keep => (PromptKind::Keep, filter.text.clone()),
            Kind::Label => (PromptKind::Label, filter.text.clone()),
            Kind::Level => (PromptKind::Label, format!("level={}", filter.text)),
        };
        self.prompt = Some(Prompt { kind, text, replaces: Some(at) });
    }

    /// Puts what was typed in the place of a filter, unless it cannot be used.
    pub(super) fn replace_filter(&mut self, at: usize, kind: PromptKind, text: String) -> Vec<Effect> {
        let (kind, text) = match (kind, text.strip_prefix("level=")) {
            (PromptKind::Label, Some(level)) => (Kind::Level, level.to_owned()),
            (PromptKind::Label, None) => (Kind::Label, text),
            (PromptKind::Hide, _) => (Kind::Hide, text),
            _ => (Kind::Keep, text),
        };
        let before = self.filters.clone();
        let Some(filter) = self.filters.get_mut(at) else { return Vec::new() };
        *filter = Filter { kind, text, on: true };
        let effects = self.refilter();
        if effects.is_empty() {
            self.filters = before;
        }
        effects
    }
}
