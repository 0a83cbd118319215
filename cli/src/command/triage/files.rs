//! The answer as the files that 1.x writes.

use std::fs;
use std::io::Write;
use std::path::Path;

use logtap_analyze::triage::Report;

use super::{html, text};
use crate::error::CliError;
use crate::output;

/// Refuses to write over anything, or into a capture.
///
/// # Errors
/// If the folder exists and is not empty, or is the capture.
pub(super) fn refuse(out: &Path, dir: &Path) -> Result<(), CliError> {
    if fs::canonicalize(out).ok().is_some_and(|out| fs::canonicalize(dir).is_ok_and(|dir| out.starts_with(dir))) {
        return Err(CliError::usage(format!("{} is in the capture; name another folder", out.display())));
    }
    match fs::read_dir(out).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(CliError::usage(format!("{} is not empty; name a new folder", out.display()))),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(CliError::at(out, &error)),
        _ => Ok(()),
    }
}

/// Writes all files.
///
/// # Errors
/// If one cannot be written.
pub(super) fn write(out: &Path, report: &Report, dir: &Path) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|error| CliError::at(out, &error))?;
    let file = |name: &str, content: &[u8]| {
        let path = out.join(name);
        fs::write(&path, content).map_err(|error| CliError::at(&path, &error))
    };
    let summary = markdown(report, dir)?;
    file("summary.md", &summary)?;
    let mut timeline = b"minute,total_lines,error_lines\n".to_vec();
    for bucket in &report.timeline {
        writeln!(timeline, "{},{},{}", bucket.minute, bucket.total_lines, bucket.error_lines)?;
    }
    file("timeline.csv", &timeline)?;
    file(
        "top_errors.txt",
        &lines(report.top_errors.iter().map(|one| format!("{:>8}  {}  {}", one.count, one.service, one.signature))),
    )?;
    file(
        "top_talkers.txt",
        &lines(
            report
                .talkers
                .iter()
                .map(|one| format!("{:>10} lines  {:>8} errors  {}", one.total_lines, one.error_lines, one.value)),
        ),
    )?;
    file("sequence.txt", &lines(report.services.iter().map(sequence)))?;
    let windows = serde_json::to_vec_pretty(&report.windows).map_err(std::io::Error::from)?;
    file("windows.json", &windows)?;
    file("report.html", html::page(report, dir).as_bytes())
}

/// The screen as Markdown.
///
/// # Errors
/// None that a vector makes.
pub(in crate::command) fn markdown(report: &Report, dir: &Path) -> Result<Vec<u8>, CliError> {
    let mut summary = b"# Triage\n\n```\n".to_vec();
    let mut screen = Vec::new();
    text::write(&mut screen, report, dir)?;
    summary.extend(String::from_utf8_lossy(&screen).replace("```", "'''").into_bytes());
    summary.extend(b"```\n");
    Ok(summary)
}

fn sequence(service: &logtap_analyze::triage::report::Affected) -> String {
    let at = service.onset.as_ref().map_or("time unknown", |onset| onset.at.as_str());
    let order = if service.order_unknown { " (same time as the one above: order unknown)" } else { "" };
    format!("{at}  {}{order}  {}", service.service, service.first_line.as_deref().unwrap_or(""))
}

fn lines(all: impl Iterator<Item = String>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in all {
        output::push_visible(&mut out, &line);
        out.push(b'\n');
    }
    out
}
