//! State into a buffer. Only rows on the screen are touched; what has no room
//! is left out, the least important first.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;

use crate::row::Row;
use crate::state::{Overlay, State};

mod changes;
mod detail;
mod filters;
mod foot;
mod frame;
mod head;
mod help;
mod histogram;
mod lanes;
mod pane;
pub mod plain;
pub mod theme;

pub use histogram::range;
pub use pane::lines_of;

/// Where things stand on the screen; a part without room has no height.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Layout {
    /// Capture, totals, rates.
    pub head: Rect,
    /// Volume by level.
    pub histogram: Rect,
    /// Services.
    pub talkers: Rect,
    /// A lane for each service.
    pub lanes: Rect,
    /// Lines that are pinned.
    pub pins: Rect,
    /// Lines.
    pub pane: Rect,
    /// The current line in whole.
    pub detail: Rect,
    /// Filters and search.
    pub chips: Rect,
    /// Prompt, message or hints.
    pub foot: Rect,
}

/// Columns of the talkers beside a histogram.
const TALKERS: u16 = 44;

/// Divides the screen.
#[must_use]
pub fn layout(state: &State) -> Layout {
    let (width, height) = state.size;
    let mut made = Layout::default();
    let mut y = 0;
    let take = |rows: u16, y: &mut u16| {
        let rect = Rect { x: 0, y: *y, width, height: rows };
        *y += rows;
        rect
    };
    made.head = take(if height >= 16 { 2 } else { u16::from(height >= 4) }, &mut y);
    if state.histogram && height >= 18 {
        let whole = take(if height >= 40 { 8 } else { 5 }, &mut y);
        let beside = width >= 110;
        let talkers = if beside { TALKERS } else { 0 };
        made.histogram = Rect { width: width - talkers, ..whole };
        if beside {
            made.talkers = Rect { x: width - talkers, width: talkers, ..whole };
        } else if height >= 22 {
            made.talkers = take(1, &mut y);
        }
    }
    if state.lanes && height >= 20 {
        made.lanes = take((height / 5).min(8).min(u16::try_from(state.moment.services).unwrap_or(u16::MAX)), &mut y);
    }
    let mut bottom = height;
    let take_bottom = |rows: u16, bottom: &mut u16| {
        *bottom = bottom.saturating_sub(rows);
        Rect { x: 0, y: *bottom, width, height: rows }
    };
    made.foot = take_bottom(u16::from(height >= 2), &mut bottom);
    if (!state.filters.is_empty() || state.search.is_some()) && height >= 8 {
        made.chips = take_bottom(1, &mut bottom);
    }
    if state.detail.is_some() && height >= 8 {
        let rows = (height / 3).max(4).min(bottom.saturating_sub(y) * 2 / 3);
        made.detail = take_bottom(rows, &mut bottom);
    }
    let pinned = state.pins.iter().filter(|pin| pin.row.is_some()).count();
    let room = usize::from(bottom.saturating_sub(y).saturating_sub(4));
    made.pins = take(pinned.min(room) as u16, &mut y);
    made.pane = Rect { x: 0, y, width, height: bottom.saturating_sub(y) };
    made
}

/// Draws the whole screen.
pub fn draw(state: &State, theme: &theme::Theme, buffer: &mut Buffer) {
    let parts = layout(state);
    head::draw(state, theme, parts.head, buffer);
    histogram::draw(state, theme, parts.histogram, buffer);
    histogram::talkers(state, theme, parts.talkers, buffer);
    lanes::draw(state, theme, parts.lanes, buffer);
    pane::pins(state, theme, parts.pins, buffer);
    pane::draw(state, theme, parts.pane, buffer);
    detail::draw(state, theme, parts.detail, buffer);
    foot::chips(state, theme, parts.chips, buffer);
    foot::draw(state, theme, parts.foot, buffer);
    match state.overlay {
        Some(Overlay::Help(from)) => help::draw(state, theme, from, buffer),
        Some(Overlay::Filters(chosen)) => filters::draw(state, theme, chosen, parts.pane, buffer),
        Some(Overlay::Changes(chosen)) => changes::draw(state, theme, chosen, parts.pane, buffer),
        Some(Overlay::Leave) => help::ask(state, theme, buffer),
        None => {}
    }
}

/// Writes safe text into a row, at most `width` columns; returns the columns used.
fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    if width == 0 || !buffer.area.contains((x, y).into()) {
        return 0;
    }
    // What stood there leaves no colour or weight behind.
    buffer.set_stringn(x, y, text, usize::from(width), Style::reset().patch(style)).0 - x
}

/// One piece of a line after the other.
struct Pen<'b> {
    buffer: &'b mut Buffer,
    x: u16,
    y: u16,
    end: u16,
}

impl<'b> Pen<'b> {
    fn new(buffer: &'b mut Buffer, area: Rect) -> Self {
        Self { x: area.x, y: area.y, end: area.x + area.width, buffer }
    }

    fn put(&mut self, text: &str, style: Style) {
        self.x += put(self.buffer, self.x, self.y, self.end.saturating_sub(self.x), text, style);
    }

    fn left(&self) -> usize {
        usize::from(self.end.saturating_sub(self.x))
    }
}

/// 1234567 as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// 1234567 as `1.2M`.
#[must_use]
pub fn short(number: f64) -> String {
    match number {
        n if n < 1e4 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.1}k", n / 1e3),
        n if n < 1e9 => format!("{:.1}M", n / 1e6),
        n => format!("{:.1}G", n / 1e9),
    }
}

/// Bytes with a unit, by powers of 1024 as the flags count them.
#[must_use]
pub fn bytes(count: f64) -> String {
    match count {
        n if n < 1024.0 => format!("{n:.0} B"),
        n if n < 1024.0 * 1024.0 => format!("{:.1} KB", n / 1024.0),
        n if n < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MB", n / 1024.0 / 1024.0),
        n => format!("{:.2} GB", n / 1024.0 / 1024.0 / 1024.0),
    }
}

/// Times of the first and the last line on the screen.
fn visible(state: &State) -> Option<(i64, i64)> {
    let rows = state.rows.range(state.top.min(state.rows.len())..).take(state.height());
    let times: Vec<i64> = rows.filter_map(|row: &Row| row.ts).collect();
    Some((*times.iter().min()?, *times.iter().max()?))
}
