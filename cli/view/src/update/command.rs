//! The view as a command that shows it again, and what of it is kept for the next time.

use logtap_capture::{matchers, time};

use crate::archive::{Key, Order};
use crate::filter::Kind;
use crate::remembered::{Place, Remembered};
use crate::state::State;
use crate::text::quote;

/// `logtap open …` with the flags that make this view; quoted for sh and fish.
#[must_use]
pub fn command_line(state: &State) -> String {
    let dir = state.moment.archive.dir.to_string_lossy();
    let dir = if dir.starts_with('-') { quote(&format!("./{dir}")) } else { quote(&dir) };
    let mut words = vec!["logtap open".to_owned(), dir];
    if let Some(baseline) = &state.baseline {
        words.push(format!("--baseline={}", quote(&baseline.dir.to_string_lossy())));
    }
    words.extend(flags(state).into_iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={}", quote(&value)),
        None => name.to_owned(),
    }));
    if state.options.plain {
        words.push("--plain".to_owned());
    }
    words.join(" ")
}

/// What is kept of the view.
#[must_use]
pub fn remembered(state: &State) -> Remembered {
    let flag = |(name, value): (&str, Option<String>)| value.map_or(name.to_owned(), |value| format!("{name}={value}"));
    let view = flags(state).into_iter().map(flag).collect();
    let marks = state.marks.iter().filter_map(|(letter, mark)| Some((*letter, mark.place?))).collect();
    Remembered { view, marks, ..Remembered::default() }
}

/// The flags that make this view of its capture.
fn flags(state: &State) -> Vec<(&'static str, Option<String>)> {
    let mut words = Vec::new();
    let mut flag = |name: &'static str, value: String| words.push((name, Some(value)));
    if let Some(from) = state.options.from {
        flag("--from", time::format(from));
    }
    if let Some(to) = state.options.to {
        flag("--to", time::format(to));
    }
    let mut filters: Vec<_> = state.filters.iter().collect();
    filters.sort_by_key(|filter| (!filter.on, filter.kind));
    for filter in filters {
        let name = filter.kind.flag();
        if filter.on {
            let is_label = filter.kind == Kind::Label;
            flag(name, if is_label { matchers::escape(&filter.text) } else { filter.text.clone() });
        } else {
            flag("--off", format!("{}:{}", name.trim_start_matches('-'), filter.text));
        }
    }
    if state.context > 0 {
        flag("--context", state.context.to_string());
    }
    if let Some(search) = &state.search {
        flag("--search", search.text.clone());
    }
    if let Some(place) = place(state) {
        flag("--at", written(place));
        flag("--row", (state.cursor - state.top).to_string());
    }
    for place in state.pins.iter().filter_map(|pin| pin.place) {
        flag("--pin", written(place));
    }
    if let Some((from, to)) = state.zoom {
        flag("--zoom", format!("{}/{}", time::format(from), time::format(to)));
    }
    if let Some(since) = state.delta {
        flag("--delta", time::format(since));
    }
    if let Some(field) = state.detail.filter(|field| *field > 0) {
        flag("--field", field.to_string());
    }
    if state.sideways > 0 {
        flag("--sideways", state.sideways.to_string());
    }
    let switches = [
        ("--wrap", state.wrap),
        ("--local", !state.utc),
        ("--detail", state.detail.is_some()),
        ("--lanes", state.lanes),
        ("--no-histogram", !state.histogram),
    ];
    words.extend(switches.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, None)));
    words
}

/// `TIME`, `TIME+N`.
fn written(Place { ts, skip }: Place) -> String {
    let skip = if skip > 0 { format!("+{skip}") } else { String::new() };
    format!("{}{skip}", time::format(ts))
}

/// Time of the current line and how many lines of that time stand before it.
pub(super) fn place(state: &State) -> Option<Place> {
    let row = state.current()?;
    let ts = row.ts?;
    if state.moment.archive.order == Order::Arrival {
        return Some(Place { ts, skip: 0 });
    }
    let before = |key: &Key| key.ts == ts && *key < row.key;
    let skip = state.rows.range(..state.cursor).rev().take_while(|row| before(&row.key)).count();
    Some(Place { ts, skip: skip as u32 })
}
