//! Repair of a capture whose writer is gone.

use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::disk::RealDisk;
use logtap_capture::metadata::Metadata;
use logtap_capture::reader::Capture;
use logtap_capture::repair::Report;
use logtap_capture::session::{Options, Session};
use serde::Serialize;

use crate::error::CliError;
use crate::output::Ui;

/// What was done, as printed.
#[derive(Debug, Serialize)]
pub(super) struct Repaired {
    resealed: Vec<FileLines>,
    cut: Vec<FileBytes>,
    removed: Vec<String>,
    missing: Vec<String>,
    failed: Vec<FileReason>,
}

#[derive(Debug, Serialize)]
struct FileLines {
    file: String,
    lines: u64,
}

#[derive(Debug, Serialize)]
struct FileBytes {
    file: String,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct FileReason {
    file: String,
    reason: String,
}

/// Repairs as the next start of a receiver would, and closes the capture.
///
/// # Errors
/// If the capture is in use, or the directory cannot be written.
pub(super) fn run(capture: &Capture, ui: &Ui) -> Result<Repaired, CliError> {
    let options = Options {
        redaction: capture.metadata.as_ref().and_then(redaction),
        max_disk: u64::MAX / 2,
        background: false,
        ..Options::default()
    };
    let (session, writer, report) = Session::open(&capture.dir, options, Arc::new(RealDisk))?;
    let metadata = capture.metadata.as_ref().filter(|metadata| metadata.stopped_ns().is_some());
    let stopped = metadata.and_then(|metadata| metadata.stopped.clone());
    session.close_repaired(writer, Event::new("repair"), stopped)?;
    let repaired = Repaired::from(report);
    repaired.tell(ui);
    Ok(repaired)
}

/// The rules in force, so that the capture keeps counting as redacted.
fn redaction(metadata: &Metadata) -> Option<Vec<String>> {
    metadata.redaction.as_ref().filter(|redaction| redaction.enabled).map(|redaction| redaction.patterns.clone())
}

impl From<Report> for Repaired {
    fn from(report: Report) -> Self {
        let Report { resealed, cut, removed, missing, failed } = report;
        Self {
            resealed: resealed.into_iter().map(|(file, lines)| FileLines { file, lines }).collect(),
            cut: cut.into_iter().map(|(file, bytes)| FileBytes { file, bytes }).collect(),
            removed,
            missing,
            failed: failed.into_iter().map(|(file, reason)| FileReason { file, reason }).collect(),
        }
    }
}

impl Repaired {
    fn tell(&self, ui: &Ui) {
        for FileLines { file, lines } in &self.resealed {
            ui.note(format_args!("{file}: sealed and indexed, {lines} lines"));
        }
        for FileBytes { file, bytes } in &self.cut {
            ui.note(format_args!("{file}: {bytes} bytes at its end were no whole lines and were cut"));
        }
        for file in &self.removed {
            ui.note(format_args!("{file}: removed"));
        }
        for file in &self.missing {
            ui.note(format_args!("{file}: is in the index but gone"));
        }
        for FileReason { file, reason } in &self.failed {
            ui.note(format_args!("{file}: could not be repaired: {reason}"));
        }
        if self.resealed.is_empty() && self.removed.is_empty() && self.failed.is_empty() {
            ui.note("nothing to repair");
        }
    }
}
