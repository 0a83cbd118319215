//! Changes of patterns between a stretch under suspicion and the rest.

use std::collections::BTreeMap;

use logtap_capture::level::Level;
use serde::Serialize;

use super::rates;
use crate::mine::{CellId, Mined, Templates};

/// Share of false changes among those that are told.
const MAX_Q: f64 = 0.01;
/// A change is at least this many times: a true factor of two, with room for what chance takes off it.
const MIN_RATIO: f64 = 1.7;
/// And rests on this many lines, found or missed.
const MIN_LINES: f64 = 5.0;
/// Of stretches of the baseline that are as long, at most one in this many may look like it.
const RARE: usize = 20;
/// A service is silent with less than this share of the lines that all load explains.
const SILENT: f64 = 0.25;
/// A pattern of such a service vanished if the load explains so many lines in one stretch without any.
const MISSED: f64 = 30.0;
/// Weaker changes than findings are evidence for an origin from this ratio on.
const TOLD_RATIO: f64 = 1.5;
/// And from this evidence on: the 99 % point of chi-squared with one degree of freedom.
const TOLD: f64 = 6.63;
/// A pattern's share of all lines says this much of what its share of the service's lines says.
const OF_ALL: f64 = 0.3;

/// How a pattern changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Never before.
    New,
    /// More often than the load explains.
    Rose,
    /// Less often than the load explains.
    Fell,
    /// Not once any more.
    Vanished,
}

/// How bad a change is by itself. From `Warning` on it is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something is off.
    Warning,
    /// Errors.
    Error,
    /// Fatal lines.
    Critical,
}

/// One pattern of one service at one level, inside and outside.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its service's name.
    pub service: String,
    /// The level of its lines.
    pub level: Level,
    /// Its template.
    pub template: String,
    /// Lines inside.
    pub inside: u64,
    /// Lines outside.
    pub outside: u64,
    /// Lines per bucket inside.
    pub buckets: BTreeMap<u32, u64>,
    /// Lines per bucket of the whole.
    pub whole: BTreeMap<u32, u64>,
    /// Earliest line inside, and its text.
    pub example: (i64, String),
    /// Traces folded into its lines inside, most frequent first.
    pub traces: Vec<(String, u64)>,
    /// Rate inside over rate outside: the more cautious of two loads, all lines and the service's.
    pub ratio: f64,
    /// Lines that the load explains.
    pub expected: f64,
    /// The more cautious p-value.
    pub p: f64,
    /// Of all tests.
    pub q: f64,
    /// What it says about its service.
    pub weight: f64,
    /// Its service says next to nothing inside.
    pub silent: bool,
    /// How it changed, if it did.
    pub kind: Option<Kind>,
}

impl Row {
    /// It is new or rose.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.kind, Some(Kind::New | Kind::Rose))
    }

    /// How bad the change is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let up = self.is_up();
        match self.level {
            Level::Fatal if up => Severity::Critical,
            Level::Error if up => Severity::Error,
            Level::Warn if up => Severity::Warning,
            Level::Error | Level::Fatal | Level::Warn => Severity::Info,
            _ if self.kind == Some(Kind::Vanished) => Severity::Warning,
            _ => Severity::Info,
        }
    }
}

/// Lines of all services and of each.
#[derive(Debug, Clone, Default)]
pub struct Loads {
    /// All lines inside and outside.
    pub all: (u64, u64),
    /// Those of each service by name.
    pub of: BTreeMap<String, (u64, u64)>,
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'m> {
    /// The stretch under suspicion.
    pub inside: &'m Mined,
    /// The baseline, or the whole capture that `inside` is a part of.
    pub other: &'m Mined,
    /// `other` contains `inside`.
    pub within: bool,
}

impl Sides<'_> {
    /// Lines on both sides.
    #[must_use]
    pub fn loads(&self) -> Loads {
        let mut loads = Loads::default();
        for service in self.inside.services.values() {
            loads.of.entry(service.name.clone()).or_default().0 += service.lines;
        }
        for service in self.other.services.values() {
            loads.of.entry(service.name.clone()).or_default().1 += service.lines;
        }
        for (inside, outside) in loads.of.values_mut() {
            if self.within {
                *outside = outside.saturating_sub(*inside);
            }
            loads.all.0 += *inside;
            loads.all.1 += *outside;
        }
        loads
    }

    /// Every pattern with its counts and tests, in order of service, level and template.
    #[must_use]
    pub fn rows(&self, templates: &Templates, loads: &Loads) -> Vec<Row> {
        let mut rows: BTreeMap<(String, Level, String), Row> = BTreeMap::new();
        // What one side could not keep is unknown there, not absent.
        let both = |pattern| self.inside.keeps(pattern) && self.other.keeps(pattern);
        for (mined, is_inside) in [(self.inside, true), (self.other, false)] {
            for (id, cell) in mined.cells().into_iter().filter(|(id, _)| both(id.pattern)) {
                let row = row(&mut rows, mined, id, templates);
                if is_inside {
                    row.inside += cell.count;
                    let text = String::from_utf8_lossy(&cell.example.text).into_owned();
                    row.example = row.example.clone().min((cell.example.ts, text));
                    for (_, trace, count) in &cell.traces {
                        let parts = [&trace.exception, &trace.frame];
                        let text = parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" at ");
                        row.traces.push((text, *count));
                    }
                } else {
                    row.outside += cell.count;
                    if row.inside == 0 {
                        let text = String::from_utf8_lossy(&cell.example.text).into_owned();
                        row.example = row.example.clone().min((cell.example.ts, text));
                    }
                }
                let buckets = if is_inside { &mut row.buckets } else { &mut row.whole };
                for (bucket, count) in &cell.buckets {
                    *buckets.entry(*bucket).or_default() += u64::from(*count);
                }
            }
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        for row in &mut rows {
            if self.within {
                row.outside = row.outside.saturating_sub(row.inside);
            }
            row.traces.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            test(row, loads, self.within);
        }
        let q = rates::q_values(&rows.iter().map(|row| row.p).collect::<Vec<_>>());
        for (row, q) in rows.iter_mut().zip(q) {
            row.q = q;
            row.kind = kind(row);
        }
        rows
    }
}

/// The pattern of a silent service that is missing for a stretch in which the load explains many lines.
fn is_missing(row: &Row, totals: &BTreeMap<u32, u64>, (from, to): (u32, u32), load: u64) -> bool {
    let (mut longest, mut run) = (0, 0);
    for (bucket, lines) in totals.range(from..=to) {
        run = if row.whole.contains_key(bucket) { 0 } else { run + lines };
        longest = longest.max(run);
    }
    let missed = row.expected * longest as f64 / load.max(1) as f64;
    row.silent && row.kind == Some(Kind::Fell) && missed >= MISSED
}

fn row<'r>(
    rows: &'r mut BTreeMap<(String, Level, String), Row>,
    mined: &Mined,
    id: &CellId,
    templates: &Templates,
) -> &'r mut Row {
    let service = mined.services.get(&id.service).map(|service| service.name.clone()).unwrap_or_default();
    let template = templates.get(&id.pattern).map_or("<*>", String::as_str).to_owned();
    rows.entry((service.clone(), id.level, template.clone())).or_insert_with(|| Row {
        service,
        level: id.level,
        template,
        inside: 0,
        outside: 0,
        buckets: BTreeMap::new(),
        whole: BTreeMap::new(),
        example: (i64::MAX, String::new()),
        traces: Vec::new(),
        ratio: 1.0,
        expected: 0.0,
        p: 1.0,
        q: 1.0,
        weight: 0.0,
        silent: false,
        kind: None,
    })
}

/// Tests a row against the load of everything and that of its service, both without its own lines: a
/// pattern that rises must not look like load.
fn test(row: &mut Row, loads: &Loads, within: bool) {
    let own_lines = loads.of.get(&row.service).copied().unwrap_or_default();
    let rest = |load: (u64, u64)| (load.0.saturating_sub(row.inside), load.1.saturating_sub(row.outside));
    let (all, mut own) = (rest(loads.all), rest(own_lines));
    let own_expected = own_lines.1 as f64 * loads.all.0 as f64 / (loads.all.1 as f64).max(1.0);
    row.silent = within && (own_lines.0 as f64) < own_expected * SILENT;
    if row.silent || own.1 == 0 {
        // The service says nothing else that could tell its load.
        own = all;
    }
    let expected = |load: (u64, u64)| row.outside as f64 * load.0 as f64 / (load.1 as f64).max(1.0);
    let ratio = |load: (u64, u64)| rates::ratio(row.inside, row.outside, load.0, load.1);
    let up = row.inside as f64 > expected(all);
    row.expected = if up { expected(all).max(expected(own)) } else { expected(all).min(expected(own)) };
    row.ratio = if up { ratio(all).min(ratio(own)) } else { ratio(all).max(ratio(own)) };
    let p = |load: (u64, u64)| rates::p_value(row.inside, row.outside, load.0.max(1), load.1.max(1));
    row.p = p(all).max(p(own));
    row.weight = weight(row, loads.all, own_lines);
}

/// Evidence in a row that something is wrong with its service: its share of the
/// service's own lines, and less so of all lines. What a service says no longer
/// counts as much as errors that it says more often; that errors of old stay
/// away is no evidence.
fn weight(row: &Row, all: (u64, u64), own: (u64, u64)) -> f64 {
    let is_error = row.level >= Level::Error;
    let value = |load: (u64, u64)| {
        let (inside, outside) = ((load.0 as f64).max(0.5), (load.1 as f64).max(0.5));
        let expected = row.outside as f64 * inside / outside;
        let ratio = (row.inside as f64 + 0.5) / (expected + 0.5);
        let up = row.inside as f64 > expected;
        let told = if up { row.inside >= 3 && ratio >= TOLD_RATIO } else { !is_error && ratio <= 1.0 / TOLD_RATIO };
        let value = rates::evidence(row.inside, row.outside, inside, outside);
        (if told && value >= TOLD { value } else { 0.0 }, up)
    };
    let ((own, up), (all, _)) = (value(own), value(all));
    let factor = match (up, row.level) {
        (false, _) | (true, Level::Error | Level::Fatal) => 2.0,
        (true, Level::Warn) => 1.5,
        (true, _) => 1.0,
    };
    (own + OF_ALL * all) * factor
}

fn kind(row: &Row) -> Option<Kind> {
    let up = row.inside as f64 > row.expected;
    let moved = if up { row.inside as f64 } else { row.expected };
    let far = if up { row.ratio >= MIN_RATIO } else { row.ratio <= 1.0 / MIN_RATIO };
    if row.q > MAX_Q || !far || moved < MIN_LINES {
        return None;
    }
    Some(match (row.inside, row.outside, up) {
        (_, 0, _) => Kind::New,
        (0, ..) => Kind::Vanished,
        (_, _, true) => Kind::Rose,
        _ => Kind::Fell,
    })
}

/// Takes back changes that the baseline shows by itself now and then: of its
/// stretches of the same length, one in twenty looks like the one inside, or one at all
/// where a whole service is silent (jobs come and go). Evidence loses weight in the same
/// measure.
pub fn drop_bursts(rows: &mut [Row], totals: &BTreeMap<u32, u64>, window: (u32, u32)) {
    let length = window.1 - window.0 + 1;
    let Some((&first, &last)) = totals.keys().next().zip(totals.keys().next_back()) else { return };
    let mut stretches = Vec::new();
    let mut at = first;
    while at <= last {
        let end = at.saturating_add(length - 1);
        let load: u64 = totals.range(at..=end).map(|(_, count)| count).sum();
        if load > 0 && (end < window.0 || at > window.1) {
            stretches.push((at, end, load));
        }
        at = end + 1;
    }
    if stretches.is_empty() {
        return;
    }
    let load: u64 = totals.range(window.0..=window.1).map(|(_, count)| count).sum();
    for row in rows.iter_mut() {
        if is_missing(row, totals, window, load) {
            row.kind = Some(Kind::Vanished);
        }
        let up = row.inside as f64 > row.expected;
        let rate = row.inside as f64 / load.max(1) as f64;
        let alike = stretches.iter().filter(|(from, to, load)| {
            let count: u64 = row.whole.range(from..=to).map(|(_, count)| count).sum();
            let other = count as f64 / *load as f64;
            if up { other >= rate } else { other <= rate }
        });
        let alike = alike.count();
        row.weight /= 1.0 + (RARE * alike) as f64 / stretches.len() as f64;
        if stretches.len() >= RARE && alike * RARE > stretches.len() || row.silent && alike > 0 {
            row.kind = None;
        }
    }
}
