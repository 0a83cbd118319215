//! What differs from the baseline: one line for each pattern, what broke first on top.

use logtap_capture::level::Level;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::frame::frame;
use super::theme::Theme;
use super::{Pen, grouped};
use crate::difference::{Baseline, Change, Difference, Kind};
use crate::state::{State, time as clock};
use crate::text::{plain, safe};

pub(super) fn draw(state: &State, theme: &Theme, chosen: usize, pane: Rect, buffer: &mut Buffer) {
    let Some(baseline) = &state.baseline else {
        return;
    };
    let height =
        (baseline.changes().len() as u16).saturating_add(4).min(pane.height.max(buffer.area.height / 2)).max(6);
    let title = format!(" against {}: {} ", baseline.name(), baseline.summary());
    let inside = frame(theme, buffer.area.width, height, &title, buffer);
    if inside.height == 0 {
        return;
    }
    let row = |at: u16| Rect { y: inside.y + at, height: 1, ..inside };
    let room = inside.height.saturating_sub(1);
    hints(theme, baseline, Pen::new(buffer, row(room)));
    let first = chosen.saturating_sub(usize::from(room).saturating_sub(1));
    for (nth, (at, change)) in baseline.changes().iter().enumerate().skip(first).take(usize::from(room)).enumerate() {
        line(state, theme, change, at == chosen, Pen::new(buffer, row(nth as u16)));
    }
}

fn hints(theme: &Theme, baseline: &Baseline, mut pen: Pen<'_>) {
    if matches!(baseline.difference, Difference::Comparing) {
        pen.put("both captures are read once; this list fills in when that is done", theme.dim());
        return;
    }
    for (key, words) in [("Enter", "where it began"), ("+", "only its lines"), ("j k", "choose"), ("Esc", "close")] {
        if pen.left() < key.len() + words.len() + 3 {
            break;
        }
        pen.put(key, theme.name());
        pen.put(&format!(" {words}  "), theme.dim());
    }
}

fn line(state: &State, theme: &Theme, change: &Change, chosen: bool, mut pen: Pen<'_>) {
    let wide = pen.left() >= 90;
    pen.put(if chosen { "› " } else { "  " }, theme.strong());
    let style = match change.kind {
        _ if !change.finding => theme.dim(),
        Kind::New | Kind::Rose => theme.level(change.level),
        Kind::Fell | Kind::Vanished => theme.level(Level::Warn),
    };
    pen.put(&format!("{:<9}", change.kind.word()), style);
    let level = if change.level == Level::Unknown { "" } else { change.level.name() };
    pen.put(&format!("{:<6}", level.to_uppercase()), style);
    let service = plain(&change.service);
    let shown: String = service.chars().take(12).collect();
    pen.put(&format!("{shown:<13}"), theme.service(&service));
    let since = change.since.map_or_else(String::new, |ts| clock::of_day(ts, state.utc));
    if wide {
        pen.put(&format!("{since:<13}"), theme.strong());
        let counts = format!("{} lines, {:.0} expected", grouped(change.lines), change.expected);
        pen.put(&format!("{counts:<30}"), theme.dim());
    }
    let template = safe(&change.template, pen.left()).text;
    pen.put(&template, if chosen { theme.cursor() } else { theme.strong() });
}
