//! `logtap report`: one artefact for an incident.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::triage::{Question, answer, files, html};
use crate::error::{CliError, Kind};
use crate::output::Ui;

/// Write what triage finds as one HTML page (or Markdown, or JSON)
///
/// The page stands alone: nothing from the network, every text from logs escaped,
/// a policy that lets a browser run the page's own script and no other. Exit status is 0 whatever was found.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap report capture/ --out incident.html\n  logtap report capture/ --format markdown"
)]
pub(crate) struct ReportArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Write to this file, which must not exist, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the output; `json` is the same as --json
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// The label that names a line's service [default: app, service_name, app_kubernetes_io_name, container, job]
    #[arg(long, value_name = "LABEL")]
    service_label: Option<String>,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page for a browser
    Html,
    /// For comments and documents
    Markdown,
    /// For programs
    Json,
}

/// Looks and writes.
///
/// # Errors
/// If the capture cannot be read or the file not be written.
pub(crate) fn run(args: ReportArgs, ui: &Ui) -> Result<(), CliError> {
    let ReportArgs { dir, out, format, service_label, jobs } = args;
    let threads = crate::args::threads(jobs);
    let question = Question { dir: &dir, baseline: None, from: None, to: None, service_label };
    let report = answer(&question, threads, ui)?;
    let content = if ui.json {
        let mut json = serde_json::to_vec(&report).map_err(std::io::Error::from)?;
        json.push(b'\n');
        json
    } else if format == Some(ReportFormat::Markdown) {
        files::markdown(&report, &dir)?
    } else {
        html::page(&report, &dir).into_bytes()
    };
    let Some(path) = out else {
        let mut data = ui.data();
        data.write_all(&content)?;
        data.flush()?;
        return Ok(());
    };
    let mut file = std::fs::File::create_new(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::new(Kind::Usage, format!("{} exists already", path.display())).hint("name a new file")
        }
        _ => CliError::at(&path, &error),
    })?;
    file.write_all(&content).map_err(|error| CliError::at(&path, &error))
}
