//! What can be typed: the global flags, the list of commands, and how a typed
//! line becomes a command or a message.

mod overview;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::Path;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::command;
use crate::config::{self, Config};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output;

/// Mirror the logs of chosen Kubernetes workloads into a capture, and read it
///
/// Data goes to standard output, everything else to standard error.
///
/// Exit codes: 0 success, 1 internal error (and no match under grep -q), 2 invalid
/// arguments, 3 not found, 4 permission denied, 5 network error, 6 findings, 130 cancelled.
#[derive(Debug, Parser)]
#[command(
    name = "logtap",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print JSON; errors are one object on standard error
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

/// `--format`, for commands that print text or JSON.
#[derive(Debug, Args)]
pub(crate) struct FormatArgs {
    /// Form of the output; `json` is the same as --json
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

/// Threads of a command that uses all processors unless told otherwise.
pub(crate) fn threads(jobs: Option<NonZeroUsize>) -> usize {
    jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Recv(Box<command::recv::RecvArgs>),
    Open(Box<command::open::OpenArgs>),
    Grep(command::grep::GrepArgs),
    Inspect(command::inspect::InspectArgs),
    Catalog(command::catalog::CatalogArgs),
    Watch(command::watch::WatchArgs),
    Patterns(command::patterns::PatternsArgs),
    Triage(Box<command::triage::TriageArgs>),
    Diff(command::diff::DiffArgs),
    Report(command::report::ReportArgs),
    Install(Box<command::install::InstallArgs>),
    Uninstall(command::uninstall::UninstallArgs),
    Tap(Box<command::tap::TapArgs>),
    Untap(Box<command::untap::UntapArgs>),
    #[command(alias = "doctor")]
    Check(command::check::CheckArgs),
    Status(command::status::StatusArgs),
    Deploy(Box<command::deploy::DeployArgs>),
    Upload(command::upload::UploadArgs),
    Download(Box<command::download::DownloadArgs>),
    Slice(command::slice::SliceArgs),
    Export(Box<command::export::ExportArgs>),
    Merge(command::merge::MergeArgs),
    Snapshot(command::snapshot::SnapshotArgs),
    Sign(command::sign::SignArgs),
    Verify(command::verify::VerifyArgs),
    Gc(command::gc::GcArgs),
    Init(command::init::InitArgs),
    Config(command::config::ConfigArgs),
    Completion(command::completion::CompletionArgs),
    Man(command::man::ManArgs),
    Version(command::version::VersionArgs),
}

/// Why no command runs.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help, the version, or a usage error, as clap words it.
    Clap(clap::Error),
    /// Settings that cannot be used.
    Settings(CliError),
}

impl Cli {
    /// True if output and errors are JSON.
    pub(crate) fn wants_json(&self) -> bool {
        let format = match &self.command {
            Command::Grep(args) => args.format.format,
            Command::Inspect(args) => args.format.format,
            Command::Catalog(args) => args.format.format,
            Command::Watch(args) => args.format.format,
            Command::Patterns(args) => args.format.format,
            Command::Triage(args) => args.format.format,
            Command::Diff(args) => (args.format == Some(command::diff::DiffFormat::Json)).then_some(Format::Json),
            Command::Version(args) => args.format.format,
            Command::Init(args) => args.format.format,
            Command::Config(args) => args.format.format,
            Command::Install(args) => args.format.format,
            Command::Uninstall(args) => args.format.format,
            Command::Tap(args) => args.format.format,
            Command::Untap(args) => args.format.format,
            Command::Check(args) => args.format.format,
            Command::Status(args) => args.format.format,
            Command::Deploy(args) => args.format.format,
            Command::Upload(args) => args.format.format,
            Command::Download(args) => args.format.format,
            Command::Slice(args) => args.format.format,
            Command::Merge(args) => args.format.format,
            Command::Snapshot(args) => args.format.format,
            Command::Gc(args) => args.format.format,
            Command::Sign(args) => (args.format == command::sign::SignFormat::Json).then_some(Format::Json),
            Command::Verify(args) => args.format.format,
            Command::Report(args) => (args.format == Some(command::report::ReportFormat::Json)).then_some(Format::Json),
            Command::Recv(_) | Command::Open(_) | Command::Export(_) | Command::Completion(_) | Command::Man(_) => None,
        };
        self.global.json || format == Some(Format::Json)
    }
}

/// The definition of the whole command line, under the name it was called by.
pub(crate) fn definition(called: Option<&OsString>) -> clap::Command {
    let command = overview::with_overview(Cli::command());
    let plugin = called
        .and_then(|path| Path::new(path).file_stem()?.to_str())
        .is_some_and(|name| name.starts_with("kubectl-logtap"));
    if plugin { command.bin_name("kubectl logtap").display_name("kubectl-logtap") } else { command }
}

/// A command to run.
#[derive(Debug)]
pub(crate) struct Typed {
    /// What was typed, with what settings say where it says nothing.
    pub(crate) cli: Cli,
    /// What a person should know about those settings.
    pub(crate) notes: Vec<String>,
}

/// Turns the typed line into a command. Files of settings are read only for commands that have any.
///
/// # Errors
/// What to show instead of running one.
pub(crate) fn parse(typed: &[OsString]) -> Result<Typed, Stop> {
    let definition = definition(typed.first());
    let mut matches = definition.clone().try_get_matches_from(typed).map_err(Stop::Clap)?;
    command::recv::check_alone(&definition, &matches).map_err(Stop::Settings)?;
    let mut notes = Vec::new();
    if config::concerns(&definition, &matches) {
        let config = Config::usable().map_err(Stop::Settings)?;
        matches = config.apply(definition, &matches).try_get_matches_from(typed).map_err(Stop::Clap)?;
        notes = config.notes;
    }
    Ok(Typed { cli: Cli::from_arg_matches(&matches).map_err(Stop::Clap)?, notes })
}

/// `--json` as far as it can be told from a line that cannot be parsed.
pub(crate) fn wants_json(typed: &[OsString]) -> bool {
    let words = || typed.iter().skip(1).take_while(|word| *word != "--");
    words().any(|word| word == "--json" || word == "--format=json")
        || words().zip(words().skip(1)).any(|(flag, value)| flag == "--format" && value == "json")
}

impl Stop {
    /// Shows it and says how to end.
    pub(crate) fn show(self, json: bool) -> Exit {
        match self {
            Self::Settings(error) => {
                output::show_error(&error, json, false);
                error.kind.exit()
            }
            Self::Clap(error)
                if error.use_stderr()
                    && json
                    && error.kind() != clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
            {
                let text = error.to_string();
                let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                output::show_error(&CliError::usage(message).hint("logtap --help"), true, false);
                Exit::Usage
            }
            Self::Clap(error) => {
                let failed = error.use_stderr();
                // Whoever read it may have gone.
                drop(error.print());
                if failed { Exit::Usage } else { Exit::Success }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_is_sound() {
        definition(None).debug_assert();
        definition(Some(&"/bin/kubectl-logtap".into())).debug_assert();
    }
}
