//! `logtap triage`: what changed, when, where it began.

pub(super) mod files;
pub(super) mod html;
pub(super) mod text;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use logtap_analyze::mine::{self, Grid, Mined, Options};
use logtap_analyze::triage::change::Sides;
use logtap_analyze::triage::{self, Facts, Report, window};
use logtap_capture::chunk::Span;
use logtap_capture::reader::Capture;
use logtap_capture::time::SECOND;

use crate::args::{self, FormatArgs};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::mining::{self, Account};
use crate::output::Ui;
use crate::when::When;

/// Find out what changed in a capture, when, and where it began
///
/// The stretch under suspicion is given with --from and --to, or found. What is
/// in it is compared with the rest of the capture, or with another capture,
/// in relation to the load: patterns that are new, rose, fell or vanished;
/// when each service changed; likely origins with what speaks for and against
/// them; and how far the data can be trusted.
///
/// Exit status is 6 if something was found, 0 if not.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap triage capture/\n  logtap triage capture/ --from 10:32 --to 10:40\n  logtap triage capture/ --baseline yesterday/ --json\n  logtap triage capture/ --out incident/"
)]
pub(crate) struct TriageArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Compare with this capture instead of the rest of DIR
    #[arg(long, value_name = "DIR2")]
    baseline: Option<PathBuf>,
    /// Start of the stretch under suspicion: RFC 3339, HH:MM (UTC), or -30m (before the capture's end)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Its end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
    /// Write summary.md, timeline.csv, top_errors.txt, top_talkers.txt, sequence.txt, windows.json and
    /// report.html into this folder, which must not exist or be empty
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Accepted for 1.x, where --out wrote report.html only with it
    #[arg(long, requires = "out", hide = true)]
    html: bool,
    /// The label that names a line's service [default: app, service_name, app_kubernetes_io_name, container, job]
    #[arg(long, value_name = "LABEL")]
    service_label: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Buckets of the whole capture and of the stretch under suspicion, at most.
const BUCKETS: i64 = 480;

/// Looks and tells.
///
/// # Errors
/// If a capture cannot be read or an output not be written.
pub(crate) fn run(args: TriageArgs, ui: &Ui) -> Result<Exit, CliError> {
    let TriageArgs { dir, baseline, from, to, out, html: _, service_label, format: _, jobs } = args;
    if let Some(out) = &out {
        files::refuse(out, &dir)?;
    }
    let threads = args::threads(jobs);
    let question = Question { dir: &dir, baseline: baseline.as_deref(), from, to, service_label };
    let report = answer(&question, threads, ui)?;
    if let Some(out) = &out {
        files::write(out, &report, &dir)?;
        ui.note(format_args!("wrote {}", out.display()));
    }
    print(&report, &dir, ui)?;
    Ok(if report.findings > 0 { Exit::Findings } else { Exit::Success })
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question<'q> {
    /// The capture.
    pub(super) dir: &'q Path,
    /// What it is compared with, if not with the rest of itself.
    pub(super) baseline: Option<&'q Path>,
    /// Start of the stretch under suspicion.
    pub(super) from: Option<When>,
    /// Its end.
    pub(super) to: Option<When>,
    /// The label that names a line's service.
    pub(super) service_label: Option<String>,
}

/// Looks.
///
/// # Errors
/// If a capture cannot be read.
pub(super) fn answer(question: &Question<'_>, threads: usize, ui: &Ui) -> Result<Report, CliError> {
    let capture = Capture::open(question.dir)?;
    let base = question.baseline.map(Capture::open).transpose()?;
    let span = mining::range(&capture)?;
    let given = resolve(question.from, question.to, span)?;
    let service_label = question.service_label.clone();
    let options = Options { service_label, grid: mining::grid(span, BUCKETS), ..Options::default() };
    Ok(if let Some(base) = &base {
        let grid = mining::grid(mining::range(base)?, BUCKETS);
        let both = [(&capture, options.clone()), (base, Options { grid, ..options.clone() })];
        let [(whole, account), (other, other_account)] = mining::mine(both, threads, ui)?;
        account.tell(ui);
        other_account.tell(ui);
        let facts = [facts(&capture, &account), facts(base, &other_account)];
        let options = Options { ranks: whole.ranks().clone(), ..options };
        let part = given.map(|given| stretch(&capture, &options, given, threads, ui)).transpose()?;
        let sides = Sides { inside: part.as_ref().unwrap_or(&whole), other: &other, within: false };
        let templates = mine::templates(&[&whole, &other]);
        let window = given.or(Some((span.from, span.to)));
        triage::build(&whole, Some(sides), window, &templates, &facts[0], Some(&facts[1]))
    } else {
        let [(whole, account)] = mining::mine([(&capture, options.clone())], threads, ui)?;
        account.tell(ui);
        let options = Options { ranks: whole.ranks().clone(), ..options };
        let found = given.or_else(|| found(&whole));
        let part = found.map(|found| stretch(&capture, &options, found, threads, ui)).transpose()?;
        let sides = part.as_ref().map(|inside| Sides { inside, other: &whole, within: true });
        triage::build(&whole, sides, found, &whole.templates(), &facts(&capture, &account), None)
    })
}

fn print(report: &Report, dir: &Path, ui: &Ui) -> Result<(), CliError> {
    if ui.json {
        return ui.print_json(report);
    }
    let mut out = ui.data();
    text::write(&mut out, report, dir)?;
    out.flush()?;
    Ok(())
}

fn resolve(from: Option<When>, to: Option<When>, span: Span) -> Result<Option<(i64, i64)>, CliError> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let resolve = |when: Option<When>, other: i64| {
        when.map_or(Ok(other), |when| when.resolve(span)).map_err(|error| CliError::new(Kind::Usage, error))
    };
    let (from, to) = (resolve(from, span.from)?, resolve(to, span.to)?);
    if from > to {
        return Err(CliError::usage("--from is later than --to"));
    }
    Ok(Some((from, to)))
}

/// The stretch that stands out, in nanoseconds.
fn found(whole: &Mined) -> Option<(i64, i64)> {
    let grid = whole.grid?;
    let stretch = window::find(whole)?;
    Some((grid.start(stretch.from), grid.start(stretch.to + 1) - 1))
}

/// Only the lines of a stretch, in finer buckets.
fn stretch(
    capture: &Capture,
    options: &Options,
    (from, to): (i64, i64),
    threads: usize,
    ui: &Ui,
) -> Result<Mined, CliError> {
    let grid = Some(Grid::over(from, to.max(from + SECOND), BUCKETS));
    let options = Options { grid, from: Some(from), to: Some(to), ..options.clone() };
    Ok(mining::read(capture, &options, threads, ui)?.0)
}

/// What is known of a capture beside its lines.
pub(super) fn facts(capture: &Capture, account: &Account) -> Facts {
    let dropped = capture.metadata.as_ref().map_or(0, |data| {
        data.dropped.values().sum::<u64>() + data.evicted.as_ref().map_or(0, |evicted| evicted.lines)
    });
    Facts {
        dropped,
        rejected: account.not_a_line + account.torn,
        damaged_bytes: account.damaged_bytes,
        read: account.read,
    }
}
