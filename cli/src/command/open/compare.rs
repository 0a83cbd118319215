//! What differs from a baseline, for the view: both captures mined as `diff` does.

use std::path::Path;
use std::sync::Arc;

use logtap_analyze::mine::{Mined, Options};
use logtap_analyze::triage::change::{Kind, Row, Severity};
use logtap_analyze::triage::compare::{changed, since};
use logtap_capture::reader::Capture;
use logtap_view::difference::{self, Change, Compare};

use crate::command::diff;
use crate::error::CliError;
use crate::output::Ui;

/// Buckets of time in which what rose is dated.
const BUCKETS: i64 = 480;
/// Shortest part of a template that finds its lines again.
const SHORTEST: usize = 6;

/// The comparison, to be made when the view has its first screen.
///
/// # Errors
/// If the baseline is no capture.
pub(super) fn between(baseline: &Path, capture: &Capture, ui: &Ui) -> Result<(Capture, Compare), CliError> {
    let baseline = Capture::open(baseline)?;
    let (old, new) = (baseline.clone(), capture.clone());
    // The screen is the view's: nothing is said meanwhile.
    let mut ui = ui.clone();
    ui.quiet = true;
    let threads = crate::args::threads(None);
    let compare: Compare = Arc::new(move || {
        let now = |capture: &Capture| capture.again().map_err(|error| error.to_string());
        let both = [(now(&old)?, 1), (now(&new)?, BUCKETS)];
        let [old, new] = diff::mine(both, &Options::default(), threads, &ui).map_err(|error| error.message())?;
        Ok(changed(&old.mined, &new.mined).iter().map(|row| change(row, &new.mined)).collect())
    });
    Ok((baseline, compare))
}

fn change(row: &Row, current: &Mined) -> Change {
    let label = current.services.values().find(|service| service.name == row.service && !service.label.is_empty());
    Change {
        kind: match row.kind {
            Some(Kind::New) => difference::Kind::New,
            Some(Kind::Fell) => difference::Kind::Fell,
            Some(Kind::Vanished) => difference::Kind::Vanished,
            Some(Kind::Rose) | None => difference::Kind::Rose,
        },
        level: row.level,
        finding: row.severity() >= Severity::Warning,
        service: row.service.clone(),
        label: label.map(|service| format!("{}={}", service.label, service.name)),
        template: row.template.clone(),
        telling: telling(&row.template, &row.example.1),
        lines: row.inside,
        expected: row.expected,
        since: since(row, current),
    }
}

/// The longest part of the template without a value, if its lines are written with it.
fn telling(template: &str, example: &str) -> Option<String> {
    let part = template.split("<*>").map(str::trim).max_by_key(|part| part.len())?;
    (part.len() >= SHORTEST && example.contains(part)).then(|| part.to_owned())
}
