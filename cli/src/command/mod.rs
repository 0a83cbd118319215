//! One file per command: its arguments, whose comments are its help, and what it does.

pub(crate) mod catalog;
pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod download;
pub(crate) mod export;
pub(crate) mod gc;
pub(crate) mod grep;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod install;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod open;
pub(crate) mod patterns;
pub(crate) mod recv;
pub(crate) mod report;
pub(crate) mod sign;
pub(crate) mod slice;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod tap;
pub(crate) mod triage;
pub(crate) mod uninstall;
pub(crate) mod untap;
pub(crate) mod upload;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod watch;

use crate::args::Command;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ui;

/// Runs a command to its end.
///
/// # Errors
/// Whatever the command failed at.
pub(crate) fn run(command: Command, ui: &Ui) -> Result<Exit, CliError> {
    let done = |()| Exit::Success;
    match command {
        Command::Recv(args) => recv::run(*args, ui),
        Command::Open(args) => open::run(*args, ui),
        Command::Grep(args) => grep::run(args, ui),
        Command::Inspect(args) => inspect::run(args, ui).map(done),
        Command::Catalog(args) => catalog::run(args, ui).map(done),
        Command::Watch(args) => watch::run(args, ui).map(done),
        Command::Patterns(args) => patterns::run(args, ui).map(done),
        Command::Diff(args) => diff::run(args, ui),
        Command::Report(args) => report::run(args, ui).map(done),
        Command::Triage(args) => triage::run(*args, ui),
        Command::Install(args) => install::run(*args, ui),
        Command::Uninstall(args) => uninstall::run(args, ui),
        Command::Tap(args) => tap::run(*args, ui),
        Command::Untap(args) => untap::run(*args, ui),
        Command::Check(args) => check::run(args, ui),
        Command::Status(args) => status::run(args, ui).map(done),
        Command::Deploy(args) => deploy::run(*args, ui).map(done),
        Command::Upload(args) => upload::run(args, ui).map(done),
        Command::Download(args) => download::run(*args, ui).map(done),
        Command::Sign(args) => sign::run(args, ui).map(done),
        Command::Verify(args) => verify::run(args, ui).map(done),
        Command::Slice(args) => slice::run(args, ui).map(done),
        Command::Export(args) => export::run(*args, ui).map(done),
        Command::Merge(args) => merge::run(args, ui).map(done),
        Command::Snapshot(args) => snapshot::run(args, ui).map(done),
        Command::Gc(args) => gc::run(args, ui).map(done),
        Command::Init(args) => init::run(args, ui).map(done),
        Command::Config(args) => config::run(args, ui),
        Command::Completion(args) => completion::run(args, ui).map(done),
        Command::Man(args) => man::run(args, ui).map(done),
        Command::Version(args) => version::run(args, ui).map(done),
    }
}
