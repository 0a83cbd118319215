//! Volume over time, stacked by level; and the services that talk most.

use std::collections::HashMap;
use std::sync::Arc;

use logtap_capture::level::{LEVELS, Level};
use logtap_capture::summary::Timeline;
use logtap_capture::time::SECOND;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Modifier, Style};

use super::theme::Theme;
use super::{Pen, put, short, visible};
use crate::state::{State, time as clock};
use crate::text::plain;

const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Range of times that histogram and lanes show.
#[must_use]
pub fn range(state: &State) -> Option<(i64, i64)> {
    if let Some(zoom) = state.zoom {
        return Some(zoom);
    }
    let cells = || state.moment.timeline.iter().flat_map(|part| part.iter().map(move |cell| (cell.0, part.width())));
    let from = cells().map(|(at, _)| at).min()?;
    let to = cells().map(|(at, width)| at.saturating_add(width)).max()?;
    Some((from, to))
}

/// Counts per column. Where there are more columns than buckets, neighbours show the same bucket.
pub(super) fn columns(state: &State, columns: usize, service: Option<&str>) -> Vec<[u64; LEVELS]> {
    let Some((from, to)) = range(state).filter(|_| columns > 0) else {
        return vec![[0; LEVELS]; columns];
    };
    let bins = bins(state, columns, to - from);
    let counts = binned(&state.moment.timeline, bins, (from, to), service);
    (0..columns).map(|column| counts[column * bins / columns]).collect()
}

/// Lines per column of the baseline, its beginning laid over that of the capture.
fn baseline(state: &State, columns: usize) -> Option<Vec<u64>> {
    let (from, to) = range(state)?;
    let baseline = state.baseline.as_ref().filter(|baseline| !baseline.timeline.is_empty() && columns > 0)?;
    let shift = baseline.span.from.saturating_sub(state.span().from);
    let bins = bins(state, columns, to - from);
    let moved = (from.saturating_add(shift), to.saturating_add(shift));
    let counts = binned(&baseline.timeline, bins, moved, None);
    Some((0..columns).map(|column| counts[column * bins / columns].iter().sum()).collect())
}

/// Bars that differ: at most one per column and per bucket.
fn bins(state: &State, columns: usize, length: i64) -> usize {
    let width = state.moment.timeline.iter().map(|part| part.width()).max().unwrap_or(1);
    columns.min(usize::try_from((length + width - 1) / width).unwrap_or(columns)).max(1)
}

/// Counts in bars of one length. A bucket that spans bars is spread over them, whole lines only.
fn binned(
    parts: &[Arc<Timeline>],
    columns: usize,
    (from, to): (i64, i64),
    service: Option<&str>,
) -> Vec<[u64; LEVELS]> {
    let mut out = vec![[0; LEVELS]; columns];
    let length = i128::from(to - from).max(1);
    let column = |ts: i64| i128::from(ts - from) * columns as i128 / length;
    for part in parts {
        let width = part.width();
        for (at, name, levels) in part.iter() {
            if service.is_some_and(|service| service != name) || at.saturating_add(width) <= from || at >= to {
                continue;
            }
            let first = column(at).max(0);
            let last = (column(at.saturating_add(width - 1))).clamp(first, columns as i128 - 1);
            let share = (last - first + 1) as u64;
            for (nth, at) in (first..=last).enumerate() {
                for (level, count) in levels.iter().enumerate() {
                    let upto = |n: u64| count * n / share;
                    out[at as usize][level] += upto(nth as u64 + 1) - upto(nth as u64);
                }
            }
        }
    }
    out
}

fn bad(levels: &[u64; LEVELS]) -> (u64, u64) {
    (levels[Level::Error as usize] + levels[Level::Fatal as usize], levels[Level::Warn as usize])
}

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let bars = Rect { height: area.height - 1, ..area };
    let counts = columns(state, usize::from(bars.width), None);
    let total = |levels: &[u64; LEVELS]| levels.iter().sum::<u64>();
    let before = baseline(state, usize::from(bars.width)).unwrap_or_default();
    let most = counts.iter().map(total).chain(before.iter().copied()).max().unwrap_or(0);
    let full = u64::from(bars.height) * 8;
    for (at, levels) in counts.iter().enumerate().filter(|(_, levels)| total(levels) > 0) {
        let eighths = (total(levels) * full).div_ceil(most.max(1)).max(1);
        let (errors, warnings) = bad(levels);
        let part = |count: u64| if count == 0 { 0 } else { (count * eighths).div_ceil(total(levels)).max(1) };
        let (red, yellow) = (part(errors), part(errors) + part(warnings));
        for row in 0..u64::from(bars.height) {
            let base = row * 8;
            if base >= eighths {
                break;
            }
            let style = match () {
                () if base < red => {
                    let style = theme.level(Level::Error);
                    if theme.depth == super::theme::Depth::Mono {
                        style.add_modifier(Modifier::REVERSED)
                    } else {
                        style
                    }
                }
                () if base < yellow => theme.level(Level::Warn),
                () => theme.dim(),
            };
            let symbol = EIGHTHS[(eighths - base).min(8) as usize - 1];
            put(buffer, bars.x + at as u16, bars.y + bars.height - 1 - row as u16, 1, symbol, style);
        }
    }
    for (at, lines) in before.iter().enumerate().filter(|(_, lines)| **lines > 0) {
        let top = |lines: u64| ((lines * full).div_ceil(most.max(1)).max(1) - 1) / 8;
        let row = top(*lines);
        // As much as now is not worth a mark, and the bar would lose its shape.
        if total(&counts[at]) > 0 && row == top(total(&counts[at])) {
            continue;
        }
        let y = bars.y + bars.height - 1 - (row as u16).min(bars.height - 1);
        put(buffer, bars.x + at as u16, y, 1, "╌", theme.name());
    }
    if most > 0 {
        let length = range(state).map_or(0, |(from, to)| to - from);
        let width = length / bins(state, usize::from(bars.width), length) as i64;
        let text = format!(" {} lines in {} ", short(most as f64), clock::length(width.max(SECOND)));
        put(buffer, bars.x, bars.y, bars.width, &text, theme.cursor());
    }
    axis(state, theme, Rect { y: area.y + area.height - 1, height: 1, ..area }, buffer);
}

/// Times below the bars, and which part of them is on the screen.
fn axis(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some((from, to)) = range(state) else {
        put(buffer, area.x, area.y, area.width, "nothing counted yet", theme.dim());
        return;
    };
    let width = i64::from(area.width.max(1));
    let length = (to - from).max(1);
    let mut x = 0;
    while x + 10 <= area.width {
        let at = from + (i128::from(length) * i128::from(x) / i128::from(width)) as i64;
        put(buffer, area.x + x, area.y, 9, &clock::of_day(at, state.utc)[..8], theme.dim());
        x += 16;
    }
    if let Some((first, last)) = visible(state) {
        let column = |ts: i64| (i128::from(ts - from) * i128::from(width) / i128::from(length)) as i64;
        let (left, right) = (column(first).max(0), column(last).min(width - 1));
        for at in left..=right {
            mark(buffer, area.x + at as u16, area.y, "━", theme.name());
        }
    }
    let cursor =
        state.current().and_then(|row| row.ts).map(|ts| i128::from(ts - from) * i128::from(width) / i128::from(length));
    if let Some(at) = cursor.filter(|at| (0..i128::from(width)).contains(at)) {
        mark(buffer, area.x + at as u16, area.y, "▲", theme.strong());
    }
}

/// Puts a sign where nothing stands; a time that stands there is inverted and stays legible.
fn mark(buffer: &mut Buffer, x: u16, y: u16, sign: &str, style: Style) {
    let Some(cell) = buffer.cell_mut((x, y)) else {
        return;
    };
    if cell.symbol() == " " || cell.symbol() == "━" {
        put(buffer, x, y, 1, sign, style);
    } else {
        cell.set_style(style.add_modifier(Modifier::REVERSED).remove_modifier(Modifier::DIM));
    }
}

/// One service's share of what is shown.
struct Talker {
    name: String,
    lines: u64,
    errors: u64,
    /// Lines of the minute up to the current line, and of the one before.
    minutes: (u64, u64),
}

fn gather(state: &State) -> (Vec<Talker>, u64) {
    let Some((from, to)) = range(state) else {
        return (Vec::new(), 0);
    };
    let now = state.current().and_then(|row| row.ts).unwrap_or(to);
    let mut all: HashMap<&str, Talker> = HashMap::new();
    let mut total = 0;
    for part in &state.moment.timeline {
        for (at, name, levels) in part.iter().filter(|cell| cell.0 >= from && cell.0 < to) {
            let lines: u64 = levels.iter().sum();
            let fresh = || Talker { name: plain(name), lines: 0, errors: 0, minutes: (0, 0) };
            let talker = all.entry(name).or_insert_with(fresh);
            talker.lines += lines;
            talker.errors += bad(levels).0;
            total += lines;
            let age = now - at;
            if (0..60 * SECOND).contains(&age) {
                talker.minutes.0 += lines;
            } else if (60 * SECOND..120 * SECOND).contains(&age) {
                talker.minutes.1 += lines;
            }
        }
    }
    let mut talkers: Vec<Talker> = all.into_values().collect();
    talkers.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.name.cmp(&b.name)));
    (talkers, total)
}

/// Names of the services with most lines.
pub(super) fn loudest(state: &State, count: usize) -> Vec<String> {
    let mut lines: HashMap<&str, u64> = HashMap::new();
    for (_, name, levels) in state.moment.timeline.iter().flat_map(|part| part.iter()) {
        *lines.entry(name).or_default() += levels.iter().sum::<u64>();
    }
    let mut all: Vec<(&str, u64)> = lines.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    all.into_iter().take(count).map(|(name, _)| name.to_owned()).collect()
}

pub(super) fn talkers(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let (talkers, total) = gather(state);
    if area.height == 1 {
        let mut pen = Pen::new(buffer, area);
        for talker in talkers.iter().take_while(|_| true) {
            if pen.left() < talker.name.len() + 16 {
                break;
            }
            pen.put(&talker.name, theme.service(&talker.name));
            pen.put(&format!(" {}%", talker.lines * 100 / total.max(1)), theme.dim());
            if talker.errors > 0 {
                pen.put(&format!(" {} err", short(talker.errors as f64)), theme.level(Level::Error));
            }
            pen.put("  ", theme.dim());
        }
        return;
    }
    let row = |at: usize| Rect { x: area.x + 2, width: area.width - 2, y: area.y + at as u16, height: 1 };
    Pen::new(buffer, row(0))
        .put(&format!("{:<16}{:>7}{:>6}{:>7}{:>6}", "service", "lines", "share", "errors", "1m"), theme.dim());
    for (at, talker) in talkers.iter().take(usize::from(area.height) - 1).enumerate() {
        let mut pen = Pen::new(buffer, row(at + 1));
        let name: String = talker.name.chars().take(15).collect();
        pen.put(&format!("{name:<16}"), theme.service(&talker.name));
        pen.put(&format!("{:>7}{:>5}%", short(talker.lines as f64), talker.lines * 100 / total.max(1)), theme.dim());
        let style = if talker.errors > 0 { theme.level(Level::Error) } else { theme.dim() };
        pen.put(&format!("{:>7}", short(talker.errors as f64)), style);
        let change = match talker.minutes {
            (_, 0) => String::new(),
            (now, before) => format!("{:+}%", (now as i64 - before as i64) * 100 / before as i64),
        };
        pen.put(&format!("{change:>6}"), theme.dim());
    }
}
