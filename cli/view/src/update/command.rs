//! The view as a command that shows it again.

use logtap_capture::time;

use crate::archive::{Key, Order};
use crate::state::State;
use crate::text::quote;

/// `logtap open …` with the flags that make this view; quoted for sh and fish.
#[must_use]
pub fn command_line(state: &State) -> String {
    let dir = state.moment.archive.dir.to_string_lossy();
    let mut words =
        vec!["logtap open".to_owned(), if dir.starts_with('-') { quote(&format!("./{dir}")) } else { quote(&dir) }];
    let mut flag = |name: &str, value: &str| words.push(format!("{name}={}", quote(value)));
    if let Some(baseline) = &state.baseline {
        flag("--baseline", &baseline.dir.to_string_lossy());
    }
    if let Some(from) = state.options.from {
        flag("--from", &time::format(from));
    }
    if let Some(to) = state.options.to {
        flag("--to", &time::format(to));
    }
    let mut filters: Vec<_> = state.filters.iter().collect();
    filters.sort_by_key(|filter| (!filter.on, filter.kind));
    for filter in filters {
        let name = filter.kind.flag();
        if filter.on {
            flag(name, &filter.text);
        } else {
            flag("--off", &format!("{}:{}", name.trim_start_matches('-'), filter.text));
        }
    }
    if let Some(search) = &state.search {
        flag("--search", &search.text);
    }
    if let Some((ts, skip)) = place(state) {
        let skip = if skip > 0 { format!("+{skip}") } else { String::new() };
        flag("--at", &format!("{}{skip}", time::format(ts)));
        flag("--row", &(state.cursor - state.top).to_string());
    }
    if let Some((from, to)) = state.zoom {
        flag("--zoom", &format!("{}/{}", time::format(from), time::format(to)));
    }
    if let Some(since) = state.delta {
        flag("--delta", &time::format(since));
    }
    if let Some(field) = state.detail.filter(|field| *field > 0) {
        flag("--field", &field.to_string());
    }
    if state.sideways > 0 {
        flag("--sideways", &state.sideways.to_string());
    }
    for (name, on) in [
        ("--wrap", state.wrap),
        ("--local", !state.utc),
        ("--detail", state.detail.is_some()),
        ("--lanes", state.lanes),
        ("--no-histogram", !state.histogram),
        ("--plain", state.options.plain),
    ] {
        if on {
            words.push(name.to_owned());
        }
    }
    words.join(" ")
}

/// Time of the current line and how many lines of that time stand before it.
fn place(state: &State) -> Option<(i64, u32)> {
    let row = state.current()?;
    let ts = row.ts?;
    if state.moment.archive.order == Order::Arrival {
        return Some((ts, 0));
    }
    let before = |key: &Key| key.ts == ts && *key < row.key;
    let skip = state.rows.range(..state.cursor).rev().take_while(|row| before(&row.key)).count();
    Some((ts, skip as u32))
}
