//! The list of patterns, as an object and as text.

use std::collections::BTreeMap;
use std::io::Write;

use logtap_analyze::mine::Mined;
use logtap_capture::time;
use serde::Serialize;

use crate::error::CliError;
use crate::mining::Account;
use crate::output;

/// What `patterns --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Version of this object.
    version: u32,
    total_lines: u64,
    rejected_lines: u64,
    /// Lines of patterns that are too many to be kept.
    unmined_lines: u64,
    patterns: Vec<Pattern>,
}

/// The first patterns of a report.
#[derive(Debug, Serialize)]
pub(super) struct First<'r> {
    version: u32,
    total_lines: u64,
    rejected_lines: u64,
    unmined_lines: u64,
    patterns: &'r [Pattern],
}

/// One pattern.
#[derive(Debug, Default, Serialize)]
struct Pattern {
    template: String,
    /// Lines, those of traces aside.
    count: u64,
    /// Lines of traces that belong to them.
    #[serde(skip_serializing_if = "is_zero")]
    folded: u64,
    levels: BTreeMap<&'static str, u64>,
    services: BTreeMap<String, u64>,
    first_seen: Option<String>,
    last_seen: Option<String>,
    example: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    traces: Vec<Trace>,
}

/// What traces said.
#[derive(Debug, Serialize)]
struct Trace {
    exception: Option<String>,
    frame: Option<String>,
    count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Puts the list together.
pub(super) fn build(mined: &Mined, account: &Account) -> Report {
    let templates = mined.templates();
    let mut by_template: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (id, cell) in mined.cells() {
        let template = templates.get(&id.pattern).map_or("<*>", String::as_str);
        by_template.entry(template).or_default().push((id, cell));
    }
    let total: u64 = mined.services.values().map(|service| service.lines).sum();
    let mut patterns: Vec<Pattern> = by_template
        .into_iter()
        .map(|(template, cells)| {
            let mut pattern = Pattern { template: template.to_owned(), ..Pattern::default() };
            let mut traces: BTreeMap<_, u64> = BTreeMap::new();
            for (id, cell) in &cells {
                pattern.count += cell.count;
                pattern.folded += cell.folded;
                *pattern.levels.entry(id.level.name()).or_default() += cell.count;
                let service = mined.services.get(&id.service).map(|service| service.name.clone()).unwrap_or_default();
                *pattern.services.entry(service).or_default() += cell.count;
                for (_, trace, count) in &cell.traces {
                    *traces.entry(trace).or_default() += count;
                }
            }
            let first = cells.iter().map(|(_, cell)| cell.first).min().filter(|ts| *ts < i64::MAX);
            let last = cells.iter().map(|(_, cell)| cell.last).max().filter(|ts| *ts > i64::MIN);
            pattern.first_seen = first.map(time::format);
            pattern.last_seen = last.map(time::format);
            let example = cells.iter().map(|(_, cell)| &cell.example).min();
            pattern.example = example.map(|one| String::from_utf8_lossy(&one.text).into_owned()).unwrap_or_default();
            pattern.traces = traces
                .into_iter()
                .map(|(trace, count)| Trace { exception: trace.exception.clone(), frame: trace.frame.clone(), count })
                .collect();
            pattern
        })
        .collect();
    patterns.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
    Report {
        version: 1,
        total_lines: total,
        rejected_lines: account.not_a_line + account.torn,
        unmined_lines: mined.unmined_lines(),
        patterns,
    }
}

impl Report {
    /// The report with the first `top` patterns.
    pub(super) fn first(&self, top: usize) -> First<'_> {
        First {
            version: self.version,
            total_lines: self.total_lines,
            rejected_lines: self.rejected_lines,
            unmined_lines: self.unmined_lines,
            patterns: &self.patterns[..top.min(self.patterns.len())],
        }
    }
}

/// Prints the first `top` patterns (0: all) as text.
///
/// # Errors
/// If the output cannot be written.
pub(super) fn write(out: &mut impl Write, report: &Report, top: usize) -> Result<(), CliError> {
    let top = if top == 0 { usize::MAX } else { top };
    let shown = report.first(top).patterns;
    let mut line = Vec::new();
    writeln!(out, "{:>10}  {:<20}  {:<12}  template", "lines", "first seen", "levels")?;
    for pattern in shown {
        let levels: Vec<&str> = pattern.levels.keys().copied().collect();
        let first = pattern.first_seen.as_deref().map_or("-", |text| text.get(..19).unwrap_or(text));
        write!(out, "{:>10}  {first:<20}  {:<12}  ", pattern.count, levels.join(","))?;
        line.clear();
        output::push_visible(&mut line, &pattern.template);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    let left = report.patterns.len() - shown.len();
    if left > 0 {
        writeln!(out, "… and {left} more; --top 0 prints all")?;
    }
    if report.unmined_lines > 0 {
        writeln!(out, "… and {} lines of more patterns than are kept", report.unmined_lines)?;
    }
    Ok(())
}
