//! `logtap catalog`: finds captures.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use logtap_capture::index::IndexLine;
use logtap_capture::name;
use logtap_capture::reader::{Capture, OpenError};
use serde::Serialize;

use crate::args::FormatArgs;
use crate::error::CliError;
use crate::output::Ui;
use crate::size;

/// List the captures in a directory
///
/// A capture that a receiver is writing is `active`; one whose receiver died
/// without closing it is `crashed` (`logtap inspect --repair` puts it in order).
/// Lines and bytes come from the index; files that are not indexed yet are not counted.
#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    /// Where to look; a capture itself, a snapshot of one, or a directory that holds captures
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Look in all directories below
    #[arg(short = 'r', long)]
    recursive: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// One capture in the list.
#[derive(Debug, Serialize)]
struct Entry {
    dir: String,
    started: Option<String>,
    stopped: Option<String>,
    files: usize,
    entries: u64,
    bytes: u64,
    disk_size: u64,
    active: bool,
    crashed: bool,
    /// Names of labels and the number of their values.
    labels: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<String>,
}

/// Lists captures.
///
/// # Errors
/// If the directory cannot be read.
pub(crate) fn run(args: CatalogArgs, ui: &Ui) -> Result<(), CliError> {
    let CatalogArgs { dir, recursive, format: _ } = args;
    let mut found = Vec::new();
    if dir.is_file() {
        found.push(entry(&Capture::open(&dir)?));
    } else {
        std::fs::read_dir(&dir).map_err(|error| CliError::at(&dir, &error))?;
        look(&dir, true, recursive, ui, &mut found);
    }
    if ui.json {
        return ui.print_json(&found);
    }
    if found.is_empty() {
        ui.note(format_args!(
            "no captures in {}{}",
            dir.display(),
            if recursive { "" } else { "; -r looks in all directories below" }
        ));
    }
    table(&found, ui)
}

/// Adds the capture at `dir`, if it is one, and those in its directories.
fn look(dir: &Path, deeper: bool, recursive: bool, ui: &Ui, found: &mut Vec<Entry>) {
    match Capture::open(dir) {
        // Data files alone may be anything; a capture has metadata or names of its own making.
        Ok(capture) if capture.metadata.is_some() || capture.files.iter().any(|file| file.line.is_some()) => {
            found.push(entry(&capture))
        }
        Ok(_) | Err(OpenError::NotACapture(_) | OpenError::NotFound(_)) => {}
        Err(error) => ui.note(error),
    }
    if !deeper {
        return;
    }
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let mut dirs: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !name::of(path).starts_with('.'))
        .collect();
    dirs.sort();
    for dir in dirs {
        look(&dir, recursive, recursive, ui, found);
    }
}

fn entry(capture: &Capture) -> Entry {
    let lines: Vec<&IndexLine> = capture.files.iter().filter_map(|file| file.line.as_ref()).collect();
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in &lines {
        for (name, counts) in &line.labels {
            values.entry(name).or_default().extend(counts.keys().map(String::as_str));
        }
    }
    let metadata = capture.metadata.as_ref();
    let stopped = metadata.and_then(|data| data.stopped.clone()).filter(|stopped| !stopped.starts_with("0001"));
    Entry {
        dir: capture.dir.display().to_string(),
        started: metadata.map(|data| data.started.clone()),
        files: capture.files.len(),
        entries: lines.iter().map(|line| line.lines).sum(),
        bytes: lines.iter().map(|line| line.bytes).sum(),
        disk_size: capture.size(),
        active: capture.live,
        crashed: !capture.live && stopped.is_none(),
        labels: values.into_iter().map(|(name, values)| (name.to_owned(), values.len())).collect(),
        redacted: metadata.and_then(|data| data.redaction.as_ref()).map(|redaction| redaction.enabled),
        capture_id: metadata.and_then(|data| data.capture_id.clone()),
        stopped,
    }
}

fn table(found: &[Entry], ui: &Ui) -> Result<(), CliError> {
    let mut out = ui.data();
    let width = found.iter().map(|one| one.dir.chars().count()).max().unwrap_or(0).max(3);
    if !found.is_empty() {
        writeln!(
            out,
            "{:width$}  {:20}  {:20}  {:>5}  {:>12}  {:>9}  LABELS",
            "DIR", "STARTED", "STOPPED", "FILES", "LINES", "DISK"
        )?;
    }
    for one in found {
        let second =
            |time: &Option<String>| time.as_deref().and_then(|time| time.get(..19)).map(|time| format!("{time}Z"));
        let state = if one.active { "(active)" } else { "(crashed)" };
        let labels: Vec<String> = one.labels.iter().map(|(name, values)| format!("{name}({values})")).collect();
        writeln!(
            out,
            "{:width$}  {:20}  {:20}  {:>5}  {:>12}  {:>9}  {}",
            one.dir,
            second(&one.started).unwrap_or_default(),
            second(&one.stopped).unwrap_or_else(|| state.to_owned()),
            one.files,
            one.entries,
            size::show(one.disk_size),
            labels.join(" ")
        )?;
    }
    out.flush()?;
    Ok(())
}
