//! `logtap merge`: several captures as one.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use logtap_capture::disk::RealDisk;
use logtap_capture::target::Target;
use logtap_carry::merge::{Merged, Options, merge};
use logtap_carry::{CarryError, Source};
use serde::Serialize;

use crate::args::{self, FormatArgs};
use crate::carrying::{self, Part};
use crate::error::CliError;
use crate::output::Ui;

/// Make one capture of several
///
/// Lines come in order of time wherever captures have lines of the same time; a stretch that only one of
/// them has is taken over as it stands, in the order in which it was written. Lines of one time keep the
/// order in which the captures are named. Marks of lost lines and counts of dropped ones come along.
///
/// Nothing that exists is overwritten, and nothing is seen at --out before it is whole.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap merge monday/ tuesday/ --out both/\n  logtap merge from-a/ from-b/ --dedupe -o together/"
)]
pub(crate) struct MergeArgs {
    /// The captures, or snapshots of them
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// Where the result is put
    #[arg(short = 'o', long, value_name = "DIR")]
    out: PathBuf,
    /// Keep a line that several captures have as often as the one that has it most often
    #[arg(long)]
    dedupe: bool,
    /// Merge captures that were redacted by different rules; the result counts as redacted by those they share
    #[arg(long)]
    mixed_redaction: bool,
    /// Replace what is at --out, if it is a capture that was cut or merged from others
    #[arg(long)]
    force: bool,
    /// Of logtap 1.x; refused, with the reason
    #[arg(long, hide = true)]
    clock_correct: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    sources: Vec<String>,
    /// Lines left out because another capture has them too.
    repeated: u64,
    #[serde(flatten)]
    part: Part,
}

/// Merges.
///
/// # Errors
/// If a capture cannot be read, they do not go together, or the result cannot be written; nothing of it is
/// left then.
pub(crate) fn run(args: MergeArgs, ui: &Ui) -> Result<(), CliError> {
    let MergeArgs { dirs, out, dedupe, mixed_redaction, force, clock_correct, format: _, jobs } = args;
    if clock_correct {
        return Err(CliError::usage(
            "--clock-correct is gone: how far two clocks differ cannot be told from their lines (1.x moved a capture by the \
             difference of two start times), and lines keep the times their senders gave them",
        )
        .hint("leave it out; `logtap triage` names services whose clock seems to differ"));
    }
    let opened = dirs.iter().map(|dir| carrying::open(dir)).collect::<Result<Vec<Source>, _>>()?;
    refuse_twins(&dirs)?;
    let folders: Vec<&Path> = opened.iter().map(Source::dir).collect();
    let target = Target::directory(&out, &folders, force).map_err(CarryError::from)?;
    let options = Options { dedupe, mixed_redaction };
    let bytes = opened.iter().map(Source::bytes).sum();
    let Merged { made, account, repeated } = carrying::attended(ui, bytes, args::threads(jobs), |control| {
        merge(opened, options, target, Arc::new(RealDisk), control)
    })?;
    carrying::tell(&account, ui);
    let sources = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let report = Report { sources, repeated, part: Part::new(&out, &made, &account) };
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    write!(text, "{}", report.part)?;
    if dedupe {
        write!(text, ", {repeated} repeated lines left out")?;
    }
    writeln!(text)?;
    Ok(text.flush()?)
}

/// A capture that is named twice would be in the result twice.
fn refuse_twins(dirs: &[PathBuf]) -> Result<(), CliError> {
    let mut known: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let real = std::fs::canonicalize(dir).map_err(|error| CliError::at(dir, &error))?;
        if known.contains(&real) {
            return Err(CliError::usage(format!("{} is named twice", dir.display())));
        }
        known.push(real);
    }
    Ok(())
}
