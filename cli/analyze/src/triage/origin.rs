//! Where it began: services with evidence of their own, the likeliest first,
//! and what speaks against each.

use std::collections::BTreeMap;

use logtap_capture::level::Level;
use logtap_capture::time;
use serde::Serialize;

use super::change::{Kind, Row};
use super::window;
use crate::mine::Grid;

/// Pieces of evidence that are told per service.
const MAX_EVIDENCE: usize = 5;
/// A service is told if it has this share of the first one's evidence.
const MIN_SHARE: f64 = 0.01;

/// When a service changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Onset {
    /// Likeliest start, RFC 3339, as exact as the buckets are.
    pub at: String,
    /// Not before.
    pub from: String,
    /// Not after.
    pub to: String,
    /// The bucket of `at`.
    #[serde(skip)]
    pub bucket: u32,
}

/// A service in which something changed, in order of onset.
#[derive(Debug, Clone, Serialize)]
pub struct Affected {
    /// Its name.
    pub service: String,
    /// When it began there; absent if the times do not tell.
    pub onset: Option<Onset>,
    /// It began in the same bucket as the one before: their order is unknown.
    pub order_unknown: bool,
    /// Patterns that changed.
    pub changes: usize,
    /// The first error of a pattern that is new or rose; the first line of such a pattern if none is an error.
    pub first_line: Option<String>,
    /// Time of that line.
    pub first_seen: Option<String>,
    /// Its level.
    pub first_level: Option<&'static str>,
}

/// A likely origin.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// Its name.
    pub service: String,
    /// Share of all evidence, 0 to 1, three decimals.
    pub score: f64,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
}

/// Services that changed, in order of their onset.
pub(super) fn affected(rows: &[Row], load: &BTreeMap<u32, u64>, grid: Option<&Grid>) -> Vec<Affected> {
    let mut by_service: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind.is_some()) {
        by_service.entry(&row.service).or_default().push(row);
    }
    let mut found: Vec<Affected> = by_service
        .into_iter()
        .map(|(service, rows)| {
            let up: Vec<&&Row> = rows.iter().filter(|row| matches!(row.kind, Some(Kind::New | Kind::Rose))).collect();
            let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
            for (bucket, count) in up.iter().flat_map(|row| &row.buckets) {
                *counts.entry(*bucket).or_default() += count;
            }
            let onset = grid.and_then(|grid| {
                let (at, from, to) = window::onset(&counts, load, grid.buckets)?;
                let text = |bucket: u32| time::format(grid.start(bucket));
                Some(Onset { at: text(at), from: text(from), to: text(to + 1), bucket: at })
            });
            let has_errors = up.iter().any(|row| row.level >= Level::Error);
            let telling = up.iter().filter(|row| !has_errors || row.level >= Level::Error);
            let first = telling.min_by_key(|row| &row.example).filter(|row| row.example.0 < i64::MAX);
            Affected {
                service: service.to_owned(),
                onset,
                order_unknown: false,
                changes: rows.len(),
                first_line: first.map(|row| row.example.1.clone()),
                first_seen: first.map(|row| time::format(row.example.0)),
                first_level: first.map(|row| row.level.name()),
            }
        })
        .collect();
    let key = |one: &Affected| (one.onset.as_ref().map_or(u32::MAX, |onset| onset.bucket), one.service.clone());
    found.sort_by_key(key);
    for at in 1..found.len() {
        let same = key(&found[at - 1]).0 == key(&found[at]).0;
        found[at].order_unknown = same;
    }
    found
}

/// Services by their evidence.
pub(super) fn origins(rows: &[Row], affected: &[Affected]) -> Vec<Origin> {
    let mut sums: BTreeMap<&str, (f64, Vec<&Row>)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.weight > 0.0) {
        let entry = sums.entry(&row.service).or_default();
        entry.0 += row.weight;
        entry.1.push(row);
    }
    let mut ranked: Vec<(&str, f64, Vec<&Row>)> =
        sums.into_iter().map(|(service, (sum, rows))| (service, sum, rows)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let total: f64 = ranked.iter().map(|one| one.1).sum();
    let top = ranked.first().map_or(0.0, |one| one.1);
    let names: Vec<&str> = ranked.iter().map(|one| one.0).collect();
    let first = affected.iter().find_map(|one| Some((one.service.as_str(), one.onset.as_ref()?.bucket)));
    ranked
        .iter()
        .filter(|one| one.1 >= top * MIN_SHARE)
        .map(|(service, sum, rows)| {
            let mut rows = rows.clone();
            rows.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.template.cmp(&b.template)));
            let evidence = rows.iter().take(MAX_EVIDENCE).map(|row| tell(row)).collect();
            Origin {
                service: (*service).to_owned(),
                score: round(sum / total),
                evidence,
                against: against(service, &rows, affected, first, &names),
            }
        })
        .collect()
}

fn against(
    service: &str,
    rows: &[&Row],
    affected: &[Affected],
    first: Option<(&str, u32)>,
    names: &[&str],
) -> Vec<String> {
    let mut found = Vec::new();
    let onset = affected.iter().find(|one| one.service == service).and_then(|one| one.onset.as_ref());
    match (onset, first) {
        (Some(onset), Some((earliest, bucket))) if bucket < onset.bucket => {
            found.push(format!("{earliest} changed earlier"));
        }
        (None, _) => found.push("no pattern of its own rose or is new by the strict test".to_owned()),
        _ => {}
    }
    if !rows.iter().any(|row| row.level >= Level::Error) {
        found.push("no errors of its own".to_owned());
    }
    let named: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| *name != service && name.len() > 3)
        .filter(|name| rows.iter().any(|row| row.level >= Level::Warn && row.example.1.contains(name)))
        .collect();
    if !named.is_empty() {
        found.push(format!("its errors name {}", named.join(", ")));
    }
    found
}

fn tell(row: &Row) -> String {
    let what = match row.kind {
        Some(Kind::New) => "new",
        Some(Kind::Rose) => "rose",
        Some(Kind::Fell) => "fell",
        Some(Kind::Vanished) => "vanished",
        None if row.inside as f64 > row.expected => "more",
        None => "fewer",
    };
    let template: String = row.template.chars().take(160).collect();
    format!("{what}: {} lines, {:.1} expected, {} {template}", row.inside, row.expected, row.level.name())
}

/// Three decimals, so that every machine prints the same.
pub(super) fn round(value: f64) -> f64 {
    if value.is_finite() { (value * 1000.0).round() / 1000.0 } else { 0.0 }
}
