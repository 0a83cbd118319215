//! `logtap recv`: receives logs into a capture.

use clap::Args;

use crate::error::CliError;
use crate::output::Ui;

/// Receive logs into a capture directory
#[derive(Debug, Args)]
pub(crate) struct RecvArgs {}

/// Receives until it is told to stop.
///
/// # Errors
/// If it cannot start, or the capture cannot be closed.
pub(crate) fn run(args: RecvArgs, _ui: &Ui) -> Result<(), CliError> {
    let RecvArgs {} = args;
    Err(CliError::usage("logtap recv: not available in this version"))
}
