//! `logtap completion`: completions from the same definition as the help.

use std::io::Write;

use clap::{ArgGroup, Args, Command, Id};
use clap_complete::Shell;

use crate::args;
use crate::error::CliError;
use crate::output::Ui;

/// Print the completion script of a shell
///
/// bash: `source <(logtap completion bash)` in ~/.bashrc; zsh: `source <(logtap completion zsh)` in
/// ~/.zshrc after compinit; fish: `logtap completion fish > ~/.config/fish/completions/logtap.fish`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(args: CompletionArgs, ui: &Ui) -> Result<(), CliError> {
    let CompletionArgs { shell } = args;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown(&args::definition(None)), "logtap", &mut script);
    let mut out = ui.data();
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}

/// The definition without what the help does not show: flags of 1.x are taken, not offered.
fn shown(command: &Command) -> Command {
    let is_hidden = |id: &Id| command.get_arguments().any(|arg| arg.get_id() == id && arg.is_hide_set());
    // Arguments name groups that they do not go with.
    let groups = command.get_groups().map(|group| {
        let of = group.get_args().filter(|id| !is_hidden(id)).cloned();
        ArgGroup::new(group.get_id().clone()).multiple(true).args(of)
    });
    let mut made = Command::new(command.get_name().to_owned())
        .args(command.get_arguments().filter(|arg| !arg.is_hide_set()).cloned())
        .groups(groups)
        .subcommands(command.get_subcommands().filter(|within| !within.is_hide_set()).map(shown))
        .aliases(command.get_all_aliases().map(str::to_owned));
    if let Some(about) = command.get_about() {
        made = made.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        made = made.version(version.to_owned());
    }
    made
}
