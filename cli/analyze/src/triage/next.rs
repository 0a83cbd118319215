//! Commands to go on with: searches that show the lines behind an answer.

use logtap_capture::{matchers, time};

use super::change::Row;
use super::report::Next;
use crate::mine::Mined;
use crate::pattern::merge::HOLE;

/// Searches that show the gravest changes.
pub(super) fn next(changed: &[&Row], whole: &Mined, window: Option<(i64, i64)>) -> Vec<Next> {
    let up = changed.iter().filter(|row| row.is_up());
    up.take(3)
        .map(|row| {
            let mut command = ["logtap", "grep", "-F"].map(str::to_owned).to_vec();
            command.extend([literal(row), "CAPTURE".to_owned()]);
            if let Some(service) = whole.services.values().find(|service| service.name == row.service)
                && !service.label.is_empty()
            {
                command
                    .extend(["--label".to_owned(), matchers::escape(&format!("{}={}", service.label, service.name))]);
            }
            if let Some((from, to)) = window {
                command.extend(["--from".to_owned(), short(from), "--to".to_owned(), short(to.saturating_add(1))]);
            }
            let template: String = row.template.chars().take(80).collect();
            Next { why: format!("{}: {template}", row.service), command }
        })
        .collect()
}

/// A time as a person types it: without a fraction that is zero.
fn short(ns: i64) -> String {
    time::format(ns).replace(".000000000Z", "Z")
}

/// The longest piece of a template that stands in its example as it is.
fn literal(row: &Row) -> String {
    let pieces = row.template.split(HOLE).map(str::trim).filter(|piece| row.example.1.contains(piece));
    let longest = pieces.filter(|piece| !piece.starts_with('-')).max_by_key(|piece| piece.len()).unwrap_or_default();
    if longest.len() >= 4 {
        longest.to_owned()
    } else {
        row.example.1.trim_start_matches('-').lines().next().unwrap_or_default().chars().take(60).collect()
    }
}
