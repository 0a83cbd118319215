//! The current line in whole.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::theme::Theme;
use super::{Pen, put};
use crate::state::{State, time as clock};
use crate::text::{plain, safe};
use crate::update::fields;

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (Some(chosen), true) = (state.detail, area.height >= 2) else {
        return;
    };
    let Some(row) = state.current() else {
        return;
    };
    let line = |at: u16| Rect { y: area.y + at, height: 1, ..area };
    put(buffer, area.x, area.y, area.width, &"─".repeat(usize::from(area.width)), theme.dim());
    let title = format!("─ {} ", row.ts.map_or_else(|| "no time".to_owned(), |ts| clock::whole(ts, state.utc)));
    put(buffer, area.x, area.y, area.width, &title, theme.strong());
    let fields = fields(row);
    let room = usize::from(area.height) - 1;
    let message_rows = (room / 3).max(1);
    let width = usize::from(area.width).max(1);
    let message = safe(&row.message, width * message_rows).text;
    let mut rest = message.as_str();
    let mut used = 0;
    while used < message_rows && (!rest.is_empty() || used == 0) {
        let cut = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at);
        put(buffer, area.x, area.y + 1 + used as u16, area.width, &rest[..cut], theme.level(row.level));
        rest = &rest[cut..];
        used += 1;
    }
    let room = room - used;
    let first = chosen.saturating_sub(room.saturating_sub(1));
    for (nth, (at, field)) in fields.iter().enumerate().skip(first).take(room).enumerate() {
        let mut pen = Pen::new(buffer, line((1 + used + nth) as u16));
        pen.put(if at == chosen { "› " } else { "  " }, theme.strong());
        pen.put(&plain(&field.name), theme.name());
        pen.put(" = ", theme.dim());
        let value = safe(&field.value, width).text;
        pen.put(&value, if at == chosen { theme.cursor() } else { theme.strong() });
    }
}
