//! `logtap man`: manual pages from the same definition as the help.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::args;
use crate::error::CliError;
use crate::output::Ui;

/// Print the manual page, or write the pages of all commands to a directory
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write one page per command to this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn run(args: ManArgs, ui: &Ui) -> Result<(), CliError> {
    let ManArgs { out } = args;
    if let Some(dir) = out {
        std::fs::create_dir_all(&dir).map_err(|error| CliError::at(&dir, &error))?;
        clap_mangen::generate_to(args::definition(None), &dir).map_err(|error| CliError::at(&dir, &error))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(args::definition(None)).render(&mut page)?;
    let mut out = ui.data();
    out.write_all(&page)?;
    out.flush()?;
    Ok(())
}
