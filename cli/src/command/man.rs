//! `logtap man`: manual pages from the same definition as the help.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use crate::args;
use crate::error::CliError;
use crate::output::Ui;

/// Print a manual page, or write those of all commands to a directory
///
/// `logtap man grep | man -l -` shows one; below `$HOME/.local/share/man/man1`, man finds them all.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Command whose page to print; that of logtap itself unless given
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Vec<String>,
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn run(args: ManArgs, ui: &Ui) -> Result<(), CliError> {
    let ManArgs { command: names, out } = args;
    // Pages of their own for each; `help` needs none.
    let mut definition = args::definition(None).disable_help_subcommand(true);
    definition.build();
    if let Some(dir) = out {
        std::fs::create_dir_all(&dir).map_err(|error| CliError::at(&dir, &error))?;
        return write(&definition, &dir).map_err(|error| CliError::at(&dir, &error));
    }
    let mut command = &definition;
    for name in &names {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| CliError::usage(format!("there is no command {name}")).hint("logtap help lists them"))?;
    }
    let mut page = Vec::new();
    page_of(command).render(&mut page)?;
    let mut out = ui.data();
    out.write_all(&page)?;
    out.flush()?;
    Ok(())
}

fn write(command: &Command, dir: &Path) -> io::Result<()> {
    for within in command.get_subcommands().filter(|within| !within.is_hide_set()) {
        write(within, dir)?;
    }
    page_of(command).generate_to(dir).map(drop)
}

fn page_of(command: &Command) -> Man {
    Man::new(command.clone()).source(concat!("logtap ", env!("CARGO_PKG_VERSION"))).manual("logtap")
}
