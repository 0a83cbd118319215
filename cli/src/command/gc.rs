//! `logtap gc`: deletes old captures.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use logtap_capture::discard::{Discardable, Kept, is_remnant};
use logtap_capture::time;
use serde::Serialize;

use crate::archived;
use crate::args::FormatArgs;
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::{size, when};

/// Delete old captures
///
/// Looks at the directories in DIR, one level down. Only captures go, oldest first: never one
/// that a receiver writes, never one with a file in it that is not the capture's own, never what a
/// link leads to. --dry-run lists exactly what would go.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").args(["max_age", "max_total"]).required(true).multiple(true))]
pub(crate) struct GcArgs {
    /// The directory that holds the captures
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Captures that were written last longer ago than this go: 7d, 24h
    #[arg(long, value_name = "TIME", value_parser = age)]
    max_age: Option<i64>,
    /// The oldest go until all captures together are no larger than this: 50GB
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_total: Option<u64>,
    /// Say what would go, and delete nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// A capture that goes.
#[derive(Debug, Serialize)]
struct Entry {
    dir: String,
    started: Option<String>,
    size_bytes: u64,
    /// Which limits it is beyond.
    reasons: Vec<String>,
    /// Whether it has gone.
    deleted: bool,
}

fn age(text: &str) -> Result<i64, String> {
    when::duration(text).ok_or_else(|| "write a number and ms, s, m, h or d, like 7d or 24h".to_owned())
}

/// Deletes captures.
///
/// # Errors
/// If the directory cannot be read, or one that should go could not be deleted; the others are.
pub(crate) fn run(args: GcArgs, ui: &Ui) -> Result<(), CliError> {
    archived::refuse(&args.dir, "cleaned up")?;
    let (found, kept) = captures(&args.dir)?;
    let chosen = choose(&args, found, kept.iter().map(|one| one.size).sum(), time::now());
    for one in &kept {
        ui.note(&one.why);
    }
    let (mut entries, mut failed) = (Vec::new(), None);
    for (capture, reasons) in chosen {
        let dir = capture.dir.display().to_string();
        let started = capture.metadata.as_ref().map(|metadata| metadata.started.clone());
        let mut entry = Entry { dir, started, size_bytes: capture.size, reasons, deleted: false };
        if !args.dry_run {
            match capture.discard() {
                Ok(()) => entry.deleted = true,
                Err(why @ Kept::Io { .. }) => failed = Some(why),
                Err(why) => ui.note(&why),
            }
        }
        entries.push(entry);
    }
    let bytes: u64 = entries.iter().filter(|one| one.deleted != args.dry_run).map(|one| one.size_bytes).sum();
    if ui.json {
        ui.print_json(&entries)?;
    } else {
        show(&entries, bytes, args.dry_run, ui)?;
    }
    failed.map_or(Ok(()), |why| Err(error(why)))
}

/// A directory that may not go.
struct Spared {
    size: u64,
    why: Kept,
}

/// The captures in a directory, oldest first, and those that have to stay.
fn captures(dir: &Path) -> Result<(Vec<Discardable>, Vec<Spared>), CliError> {
    let failed = |error| CliError::at(dir, &error);
    let (mut found, mut kept) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match Discardable::look(&path) {
            Ok(capture) => found.push(capture),
            Err(Kept::NoCapture(_)) => {}
            Err(why) => kept.push(Spared { size: size_of(&path), why }),
        }
    }
    if found.is_empty() && kept.is_empty() && dir.join(logtap_capture::name::METADATA).exists() {
        return Err(CliError::usage(format!("{} is a capture itself", dir.display()))
            .hint("name the directory that holds it, or delete it yourself"));
    }
    found.sort_by(|one, other| one.last.cmp(&other.last).then_with(|| one.dir.cmp(&other.dir)));
    kept.sort_by_key(|one| one.why.to_string());
    Ok((found, kept))
}

/// Bytes of the files in a directory that stays.
fn size_of(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(|data| data.is_file()).map(|data| data.len()).sum()
}

/// Which of the captures, oldest first, are beyond a limit, and why. `kept` bytes stay in any case.
fn choose(args: &GcArgs, found: Vec<Discardable>, kept: u64, now: i64) -> Vec<(Discardable, Vec<String>)> {
    let mut total = kept + found.iter().map(|one| one.size).sum::<u64>();
    let mut chosen = Vec::new();
    for capture in found {
        let mut reasons = Vec::new();
        if is_remnant(&capture.dir) {
            reasons.push("its deletion was interrupted".to_owned());
        }
        if args.max_age.is_some_and(|most| now.saturating_sub(capture.last) > most) {
            reasons.push("max-age".to_owned());
        }
        if args.max_total.is_some_and(|most| total > most) {
            reasons.push("max-total".to_owned());
        }
        if !reasons.is_empty() {
            total -= capture.size;
            chosen.push((capture, reasons));
        }
    }
    chosen
}

fn show(entries: &[Entry], bytes: u64, dry_run: bool, ui: &Ui) -> Result<(), CliError> {
    let mut out = ui.data();
    for one in entries.iter().filter(|one| one.deleted != dry_run) {
        let verb = if dry_run { "would delete" } else { "deleted" };
        writeln!(out, "{verb} {}  {}  ({})", one.dir, size::show(one.size_bytes), one.reasons.join(", "))?;
    }
    out.flush()?;
    let count = entries.iter().filter(|one| one.deleted != dry_run).count();
    let verb = if dry_run { "would be freed" } else { "freed" };
    ui.note(format_args!("{count} captures, {} {verb}", size::show(bytes)));
    Ok(())
}

fn error(why: Kept) -> CliError {
    let kind = match &why {
        Kept::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => Kind::Permission,
        _ => Kind::Internal,
    };
    CliError::new(kind, why)
}
