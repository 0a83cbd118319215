//! The filter stack: one line for each filter, with what it matches by itself.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::frame::frame;
use super::theme::Theme;
use super::{Pen, grouped};
use crate::state::State;
use crate::text::{plain, safe};

pub(super) fn draw(state: &State, theme: &Theme, chosen: usize, pane: Rect, buffer: &mut Buffer) {
    let height = (state.filters.len() as u16).saturating_add(3).min(pane.height.max(buffer.area.height / 2)).max(4);
    let inside = frame(theme, buffer.area.width, height, " filters, oldest first ", buffer);
    if inside.height == 0 {
        return;
    }
    let row = |at: u16| Rect { y: inside.y + at, height: 1, ..inside };
    let room = inside.height.saturating_sub(1);
    hints(state, theme, Pen::new(buffer, row(room)));
    let first = chosen.saturating_sub(usize::from(room).saturating_sub(1));
    for (nth, at) in (first..state.filters.len()).take(usize::from(room)).enumerate() {
        line(state, theme, at, at == chosen, Pen::new(buffer, row(nth as u16)));
    }
}

/// The chosen filter in words.
pub(super) fn described(state: &State, chosen: usize) -> String {
    let Some(filter) = state.filters.get(chosen) else { return "no filters".to_owned() };
    let on = if filter.on { "on" } else { "off" };
    let matched = state.matched.0.get(chosen).filter(|_| state.matched.1);
    let matched = matched.map_or_else(String::new, |lines| format!(", {lines} lines match"));
    let (number, all) = (chosen + 1, state.filters.len());
    format!("filter {number} of {all}: {}{}, {on}{matched}", filter.kind.sign(), plain(&filter.text))
}

fn hints(state: &State, theme: &Theme, mut pen: Pen<'_>) {
    if state.filters.is_empty() {
        pen.put("none yet: & keeps lines that match, ! hides them, l keeps those with a label", theme.dim());
        return;
    }
    for (key, words) in [("Space", "on or off"), ("Enter", "edit"), ("x", "drop"), ("j k", "choose"), ("Esc", "close")]
    {
        if pen.left() < key.len() + words.len() + 3 {
            break;
        }
        pen.put(key, theme.name());
        pen.put(&format!(" {words}  "), theme.dim());
    }
}

fn line(state: &State, theme: &Theme, at: usize, chosen: bool, mut pen: Pen<'_>) {
    let filter = &state.filters[at];
    pen.put(if chosen { "› " } else { "  " }, theme.strong());
    pen.put(if filter.on { "on  " } else { "off " }, theme.dim());
    pen.put(&format!("{:<6}", filter.kind.sign()), theme.name());
    let matched = match state.matched.0.get(at) {
        Some(lines) => format!("{}{} lines  ", grouped(*lines), if state.matched.1 { "" } else { "+" }),
        None => "counting…  ".to_owned(),
    };
    pen.put(&format!("{matched:>18}"), theme.dim());
    let text = safe(&filter.text, pen.left()).text;
    pen.put(&text, if chosen { theme.cursor() } else { theme.strong() });
}
