//! `logtap diff`: what one run of a workload says that another did not.

mod write;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use logtap_analyze::mine::{Mined, Options};
use logtap_analyze::triage::Facts;
use logtap_analyze::triage::compare::{Known, Rules, compare};
use logtap_capture::chunk::Span;
use logtap_capture::reader::Capture;
use logtap_capture::time::SECOND;

use super::triage;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::mining::{self, Account};
use crate::output::Ui;

/// Compare two captures of the same workload
///
/// Both are mined together, so that a pattern is the same in both, and compared
/// in relation to their load: a run with twice the load is no regression.
///
/// Exit status is 0; with --rules or --ci it is 6 if a rule does not hold.
#[derive(Debug, Args)]
#[command(
    after_help = "Rules (YAML), each may be left out:\n  max_new_error_patterns: 0\n  max_risen_patterns: 0\n  max_vanished_patterns: 0\n  max_error_rate_ratio: 1.5\n\nExamples:\n  logtap diff yesterday/ today/\n  logtap diff baseline/ run/ --rules rules.yaml --format junit > report.xml"
)]
pub(crate) struct DiffArgs {
    /// The baseline, a capture or a snapshot of one
    #[arg(value_name = "BASELINE")]
    baseline: PathBuf,
    /// The capture to judge, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// File with the rules that must hold
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Ends with 6 when a usual rule does not hold: something new at level error, risen or vanished
    #[arg(long)]
    ci: bool,
    /// Of logtap 1.x; there is always a verdict now
    #[arg(long = "baseline", hide = true)]
    verdict: bool,
    /// Of logtap 1.x; `regression` is all there is to fail on
    #[arg(long, hide = true, requires = "ci", value_parser = ["regression"])]
    fail_on: Option<String>,
    /// Form of the output; `json` is the same as --json
    #[arg(long, value_enum)]
    pub(crate) format: Option<DiffFormat>,
    /// The label that names a line's service [default: app, service_name, app_kubernetes_io_name, container, job]
    #[arg(long, value_name = "LABEL")]
    service_label: Option<String>,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For comments on changes
    Markdown,
    /// For CI
    Junit,
}

/// Compares and prints.
///
/// # Errors
/// If a capture or the rules cannot be read.
pub(crate) fn run(args: DiffArgs, ui: &Ui) -> Result<Exit, CliError> {
    let DiffArgs { baseline, dir, rules, ci, verdict: _, fail_on: _, format, service_label, jobs } = args;
    let threads = crate::args::threads(jobs);
    let judged = ci || rules.is_some();
    let rules = rules.as_deref().map(read).transpose()?.unwrap_or(Rules::USUAL);
    let options = Options { service_label, ..Options::default() };
    // Levels are counted per bucket; one bucket is enough.
    let both = [(Capture::open(&baseline)?, 1), (Capture::open(&dir)?, 1)];
    let [old, new] = mine(both, &options, threads, ui)?;
    let found = compare(old.known(), new.known(), &rules);
    if ui.json {
        ui.print_json(&found)?;
    } else {
        let mut out = ui.data();
        match format.unwrap_or(DiffFormat::Text) {
            DiffFormat::Junit => write::junit(&mut out, &found)?,
            DiffFormat::Markdown => write::markdown(&mut out, &found)?,
            DiffFormat::Text | DiffFormat::Json => write::text(&mut out, &found)?,
        }
        out.flush()?;
    }
    let failed = judged && found.checks.iter().any(|check| !check.passed);
    Ok(if failed { Exit::Findings } else { Exit::Success })
}

/// A capture that was mined.
pub(super) struct Side {
    pub(super) mined: Mined,
    facts: Facts,
    seconds: u64,
}

impl Side {
    fn known(&self) -> Known<'_> {
        Known { mined: &self.mined, facts: &self.facts, seconds: self.seconds }
    }
}

/// Mines a baseline and a capture, each with times in so many buckets at most.
pub(super) fn mine(
    both: [(Capture, i64); 2],
    options: &Options,
    threads: usize,
    ui: &Ui,
) -> Result<[Side; 2], CliError> {
    let open = |(capture, buckets): (Capture, i64)| {
        let span = mining::range(&capture)?;
        Ok::<_, CliError>((capture, span, Options { grid: mining::grid(span, buckets), ..options.clone() }))
    };
    let [old, new] = both.map(open);
    let both = [old?, new?];
    let [old, new] =
        mining::mine(both.each_ref().map(|(capture, _, options)| (capture, options.clone())), threads, ui)?;
    let [(old_capture, old_span, _), (new_capture, new_span, _)] = both;
    let side = |(mined, account): (Mined, Account), capture: &Capture, span: Span| {
        account.tell(ui);
        let facts = triage::facts(capture, &account);
        let length = if span.is_empty() { 0 } else { span.to.saturating_sub(span.from) };
        Side { mined, facts, seconds: u64::try_from(length / SECOND).unwrap_or(0) }
    };
    Ok([side(old, &old_capture, old_span), side(new, &new_capture, new_span)])
}

fn read(path: &Path) -> Result<Rules, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::at(path, &error))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
        CliError::new(Kind::Usage, format!("cannot use the rules in {}: {reason}", path.display()))
            .hint("`logtap diff --help` lists the rules")
    })
}
