//! The summary for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use logtap_capture::metadata::Metadata;

use super::report::{Integrity, Report};
use crate::output::push_visible;
use crate::size;

/// Values shown per label, and services shown.
const TOP: usize = 8;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes the summary.
///
/// # Errors
/// If writing fails.
pub(super) fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    row(out, "Capture", format_args!("{} ({})", report.dir, report.state))?;
    if let Some(metadata) = &report.metadata {
        row(out, "Started", &metadata.started)?;
        if report.state == "stopped" {
            row(out, "Stopped", metadata.stopped.as_deref().unwrap_or(""))?;
        }
    }
    let ratio = report.ratio.map(|ratio| format!(", {ratio:.1} times smaller")).unwrap_or_default();
    row(out, "Lines", format_args!("{} in {} files", report.total_lines, report.files))?;
    row(
        out,
        "Size",
        format_args!("{}, {} on disk{ratio}", size::show(report.total_bytes), size::show(report.disk_size)),
    )?;
    if let (Some(from), Some(to)) = (&report.data_from, &report.data_to) {
        row(
            out,
            "Data",
            format_args!("{from} to {to} ({:.1} s, {:.1} lines/s)", report.duration_secs, report.lines_per_sec),
        )?;
    }
    if let Some(metadata) = &report.metadata {
        losses(out, metadata)?;
    }
    senders(out, report)?;
    health(out, &report.integrity)?;
    timeline(out, report)?;
    services(out, report)?;
    labels(out, report)
}

fn row(out: &mut impl Write, name: &str, value: impl std::fmt::Display) -> io::Result<()> {
    writeln!(out, "{name:<10} {value}")
}

fn losses(out: &mut impl Write, metadata: &Metadata) -> io::Result<()> {
    for (name, counts) in
        [("Dropped", &metadata.dropped), ("Rejected", &metadata.rejected), ("Altered", &metadata.altered)]
    {
        if !counts.is_empty() {
            row(out, name, listed(counts))?;
        }
    }
    if let Some(evicted) = &metadata.evicted {
        row(
            out,
            "Evicted",
            format_args!("{} files with {} lines, to stay below the cap", evicted.files, evicted.lines),
        )?;
    }
    if let Some(redaction) = metadata.redaction.as_ref().filter(|redaction| redaction.enabled) {
        row(out, "Redacted", redaction.patterns.join(", "))?;
    }
    Ok(())
}

/// What numbered senders tell about lines that never came and lines still to come.
fn senders(out: &mut impl Write, report: &Report) -> io::Result<()> {
    if !report.lost.is_empty() {
        let parts: Vec<String> = report
            .lost
            .iter()
            .map(|(reason, loss)| {
                let open = if loss.uncounted > 0 {
                    format!(" and {} gaps of unknown size", loss.uncounted)
                } else {
                    String::new()
                };
                format!("{reason} {}{open}", loss.lines)
            })
            .collect();
        row(out, "Lost", parts.join(", "))?;
    }
    if let Some(sources) = &report.sources {
        let open = &sources.unfinished;
        let named = open.iter().take(TOP).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if open.len() > TOP { format!(" and {} more", open.len() - TOP) } else { String::new() };
        let unfinished =
            if open.is_empty() { String::new() } else { format!(", {} unfinished: {named}{more}", open.len()) };
        row(out, "Containers", format_args!("{} read to their end{unfinished}", sources.ended))?;
    }
    Ok(())
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(reason, lines)| format!("{reason} {lines}")).collect();
    parts.join(", ")
}

fn health(out: &mut impl Write, integrity: &Integrity) -> io::Result<()> {
    for (name, files) in [("Unindexed", &integrity.unindexed), ("Missing", &integrity.missing)] {
        if !files.is_empty() {
            row(out, name, files.join(", "))?;
        }
    }
    for file in &integrity.damaged {
        row(
            out,
            "Damaged",
            format_args!(
                "{} ({} bytes undecodable, {} of a torn line)",
                file.file, file.damaged_bytes, file.torn_bytes
            ),
        )?;
    }
    if integrity.rejected_lines > 0 {
        row(out, "Not lines", integrity.rejected_lines)?;
    }
    Ok(())
}

fn timeline(out: &mut impl Write, report: &Report) -> io::Result<()> {
    if report.timeline.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nTimeline, {} per column", report.bucket_width)?;
    let bad =
        |levels: &BTreeMap<&'static str, u64>| ["error", "fatal"].iter().filter_map(|level| levels.get(level)).sum();
    let warn = |levels: &BTreeMap<&'static str, u64>| levels.get("warn").copied().unwrap_or(0);
    bars(out, "lines", report.timeline.iter().map(|bucket| bucket.lines).collect())?;
    bars(out, "errors", report.timeline.iter().map(|bucket| bad(&bucket.levels)).collect())?;
    bars(out, "warnings", report.timeline.iter().map(|bucket| warn(&bucket.levels)).collect())
}

fn bars(out: &mut impl Write, name: &str, counts: Vec<u64>) -> io::Result<()> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let bar = |count: u64| match count {
        0 => ' ',
        _ => BARS[((u128::from(count) * 8).div_ceil(u128::from(most.max(1))) as usize - 1).min(7)],
    };
    let text: String = counts.into_iter().map(bar).collect();
    writeln!(out, "  {name:<9}{text}  at most {most}")
}

fn services(out: &mut impl Write, report: &Report) -> io::Result<()> {
    if report.services.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n  {:<30} {:>12} {:>10} {:>10}", "SERVICE", "LINES", "ERRORS", "WARNINGS")?;
    for service in report.services.iter().take(TOP) {
        let name = if service.service.is_empty() { "(none)".to_owned() } else { visible(&service.service) };
        writeln!(out, "  {name:<30} {:>12} {:>10} {:>10}", service.lines, service.errors, service.warnings)?;
    }
    more(out, report.services.len())
}

fn labels(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for (name, values) in &report.labels {
        writeln!(out, "\nLabel {} ({} values)", visible(name), values.len())?;
        for value in values.iter().take(TOP) {
            writeln!(out, "  {:<30} {:>12}", visible(&value.value), value.lines)?;
        }
        more(out, values.len())?;
    }
    Ok(())
}

fn more(out: &mut impl Write, count: usize) -> io::Result<()> {
    if count > TOP { writeln!(out, "  … {} more", count - TOP) } else { Ok(()) }
}

fn visible(text: &str) -> String {
    let mut out = Vec::new();
    push_visible(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}
