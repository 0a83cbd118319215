//! Two captures of the same workload: what the second says that the load does
//! not explain, and whether that is a regression.

use std::collections::BTreeMap;

use logtap_capture::level::Level;
use serde::{Deserialize, Serialize};

use super::change::{Kind, Row, Severity, Sides};
use super::origin::round;
use super::quality::{self, Facts};
use super::report::{Change, change_of};
use crate::mine::{self, Mined};

/// A baseline with fewer lines says little (accuracy fell from .54 to .21 with 2,500 lines on labelled incidents).
const SMALL: u64 = 5_000;
/// Lines of one capture per line of the other from which their coverage differs.
const UNEVEN: u64 = 10;
/// And seconds per second.
const UNEVEN_SECONDS: u64 = 4;

/// A capture, mined, and what is known beside its lines.
#[derive(Debug, Clone, Copy)]
pub struct Known<'m> {
    /// What was counted.
    pub mined: &'m Mined,
    /// What became of lines.
    pub facts: &'m Facts,
    /// Seconds from its first line to its last.
    pub seconds: u64,
}

/// What may change at most; what is not given is not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// New patterns of level error or fatal.
    pub max_new_error_patterns: Option<u64>,
    /// Patterns of level warning or above that rose.
    pub max_risen_patterns: Option<u64>,
    /// Patterns of other levels that vanished.
    pub max_vanished_patterns: Option<u64>,
    /// Share of error lines in relation to the baseline's.
    pub max_error_rate_ratio: Option<f64>,
}

impl Rules {
    /// What counts as a regression when nobody says: any finding.
    pub const USUAL: Self = Self {
        max_new_error_patterns: Some(0),
        max_risen_patterns: Some(0),
        max_vanished_patterns: Some(0),
        max_error_rate_ratio: None,
    };
}

/// What is told of each capture.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// Lines.
    pub lines: u64,
    /// Lines of level error and fatal.
    pub error_lines: u64,
    /// Services.
    pub services: usize,
    /// Seconds from the first line to the last.
    pub seconds: u64,
}

/// A rule that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Its name.
    pub rule: &'static str,
    /// What was found.
    pub found: f64,
    /// What is allowed.
    pub allowed: f64,
    /// It holds.
    pub passed: bool,
}

/// The difference. Version 1; keys as in `docs/triage.md`.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Version of this object.
    pub version: u32,
    /// `no regression` or `regression`.
    pub verdict: &'static str,
    /// The baseline.
    pub baseline: Side,
    /// The other capture.
    pub current: Side,
    /// Share of error lines in relation to the baseline's.
    pub error_rate_ratio: f64,
    /// Rules in force.
    pub checks: Vec<Check>,
    /// What weakens the comparison.
    pub warnings: Vec<String>,
    /// What changed, the gravest first.
    pub changes: Vec<Change>,
}

/// Patterns that the load does not explain, the gravest first.
#[must_use]
pub fn changed(baseline: &Mined, current: &Mined) -> Vec<Row> {
    let sides = Sides { inside: current, other: baseline, within: false };
    let rows = sides.rows(&mine::templates(&[baseline, current]), &sides.loads());
    let mut changed: Vec<Row> = rows.into_iter().filter(|row| row.kind.is_some()).collect();
    changed.sort_by(|a, b| {
        let key = |row: &Row| (row.severity(), (row.weight * 1000.0) as u64);
        key(b).cmp(&key(a)).then_with(|| (&a.service, &a.template).cmp(&(&b.service, &b.template)))
    });
    changed
}

/// When a change begins, in nanoseconds since 1970: the first line of what is new, the bucket in which
/// the rest began to rise. `None` for what is said less often, and without times.
#[must_use]
pub fn since(row: &Row, current: &Mined) -> Option<i64> {
    match row.kind? {
        Kind::New => (row.example.0 < i64::MAX).then_some(row.example.0),
        Kind::Rose => {
            let grid = current.grid?;
            let mut load: BTreeMap<u32, u64> = BTreeMap::new();
            for (bucket, counts) in current.services.values().flat_map(|service| &service.buckets) {
                *load.entry(*bucket).or_default() += counts.iter().map(|count| u64::from(*count)).sum::<u64>();
            }
            began(&row.buckets, row.expected, &load, grid.buckets).map(|bucket| grid.start(bucket))
        }
        Kind::Fell | Kind::Vanished => None,
    }
}

/// The bucket in which a pattern began to be said more often than the load explains: the stretch with the
/// most evidence is sought, and of the beginnings that are nearly as likely (within 1.92 of the
/// log-likelihood) the first is told, for better early than behind the first line.
fn began(counts: &BTreeMap<u32, u64>, usual: f64, load: &BTreeMap<u32, u64>, buckets: u32) -> Option<u32> {
    let all = load.values().sum::<u64>().max(1) as f64;
    let at = |bucket: u32, counts: &BTreeMap<u32, u64>| counts.get(&bucket).copied().unwrap_or(0) as f64;
    let series: Vec<(f64, f64)> =
        (0..buckets).map(|bucket| (at(bucket, counts), (usual * at(bucket, load) / all).max(1e-6))).collect();
    let best: Vec<f64> = (0..series.len())
        .map(|from| {
            let (mut lines, mut expected, mut most) = (0.0, 0.0, 0.0_f64);
            for (more, explained) in &series[from..] {
                (lines, expected) = (lines + more, expected + explained);
                if lines > expected {
                    most = most.max(lines * libm::log(lines / expected) - (lines - expected));
                }
            }
            most
        })
        .collect();
    let top = best.iter().copied().fold(0.0, f64::max);
    let from = best.iter().position(|value| top > 0.0 && *value >= top - 1.92)?;
    // Nothing begins in a bucket without a line.
    (from..series.len()).find(|at| series[*at].0 > 0.0).and_then(|at| u32::try_from(at).ok())
}

/// Compares two captures.
#[must_use]
pub fn compare(baseline: Known<'_>, current: Known<'_>, rules: &Rules) -> Comparison {
    let changed = changed(baseline.mined, current.mined);
    let (a, b) = (side(baseline), side(current));
    let rate = |side: &Side| (side.error_lines as f64 + 0.5) / (side.lines as f64).max(1.0);
    let ratio = rate(&b) / rate(&a);
    let count = |wanted: fn(&Row) -> bool| changed.iter().filter(|row| wanted(row)).count() as f64;
    let found = [
        (
            "max_new_error_patterns",
            rules.max_new_error_patterns.map(|most| most as f64),
            count(|row| row.kind == Some(Kind::New) && row.level >= Level::Error),
        ),
        (
            "max_risen_patterns",
            rules.max_risen_patterns.map(|most| most as f64),
            count(|row| row.kind == Some(Kind::Rose) && row.severity() >= Severity::Warning),
        ),
        (
            "max_vanished_patterns",
            rules.max_vanished_patterns.map(|most| most as f64),
            count(|row| row.kind == Some(Kind::Vanished) && row.severity() >= Severity::Warning),
        ),
        ("max_error_rate_ratio", rules.max_error_rate_ratio, ratio),
    ];
    let checks: Vec<Check> = found
        .into_iter()
        .filter_map(|(rule, allowed, found)| {
            let allowed = allowed?;
            Some(Check { rule, found: round(found), allowed, passed: found <= allowed })
        })
        .collect();
    Comparison {
        version: 1,
        verdict: if checks.iter().all(|check| check.passed) { "no regression" } else { "regression" },
        error_rate_ratio: round(ratio),
        checks,
        warnings: warnings(&a, &b, baseline, current),
        changes: changed.iter().map(change_of).collect(),
        baseline: a,
        current: b,
    }
}

fn side(known: Known<'_>) -> Side {
    let mined = known.mined;
    let lines = mined.services.values().map(|service| service.lines).sum();
    let error_lines = mined.services.values().map(mine::Service::errors).sum();
    let services = mined.services.values().filter(|service| service.lines > 0).count();
    Side { lines, error_lines, services, seconds: known.seconds }
}

fn warnings(a: &Side, b: &Side, baseline: Known<'_>, current: Known<'_>) -> Vec<String> {
    let mut found = quality::complaints("the baseline: ", baseline.mined, baseline.facts);
    found.extend(quality::complaints("the capture: ", current.mined, current.facts));
    if a.lines < SMALL {
        found.push(format!("the baseline is small: {} lines", a.lines));
    }
    if a.lines.max(b.lines) > UNEVEN * a.lines.min(b.lines).max(1) {
        found.push(format!("the captures differ in coverage: {} and {} lines", a.lines, b.lines));
    }
    if a.seconds.max(b.seconds) > UNEVEN_SECONDS * a.seconds.min(b.seconds).max(1) {
        found.push(format!("the captures differ in coverage: {} and {} seconds", a.seconds, b.seconds));
    }
    let names = |mined: &Mined| -> std::collections::BTreeSet<String> {
        mined.services.values().filter(|service| service.lines > 0).map(|service| service.name.clone()).collect()
    };
    let (old, new) = (names(baseline.mined), names(current.mined));
    for (one, other, what) in [(&old, &new, "only in the baseline"), (&new, &old, "not in the baseline")] {
        let missing: Vec<&str> = one.difference(other).map(String::as_str).collect();
        if !missing.is_empty() {
            found.push(format!("the captures differ in coverage: {} {what}", missing.join(", ")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_dated_where_it_begins_though_it_ends_again() {
        let load: BTreeMap<u32, u64> = (0..90).map(|at| (at, 100)).collect();
        let counts = |at: u32| if (40..60).contains(&at) { 9 } else { u64::from(at.is_multiple_of(3)) };
        let counts: BTreeMap<u32, u64> = (0..90).map(|at| (at, counts(at))).filter(|one| one.1 > 0).collect();
        let bucket = began(&counts, 30.0, &load, 90).unwrap();
        assert!((39..=40).contains(&bucket), "{bucket}");
        assert_eq!(began(&BTreeMap::new(), 30.0, &load, 90), None);
    }
}
