//! `logtap patterns`: what kinds of messages a capture has, how often, since when.

mod assign;
mod report;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use logtap_analyze::mine::Options;
use logtap_capture::reader::Capture;

use crate::args::{self, FormatArgs};
use crate::error::CliError;
use crate::mining;
use crate::output::Ui;

/// Show the kinds of messages in a capture, most frequent first
///
/// Messages that differ only in values (numbers, ids, addresses, paths, times,
/// names that take many forms) share a template, in which <*> stands for a
/// value. JSON and logfmt lines are mined on their message and the names of
/// their fields. Lines of a stack trace count with the line that they follow.
///
/// The result depends on nothing but the lines: not on the order of files, not
/// on threads.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap patterns capture/\n  logtap patterns capture/ --top 200 --json\n  logtap patterns capture/ --assign --json | jq -r .template"
)]
pub(crate) struct PatternsArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print the template of every line instead, in order
    #[arg(long)]
    assign: bool,
    /// Print at most N patterns; 0 prints all [default: 50, all with --json]
    #[arg(long, value_name = "N", conflicts_with = "assign")]
    top: Option<usize>,
    /// The label that names a line's service [default: app, service_name, app_kubernetes_io_name, container, job]
    #[arg(long, value_name = "LABEL")]
    service_label: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Mines and prints.
///
/// # Errors
/// If the capture cannot be read or the output not be written.
pub(crate) fn run(args: PatternsArgs, ui: &Ui) -> Result<(), CliError> {
    let PatternsArgs { dir, assign, top, service_label, format: _, jobs } = args;
    let threads = args::threads(jobs);
    let capture = Capture::open(&dir)?;
    let options = Options { service_label, ..Options::default() };
    let [(mined, account)] = mining::mine([(&capture, options)], threads, ui)?;
    account.tell(ui);
    let mut out = ui.data();
    if assign {
        assign::write(&capture, &mined, threads, ui.json, &mut out)?;
    } else {
        let report = report::build(&mined, &account);
        if ui.json {
            let top = top.filter(|top| *top > 0).unwrap_or(usize::MAX);
            return ui.print_json(&report.first(top));
        }
        report::write(&mut out, &report, top.unwrap_or(50))?;
    }
    out.flush()?;
    Ok(())
}
