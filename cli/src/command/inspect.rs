//! `logtap inspect`: what a capture holds.

mod repair;
mod report;
mod text;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use logtap_capture::reader::Capture;
use logtap_capture::survey;

use crate::archived;
use crate::args::FormatArgs;
use crate::error::CliError;
use crate::output::Ui;

/// Show what a capture holds
///
/// Sealed files answer from their index; files without one (written by 1.x,
/// being written, or left by a crash) are read.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Put in order what a crash left: keep every complete line, seal files, rebuild the index
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Prints the summary.
///
/// # Errors
/// If the capture cannot be read, or not be repaired.
pub(crate) fn run(args: InspectArgs, ui: &Ui) -> Result<(), CliError> {
    let InspectArgs { dir, repair, format: _ } = args;
    let mut capture = Capture::open(&dir)?;
    let repaired = if repair {
        archived::refuse(&dir, "put in order")?;
        let report = repair::run(&capture, ui)?;
        capture = Capture::open(&dir)?;
        Some(report)
    } else {
        None
    };
    let progress = ui.progress(capture.size());
    let survey = survey::run(&capture, |bytes| progress.inc(bytes)).map_err(|error| CliError::at(&dir, &error))?;
    progress.finish_and_clear();
    let report = report::build(&capture, &survey, repaired);
    if ui.json {
        return ui.print_json(&report);
    }
    let read = survey.files.iter().filter(|file| !file.sealed).count();
    if read > 0 {
        ui.note(format_args!("{read} of {} files have no block index and were read", survey.files.len()));
    }
    let mut out = ui.data();
    text::write(&mut out, &report)?;
    out.flush()?;
    Ok(())
}
