//! The answer as an object. `docs/triage.md` describes it; its version changes
//! when a key changes its meaning or goes.

use std::collections::BTreeMap;

use logtap_capture::level::Level;
use logtap_capture::time;
use serde::Serialize;

use super::cascade;
use super::change::{self, Kind, Loads, Row, Severity, Sides};
use super::next::next;
use super::origin::{self, round};
use super::timeline::{timeline, totals, windows};

pub use super::cascade::Cascade;
pub use super::origin::{Affected, Onset, Origin};
use super::quality::{self, Certainty, Facts, Ground, Quality};
use crate::mine::{Mined, Templates};
use crate::pattern::merge::HOLE;

/// Changes that are told, the gravest first.
const MAX_CHANGES: usize = 200;
/// Kinds of errors and services that are listed.
const MAX_TOP: usize = 50;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this object.
    pub version: u32,
    /// Changes of severity warning or above.
    pub findings: usize,
    /// One sentence.
    pub verdict: String,
    /// How sure it is.
    pub certainty: Certainty,
    /// The stretch under suspicion; absent if nothing is suspicious.
    pub window: Option<Span>,
    /// Lines of the capture.
    pub total_lines: u64,
    /// Lines of level error and fatal.
    pub error_lines: u64,
    /// How far it reaches.
    pub blast_radius: BlastRadius,
    /// Likely origins, the likeliest first.
    pub origins: Vec<Origin>,
    /// Services in order of their onset.
    pub services: Vec<Affected>,
    /// Services that failed one after another.
    pub cascades: Vec<Cascade>,
    /// What changed, the gravest first.
    pub changes: Vec<Change>,
    /// Changes beyond those listed.
    pub more_changes: usize,
    /// Windows as 1.x names them.
    pub windows: BTreeMap<&'static str, Span>,
    /// Lines and error lines over time.
    pub timeline: Vec<Bucket>,
    /// Width of a bucket of the timeline in seconds.
    pub bucket_seconds: i64,
    /// Kinds of errors, most frequent first.
    pub top_errors: Vec<TopError>,
    /// Services by their lines.
    pub talkers: Vec<Talker>,
    /// What is wrong with the data.
    pub quality: Quality,
    /// Commands to go on with; `CAPTURE` stands for the capture.
    pub next: Vec<Next>,
}

/// How far what changed reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlastRadius {
    /// Services in which a pattern changed.
    pub services: usize,
    /// All services that wrote lines.
    pub of_services: usize,
    /// Lines of patterns that are new or rose, in the window.
    pub lines: u64,
    /// All lines in the window.
    pub of_lines: u64,
}

/// A stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Start, RFC 3339.
    pub from: String,
    /// End.
    pub to: String,
    /// What it is.
    pub description: String,
}

/// A pattern that changed.
#[derive(Debug, Serialize)]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub service: String,
    /// Level of its lines.
    pub level: &'static str,
    /// The pattern.
    pub template: String,
    /// Lines in the window.
    pub lines: u64,
    /// Lines that the load explains.
    pub expected: f64,
    /// Lines outside the window.
    pub baseline_lines: u64,
    /// How many times.
    pub ratio: f64,
    /// Share of false changes among those at least as clear.
    pub q: f64,
    /// When a line shows it first in the window.
    pub first_seen: Option<String>,
    /// That line.
    pub example: String,
    /// What traces below its lines say, most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<String>,
}

/// Lines of a bucket.
#[derive(Debug, Serialize)]
pub struct Bucket {
    /// Start of the bucket.
    pub minute: String,
    /// Lines.
    pub total_lines: u64,
    /// Lines of level error and fatal.
    pub error_lines: u64,
}

/// A kind of error.
#[derive(Debug, Serialize)]
pub struct TopError {
    /// The pattern.
    pub signature: String,
    /// Lines.
    pub count: u64,
    /// Its service.
    pub service: String,
    /// A line.
    pub example: String,
}

/// A service and its lines.
#[derive(Debug, Serialize)]
pub struct Talker {
    /// Its name.
    pub value: String,
    /// Lines.
    pub total_lines: u64,
    /// Lines of level error and fatal.
    pub error_lines: u64,
}

/// A command to go on with.
#[derive(Debug, Serialize)]
pub struct Next {
    /// What it shows.
    pub why: String,
    /// Its words, `logtap` first.
    pub command: Vec<String>,
}

/// Puts the answer together. `window` is the stretch under suspicion; `baseline` is what is known of the
/// other capture if the comparison is with one.
#[must_use]
pub fn build(
    whole: &Mined,
    sides: Option<Sides<'_>>,
    window: Option<(i64, i64)>,
    templates: &Templates,
    facts: &Facts,
    baseline: Option<&Facts>,
) -> Report {
    let loads = sides.map(|sides| sides.loads()).unwrap_or_default();
    let mut rows = sides.map(|sides| sides.rows(templates, &loads)).unwrap_or_default();
    let per_bucket = totals(whole);
    let lines: BTreeMap<u32, u64> = per_bucket.iter().map(|(bucket, counts)| (*bucket, counts.0)).collect();
    if let (Some(grid), Some((from, to)), Some(sides)) = (&whole.grid, window, sides)
        && sides.within
    {
        change::drop_bursts(&mut rows, &lines, (grid.bucket(from), grid.bucket(to)));
    }
    let inside_load = sides.map(|sides| totals(sides.inside)).unwrap_or_default();
    let inside_load: BTreeMap<u32, u64> = inside_load.iter().map(|(bucket, counts)| (*bucket, counts.0)).collect();
    let affected = origin::affected(&rows, &inside_load, sides.and_then(|sides| sides.inside.grid).as_ref());
    let origins = origin::origins(&rows, &affected);
    let cascades = match (&whole.grid, sides) {
        (Some(grid), Some(sides)) if sides.within => cascade::find(&rows, &affected, &lines, grid),
        _ => Vec::new(),
    };
    let (quality, certainty) = quality::judge(&Ground {
        whole: (whole, facts),
        baseline: sides.filter(|sides| !sides.within).zip(baseline).map(|(sides, facts)| (sides.other, facts)),
        baseline_lines: if sides.is_some() { loads.all.1 } else { u64::MAX },
        window: window.map(|(from, to)| to.saturating_sub(from)),
    });
    let mut changed: Vec<&Row> = rows.iter().filter(|row| row.kind.is_some()).collect();
    changed.sort_by(|a, b| {
        let key = |row: &Row| (row.severity(), (row.weight * 1000.0) as u64);
        key(b).cmp(&key(a)).then_with(|| (&a.service, &a.template).cmp(&(&b.service, &b.template)))
    });
    let findings = changed.iter().filter(|row| row.severity() >= Severity::Warning).count();
    let span = window.map(|(from, to)| Span {
        from: time::format(from),
        to: time::format(to),
        description: "under suspicion".to_owned(),
    });
    let verdict = verdict(findings, changed.len(), &origins, &affected);
    let (talkers, error_lines) = talkers(whole);
    let blast_radius = BlastRadius {
        services: affected.len(),
        of_services: whole.services.values().filter(|service| service.lines > 0).count(),
        lines: changed.iter().filter(|row| row.is_up()).map(|row| row.inside).sum(),
        of_lines: loads.all.0,
    };
    Report {
        version: 1,
        findings,
        verdict,
        certainty,
        window: span,
        total_lines: whole.services.values().map(|service| service.lines).sum(),
        error_lines,
        blast_radius,
        next: next(&changed, whole, window),
        more_changes: changed.len().saturating_sub(MAX_CHANGES),
        changes: changed.into_iter().take(MAX_CHANGES).map(change_of).collect(),
        origins,
        services: affected,
        cascades,
        windows: windows(whole.grid.as_ref(), &per_bucket, window),
        timeline: timeline(whole.grid.as_ref(), &per_bucket),
        bucket_seconds: whole.grid.map_or(0, |grid| grid.seconds()),
        top_errors: top_errors(whole, templates),
        talkers,
        quality,
    }
}

fn verdict(findings: usize, changes: usize, origins: &[Origin], affected: &[Affected]) -> String {
    match (findings, origins.first()) {
        (0, _) if changes == 0 => "nothing changed that the load does not explain".to_owned(),
        (0, _) => format!("{changes} patterns changed, none of them a warning or worse"),
        (_, Some(origin)) => {
            let spread = affected.len();
            format!("{findings} findings in {spread} services; likely origin: {}", origin.service)
        }
        (_, None) => format!("{findings} findings"),
    }
}

pub(super) fn change_of(row: &Row) -> Change {
    Change {
        kind: row.kind.unwrap_or(Kind::Rose),
        severity: row.severity(),
        service: row.service.clone(),
        level: row.level.name(),
        template: row.template.clone(),
        lines: row.inside,
        expected: round(row.expected),
        baseline_lines: row.outside,
        ratio: round(row.ratio),
        q: (row.q * 1e6).round() / 1e6,
        first_seen: (row.example.0 < i64::MAX && row.inside > 0).then(|| time::format(row.example.0)),
        example: row.example.1.clone(),
        traces: row.traces.iter().take(3).map(|(text, count)| format!("{text} ({count})")).collect(),
    }
}

fn top_errors(whole: &Mined, templates: &Templates) -> Vec<TopError> {
    let mut found: BTreeMap<(&str, &str), (u64, &[u8])> = BTreeMap::new();
    for (id, cell) in whole.cells().into_iter().filter(|(id, _)| id.level >= Level::Error) {
        let service = whole.services.get(&id.service).map_or("", |service| service.name.as_str());
        let template = templates.get(&id.pattern).map_or(HOLE, String::as_str);
        let entry = found.entry((template, service)).or_insert((0, &cell.example.text));
        entry.0 += cell.count;
    }
    let mut all: Vec<TopError> = found
        .into_iter()
        .map(|((signature, service), (count, example))| TopError {
            signature: signature.to_owned(),
            count,
            service: service.to_owned(),
            example: String::from_utf8_lossy(example).into_owned(),
        })
        .collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.signature, &a.service).cmp(&(&b.signature, &b.service))));
    all.truncate(MAX_TOP);
    all
}

fn talkers(whole: &Mined) -> (Vec<Talker>, u64) {
    let mut all: Vec<Talker> = whole
        .services
        .values()
        .filter(|service| service.lines > 0)
        .map(|service| Talker {
            value: service.name.clone(),
            total_lines: service.lines,
            error_lines: service.errors(),
        })
        .collect();
    all.sort_by(|a, b| b.total_lines.cmp(&a.total_lines).then_with(|| a.value.cmp(&b.value)));
    let errors = all.iter().map(|talker| talker.error_lines).sum();
    all.truncate(MAX_TOP);
    (all, errors)
}

/// Lines of both sides, for callers that compare.
#[must_use]
pub fn loads(sides: Sides<'_>) -> Loads {
    sides.loads()
}
