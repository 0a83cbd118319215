//! The foot: filters, search, and what is typed, said or possible.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::theme::Theme;
use super::{Pen, grouped};
use crate::keys::Action;
use crate::state::{PromptKind, State};
use crate::text::{plain, safe};

/// What a live view proposes, besides help, errors and search.
const LIVE: &[(Action, &str)] = &[
    (Action::Label, "label"),
    (Action::Detail, "detail"),
    (Action::Bottom, "follow"),
    (Action::Detach, "detach"),
    (Action::Quit, "quit"),
];
/// What a replay proposes.
const REPLAY: &[(Action, &str)] = &[
    (Action::Time, "time"),
    (Action::Label, "label"),
    (Action::Detail, "detail"),
    (Action::Pause, "play"),
    (Action::Quit, "quit"),
];

pub(super) fn chips(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let mut pen = Pen::new(buffer, area);
    if let Some(search) = &state.search {
        pen.put("/", theme.name());
        pen.put(&safe(&search.text, 40).text, theme.strong());
        let more = if search.done { "" } else { "+" };
        let nth = state.current().map(|row| search.places.partition_point(|key| *key < row.key) + 1);
        let on_hit = state.current().is_some_and(|row| search.places.binary_search(&row.key).is_ok());
        let place = nth.filter(|_| on_hit).map_or_else(String::new, |nth| format!("{} of ", grouped(nth as u64)));
        pen.put(&format!(" {place}{}{more} hits   ", grouped(search.hits)), theme.dim());
    }
    let mut filters: Vec<_> = state.filters.iter().enumerate().collect();
    filters.sort_by_key(|(_, filter)| (filter.kind, !filter.on));
    for (at, filter) in filters {
        let style = if filter.on { theme.strong() } else { theme.dim() };
        pen.put(filter.kind.sign(), theme.name());
        pen.put(&safe(&filter.text, 40).text, style);
        pen.put(if filter.on { "" } else { " (off)" }, theme.dim());
        if let Some(matched) = state.matched.0.get(at) {
            pen.put(&format!(" {}{}", grouped(*matched), if state.matched.1 { "" } else { "+" }), theme.dim());
        }
        pen.put("   ", theme.dim());
    }
    if let Some((lines, done)) = state.passing {
        pen.put(&format!("{}{} lines pass", grouped(lines), if done { "" } else { "+" }), theme.dim());
        if let Some((around, _)) = state.sieve.around() {
            pen.put(&format!(", {around} around each"), theme.dim());
        }
    }
}

/// What stands before the text that is typed.
pub(super) fn sign(state: &State) -> &'static str {
    match state.prompt.as_ref().map(|prompt| prompt.kind) {
        Some(PromptKind::Search) => "/",
        Some(PromptKind::Hide) => "hide: ",
        Some(PromptKind::Keep) => "keep: ",
        Some(PromptKind::Label) => "label: ",
        Some(PromptKind::Time) => "time: ",
        Some(PromptKind::Save) => "write to directory: ",
        Some(PromptKind::Palette) => ":",
        None => "",
    }
}

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let mut pen = Pen::new(buffer, area);
    if let Some(prompt) = &state.prompt {
        pen.put(sign(state), theme.name());
        pen.put(&plain(&prompt.text), theme.strong());
        pen.put(" ", theme.cursor());
        if prompt.kind == PromptKind::Palette {
            for binding in state.palette_matches(&prompt.text).iter().take(3) {
                pen.put(
                    &format!("  {} ", state.options.keymap.keys(binding).split(' ').next().unwrap_or_default()),
                    theme.name(),
                );
                pen.put(binding.words, theme.dim());
            }
        }
        return;
    }
    if let Some(seeking) = &state.seeking {
        pen.put(
            &format!("looking for the next {}… ({} stops)", seeking.what, state.key_name(Action::Back)),
            theme.strong(),
        );
        return;
    }
    if let Some(message) = &state.message {
        pen.put(&plain(message), theme.strong());
        return;
    }
    if !state.typed.is_empty() {
        pen.put(&plain(&state.typed), theme.strong());
        return;
    }
    let keymap = &state.options.keymap;
    let chosen = |hints: &[(Action, &'static str)]| -> Vec<(String, &'static str)> {
        hints.iter().filter_map(|(action, words)| Some((keymap.key_of(*action)?.to_owned(), *words))).collect()
    };
    let fixed = |hints: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        hints.iter().map(|(key, words)| ((*key).to_owned(), *words)).collect()
    };
    let mut hints = Vec::new();
    if state.baseline.is_some() {
        hints.extend(chosen(&[(Action::Changes, "what changed")]));
    }
    if state.detail.is_some() {
        hints.extend(fixed(&[("↑↓", "field"), ("+", "keep"), ("-", "hide"), ("j k", "line"), ("Esc", "close")]));
    } else {
        hints.extend(chosen(&[(Action::Help, "help"), (Action::NextError, "next error"), (Action::Search, "search")]));
        hints.extend(chosen(if state.live() { LIVE } else { REPLAY }));
    }
    for (key, words) in &hints {
        if pen.left() < key.len() + words.len() + 3 {
            break;
        }
        pen.put(key, theme.name());
        pen.put(&format!(" {words}  "), theme.dim());
    }
}
