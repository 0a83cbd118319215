//! What the commands that carry a capture elsewhere share: the filter flags, being watched and
//! interrupted, and what they say at the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use logtap_capture::derive::Made;
use logtap_capture::level::Level;
use logtap_capture::reader::Capture;
use logtap_capture::{matchers, time};
use logtap_carry::filter::{Filter, Words};
use logtap_carry::{Account, CarryError, Control, Source};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ui;
use crate::size;
use crate::when::{self, When};

/// Which lines are carried. Gap marks go along by their time alone, whatever else is asked for.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only lines from this time on: RFC 3339, HH:MM (UTC), or -30m (before the capture's end)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Only lines up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
    /// Only lines with this label: k=v, k!=v, k=~regex, k!~regex (all must hold; can be repeated, and
    /// a comma before another one parts them; \, is a comma)
    #[arg(long, value_name = "MATCHER")]
    label: Vec<String>,
    /// Only lines of this level or a worse one
    #[arg(long, value_name = "LEVEL")]
    level: Option<LevelArg>,
    /// Only lines that match this regular expression (can be repeated, all must)
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    grep: Vec<String>,
}

/// Levels that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelArg {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Trace => Self::Trace,
            LevelArg::Debug => Self::Debug,
            LevelArg::Info => Self::Info,
            LevelArg::Warn => Self::Warn,
            LevelArg::Error => Self::Error,
            LevelArg::Fatal => Self::Fatal,
        }
    }
}

impl FilterArgs {
    /// The filter; times that depend on the capture refer to all of it.
    ///
    /// # Errors
    /// If a flag cannot be used, or a time is relative and the capture has none.
    pub(crate) fn compile(self, source: &Source) -> Result<Filter, CliError> {
        let Self { from, to, label, level, grep } = self;
        let label = label.iter().flat_map(|text| matchers::split(text)).collect();
        let (from, to) = when::between(from, to, || Ok(source.range()?))?;
        Ok(Filter::new(Words { from, to, labels: label, level: level.map(Level::from), grep })?)
    }
}

/// Opens a capture, or an archive of one, to take lines from.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) fn open(path: &Path) -> Result<Source, CliError> {
    allow_many_files();
    Ok(Source::open(Capture::open(path)?)?)
}

/// Every file of a capture is open at the same time: as many as the system allows, not as few as the shell
/// asks for.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it fails, a capture of many files says so when one cannot be opened.
    setrlimit(Resource::Nofile, limit).unwrap_or_default();
}

/// Runs something long: with a bar while a person watches, and so that a signal stops it with nothing
/// half left. The second signal ends the process at once.
///
/// # Errors
/// Whatever `work` fails at.
pub(crate) fn attended<T>(
    ui: &Ui,
    bytes: u64,
    threads: usize,
    work: impl FnOnce(Control<'_>) -> Result<T, CarryError>,
) -> Result<T, CliError> {
    let tool = tool();
    watched(ui, bytes, |cancelled, bar| {
        let progress = |done| bar.inc(done);
        work(Control { cancelled, progress: &progress, threads, tool: &tool })
    })
}

/// Name and version of this program, for what it writes.
pub(crate) fn tool() -> String {
    format!("logtap {}", env!("CARGO_PKG_VERSION"))
}

/// As [`attended`], for work that is given the flag that stops it and the bar of `bytes`.
///
/// # Errors
/// Whatever `work` fails at.
pub(crate) fn watched<T, E>(
    ui: &Ui,
    bytes: u64,
    work: impl FnOnce(&AtomicBool, &ProgressBar) -> Result<T, E>,
) -> Result<T, CliError>
where
    CliError: From<E>,
{
    let cancelled = Arc::new(AtomicBool::new(false));
    let mut handlers = Vec::new();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let code = i32::from(Exit::Cancelled.code());
        handlers.push(signal_hook::flag::register_conditional_shutdown(signal, code, cancelled.clone())?);
        handlers.push(signal_hook::flag::register(signal, cancelled.clone())?);
    }
    let bar = ui.progress(bytes);
    let result = work(&cancelled, &bar);
    bar.finish_and_clear();
    for handler in handlers {
        signal_hook::low_level::unregister(handler);
    }
    Ok(result?)
}

/// Says what was not used, if anything.
pub(crate) fn tell(account: &Account, ui: &Ui) {
    ui.rejected(account.read, &account.rejected);
    if account.replaced > 0 {
        ui.note(format_args!("{} lines had bytes that are no UTF-8; U+FFFD stands for them", account.replaced));
    }
    for (file, bytes) in &account.damaged {
        ui.note(format_args!("{file}: {bytes} compressed bytes are damaged and were passed over"));
    }
    for file in &account.gone {
        ui.note(format_args!("{file}: was deleted before it could be read"));
    }
}

/// Rejected lines by reason, for `--json`.
pub(crate) fn rejected(account: &Account) -> BTreeMap<&'static str, u64> {
    account.rejected.iter().map(|(reason, lines)| (reason.name(), *lines)).collect()
}

/// What a derived capture holds, for people and for `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    output: String,
    /// Lines, gap marks aside.
    lines: u64,
    /// Gap marks.
    gaps: u64,
    files: u64,
    /// Bytes of the lines, uncompressed.
    bytes: u64,
    /// Bytes of the data files.
    size_bytes: u64,
    from: Option<String>,
    to: Option<String>,
    /// Lines of the sources.
    read: u64,
    rejected: BTreeMap<&'static str, u64>,
    /// Lines with bytes that were no UTF-8.
    replaced: u64,
}

impl Part {
    pub(crate) fn new(out: &Path, made: &Made, account: &Account) -> Self {
        let ends = (!made.ts.is_empty()).then(|| (time::format(made.ts.from), time::format(made.ts.to)));
        let (from, to) = ends.unzip();
        Self {
            output: out.display().to_string(),
            lines: made.lines - made.gaps,
            gaps: made.gaps,
            files: made.files,
            bytes: made.bytes,
            size_bytes: made.size,
            from,
            to,
            read: account.read,
            rejected: rejected(account),
            replaced: account.replaced,
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { output, lines, gaps, size_bytes, .. } = self;
        write!(f, "{output}  {lines} lines, {gaps} gap marks, {}", size::show(*size_bytes))?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, ", {from} to {to}"),
            _ => Ok(()),
        }
    }
}
