//! `logtap completion`: completions from the same definition as the help.

use std::io::Write;

use clap::Args;
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
    clap_complete::generate(shell, &mut args::definition(None), "logtap", &mut script);
    let mut out = ui.data();
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}
