//! The lines.

use logtap_capture::level::Level;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use super::{grouped, put};
use crate::keys::Action;
use crate::row::Row;
use crate::state::{State, time as clock};
use crate::text::{Safe, plain, safe};

/// Screens of a long line that wrapping shows.
const WRAPPED: usize = 40;

/// What stands before a message, in columns.
struct Columns {
    time: usize,
    level: usize,
    service: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        match width {
            0..30 => Self { time: 0, level: 1, service: 0 },
            30..60 => Self { time: 8, level: 1, service: 0 },
            60..100 => Self { time: 12, level: 3, service: 10 },
            _ => Self { time: 12, level: 5, service: 14 },
        }
    }

    fn all(&self) -> u16 {
        [self.time, self.level, self.service].iter().map(|one| if *one > 0 { one + 1 } else { 0 }).sum::<usize>() as u16
    }
}

/// Rows of the screen that a line takes.
#[must_use]
pub fn lines_of(state: &State, row: &Row) -> usize {
    if !state.wrap {
        return 1;
    }
    let width = usize::from(state.size.0.saturating_sub(Columns::of(state.size.0).all() + 1)).max(1);
    let height = usize::from(state.size.1);
    let text = safe(&row.message, width * WRAPPED).text;
    breaks(&text, width).len().clamp(1, height.max(1))
}

/// Byte offsets at which wrapped text begins anew, 0 among them.
fn breaks(text: &str, width: usize) -> Vec<usize> {
    let (mut starts, mut used) = (vec![0], 0);
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = cluster.width();
        if used + wide > width && used > 0 {
            starts.push(at);
            used = 0;
        }
        used += wide;
    }
    starts
}

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 || area.width < 2 {
        return;
    }
    if state.rows.is_empty() {
        let drops;
        let text = match () {
            () if !state.ready || state.waiting && !state.ends.1 => "reading…",
            () if !state.filters.is_empty() && state.ends.1 => {
                drops = format!("no line passes the filters ({} drops the newest)", state.key_name(Action::Back));
                &drops
            }
            () if state.live() => "no lines yet: point a sender at this receiver",
            () => "no lines",
        };
        put(buffer, area.x, area.y, area.width, text, theme.dim());
        return;
    }
    let lines = Rect { width: area.width - 1, ..area };
    let columns = Columns::of(area.width);
    let mut y = lines.y;
    for (at, row) in state.rows.iter().enumerate().skip(state.top) {
        if y >= lines.y + lines.height {
            break;
        }
        y += line(
            state,
            theme,
            &columns,
            row,
            at == state.cursor || state.is_selected(row),
            Rect { y, height: lines.y + lines.height - y, ..lines },
            buffer,
        );
    }
    scrollbar(state, theme, Rect { x: area.x + area.width - 1, width: 1, ..area }, buffer);
}

/// The newest of the lines that are pinned, in the order in which they were; a line below them parts them
/// from the others.
pub(super) fn pins(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let rows: Vec<&Row> = state.pins.iter().filter_map(|pin| pin.row.as_ref()).collect();
    let hidden = rows.len().saturating_sub(usize::from(area.height));
    let columns = Columns::of(area.width);
    for (nth, row) in rows.into_iter().skip(hidden).enumerate() {
        let place = Rect { y: area.y + nth as u16, height: 1, width: area.width - 1, ..area };
        line(state, theme, &columns, row, false, place, buffer);
        put(buffer, place.right(), place.y, 1, "◆", theme.name());
    }
    if area.height > 0 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        buffer.set_style(last, Style::new().add_modifier(Modifier::UNDERLINED));
    }
}

fn line(
    state: &State,
    theme: &Theme,
    columns: &Columns,
    row: &Row,
    chosen: bool,
    area: Rect,
    buffer: &mut Buffer,
) -> u16 {
    let end = area.x + area.width;
    let mut x = area.x;
    let level = theme.level(row.level);
    let dim = if chosen { theme.cursor() } else { theme.dim() };
    let mut column = |text: &str, width: usize, style: Style| {
        if width > 0 {
            put(buffer, x, area.y, (width as u16).min(end.saturating_sub(x)), text, style);
            x += width as u16 + 1;
        }
    };
    let time = match (row.ts, state.delta) {
        (None, _) => "-".to_owned(),
        (Some(ts), Some(since)) => format!("{:>width$}", clock::difference(ts - since), width = columns.time),
        (Some(ts), None) => clock::of_day(ts, state.utc),
    };
    column(&time, columns.time, dim);
    let name = if row.level == Level::Unknown { "" } else { row.level.name() };
    column(&name.to_uppercase(), columns.level, if row.context { dim } else { level });
    let service = plain(row.service());
    let mark = row.labels.is_mark();
    column(
        &service,
        columns.service,
        match () {
            () if mark => theme.alarm(),
            () if row.context => dim,
            () => theme.service(&service),
        },
    );
    let width = end.saturating_sub(x);
    if width == 0 {
        return 1;
    }
    let base = match () {
        () if mark => theme.alarm(),
        () if row.context => theme.dim(),
        () if row.level >= Level::Error => theme.level(Level::Error),
        () => Style::new(),
    };
    if !state.wrap {
        let message = safe(&row.message, usize::from(state.sideways) + usize::from(width) + 8);
        let skip = skipped(&message.text, usize::from(state.sideways));
        text(state, theme, &message, skip, base, Rect { x, width, height: 1, ..area }, buffer);
        return 1;
    }
    let message = safe(&row.message, usize::from(width) * WRAPPED);
    let starts = breaks(&message.text, usize::from(width));
    let shown = starts.len().min(usize::from(area.height));
    for (nth, start) in starts.iter().take(shown).enumerate() {
        text(state, theme, &message, *start, base, Rect { x, width, y: area.y + nth as u16, height: 1 }, buffer);
    }
    shown as u16
}

/// Byte offset behind so many columns.
fn skipped(text: &str, columns: usize) -> usize {
    let mut used = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        if used >= columns {
            return at;
        }
        used += cluster.width();
    }
    if columns == 0 { 0 } else { text.len() }
}

/// One row of a message from a byte offset on, with its own styles and the hits in it.
fn text(state: &State, theme: &Theme, message: &Safe, from: usize, base: Style, area: Rect, buffer: &mut Buffer) {
    put(buffer, area.x, area.y, area.width, &message.text[from..], base);
    let mut paint = |begin: usize, end: usize, style: Style| {
        if end <= from || begin >= end {
            return;
        }
        let before = message.text[from..begin.max(from)].width();
        if before >= usize::from(area.width) {
            return;
        }
        let length = message.text[begin.max(from)..end].width().min(usize::from(area.width) - before);
        let place = Rect { x: area.x + before as u16, y: area.y, width: length as u16, height: 1 };
        buffer.set_style(place.intersection(buffer.area), style);
    };
    for (nth, (at, style)) in message.runs.iter().enumerate() {
        let end = message.runs.get(nth + 1).map_or(message.text.len(), |next| next.0);
        paint(*at, end, theme.of_log(*style));
    }
    if let Some(search) = &state.search {
        let reach = message.text.floor_char_boundary(from + usize::from(area.width) * 4);
        for (begin, end) in search.pattern.matches(&message.text.as_bytes()[..reach]) {
            paint(message.text.floor_char_boundary(begin), message.text.floor_char_boundary(end), theme.hit());
        }
    }
}

/// Where the screen is in the whole, and where hits and marks are.
fn scrollbar(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let span = state.span();
    if span.is_empty() || area.height < 3 {
        return;
    }
    let length = (span.to - span.from).max(1);
    let row = |ts: i64| {
        let at = i128::from(ts - span.from) * i128::from(area.height) / i128::from(length);
        area.y + at.clamp(0, i128::from(area.height) - 1) as u16
    };
    for y in area.y..area.y + area.height {
        put(buffer, area.x, y, 1, "│", theme.dim());
    }
    let hits = state.search.iter().flat_map(|search| &search.places).map(|key| key.ts).filter(|ts| *ts > 0);
    for ts in hits {
        put(buffer, area.x, row(ts), 1, "•", theme.hit());
    }
    for place in state.marks.values().filter_map(|mark| mark.place) {
        put(buffer, area.x, row(place.ts), 1, "◆", theme.name());
    }
    if state.follow {
        put(buffer, area.x, area.y + area.height - 1, 1, "█", theme.strong());
    } else if let Some(ts) = state.current().and_then(|row| row.ts) {
        put(buffer, area.x, row(ts), 1, "█", theme.strong());
    }
    let more = if state.more_new { "+" } else { "" };
    let new = match state.sampled {
        Some((shown, all)) => format!(" {} of {}{more} new lines, errors first ", grouped(shown), grouped(all)),
        None if !state.follow && state.new_lines > 0 => format!(" ▼ {}{more} new ", grouped(state.new_lines)),
        None => return,
    };
    let width = new.width() as u16;
    if area.x > width {
        put(buffer, area.x - width, area.y + area.height - 1, width, &new, theme.cursor());
    }
}
