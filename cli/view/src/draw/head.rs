//! The head: what is shown, how much of it there is, and what is missing.

use logtap_capture::time;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::theme::Theme;
use super::{Pen, bytes, grouped, short};
use crate::state::{State, time as clock};
use crate::text::plain;

pub(super) fn draw(state: &State, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let row = |at: u16| Rect { y: area.y + at, height: 1, ..area };
    first(state, theme, Pen::new(buffer, row(0)), area.height == 1);
    if area.height > 1 {
        second(state, theme, Pen::new(buffer, row(1)));
    }
}

fn first(state: &State, theme: &Theme, mut pen: Pen<'_>, alone: bool) {
    let (word, style) = match () {
        () if state.stopping => ("STOPPING", theme.alarm()),
        () if state.frozen => ("FROZEN", theme.alarm()),
        () if state.live() => ("LIVE", theme.level(logtap_capture::level::Level::Info)),
        () if state.play.since.is_some() => ("PLAYING", theme.strong()),
        () => ("REPLAY", theme.strong()),
    };
    pen.put(word, style);
    pen.put(" ", theme.dim());
    let dir = &state.moment.archive.dir;
    let name = dir.file_name().map_or_else(|| dir.to_string_lossy(), |name| name.to_string_lossy());
    pen.put(&plain(&name), theme.name());
    let lines = state.moment.metadata.as_ref().map_or(0, |metadata| metadata.total_lines);
    let evicted = evicted_lines(state);
    let lines = lines.saturating_sub(evicted).max(if state.live() { 0 } else { state.moment.archive.lines() });
    pen.put(&format!("  {} lines", if alone { short(lines as f64) } else { grouped(lines) }), theme.strong());
    if state.live() {
        pen.put(&format!("  {}/s", short(state.rate.lines)), theme.strong());
        if pen.left() > 30 {
            pen.put(&format!("  {}/s", bytes(state.rate.bytes)), theme.dim());
        }
    } else if state.play.since.is_some() {
        let speed = state.play.speed;
        let shown = if speed.is_finite() { format!("  {speed}x") } else { "  max".to_owned() };
        pen.put(&shown, theme.strong());
    }
    losses(state, theme, &mut pen);
    if !state.moment.complete {
        pen.put("  counting…", theme.dim());
    }
    if let Some(at) = state.current().and_then(|row| row.ts).filter(|_| !alone && pen.left() > 26) {
        let text = clock::whole(at, state.utc);
        pen.x = pen.end.saturating_sub(text.len() as u16);
        pen.put(&text, theme.dim());
    }
}

fn evicted_lines(state: &State) -> u64 {
    state.moment.metadata.as_ref().and_then(|metadata| metadata.evicted.as_ref()).map_or(0, |evicted| evicted.lines)
}

/// Dropped, lost and evicted lines, in red where there are any.
fn losses(state: &State, theme: &Theme, pen: &mut Pen<'_>) {
    let Some(metadata) = &state.moment.metadata else { return };
    let dropped: u64 = metadata.dropped.values().sum();
    if dropped > 0 {
        pen.put(&format!("  {} dropped", grouped(dropped)), theme.alarm());
    }
    let rejected: u64 = metadata.rejected.values().sum();
    if rejected > 0 {
        pen.put(&format!("  {} rejected", grouped(rejected)), theme.alarm());
    }
    let lost = metadata.lost.lines();
    if lost > 0 {
        pen.put(&format!("  {} lost", grouped(lost)), theme.alarm());
    }
    let evicted = evicted_lines(state);
    if evicted > 0 {
        pen.put(&format!("  {} evicted", grouped(evicted)), theme.alarm());
    }
    if state.moment.archive.unreadable > 0 {
        pen.put(&format!("  {} unreadable", bytes(state.moment.archive.unreadable as f64)), theme.alarm());
    }
}

fn second(state: &State, theme: &Theme, mut pen: Pen<'_>) {
    let metadata = state.moment.metadata.as_deref();
    let span = state.span();
    let mut parts: Vec<String> = Vec::new();
    if state.live() {
        let since = metadata.and_then(|metadata| time::parse(metadata.started.as_bytes()));
        if let Some(since) = since {
            parts.push(format!("since {}", clock::length(time::now() - since)));
        }
        if let Some(listen) = &state.options.listen {
            parts.push(format!("on {listen}"));
        }
    } else if !span.is_empty() {
        parts.push(format!("{} + {}", clock::whole(span.from, state.utc), clock::length(span.to - span.from)));
    }
    if let Some(baseline) = &state.baseline {
        parts.push(format!("against {}: {}", baseline.name(), baseline.summary()));
    }
    let cap = metadata.and_then(|metadata| metadata.max_disk).filter(|_| state.live());
    let disk = bytes(state.moment.disk as f64);
    parts.push(cap.map_or_else(|| format!("disk {disk}"), |cap| format!("disk {disk} of {}", bytes(cap as f64))));
    let redacting = metadata.is_some_and(|metadata| metadata.redaction.as_ref().is_some_and(|one| one.enabled));
    parts.push(if redacting { "redaction on" } else { "redaction off" }.to_owned());
    if let Some(at) = state.current().and_then(|row| row.ts).filter(|_| !state.live() && !span.is_empty()) {
        let length = (span.to - span.from).max(1) as f64;
        let percent = (at.saturating_sub(span.from) as f64 / length * 100.0).clamp(0.0, 100.0);
        parts.push(format!("at {percent:.0}%"));
    }
    pen.put(&parts.join("  ·  "), theme.dim());
}
