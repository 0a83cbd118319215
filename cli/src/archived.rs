//! What works on a directory alone, told to whoever names an archive.

use std::path::Path;

use logtap_capture::archive;

use crate::error::CliError;

/// Refuses an archive where it cannot be `done`: received into, deleted from, signed.
///
/// # Errors
/// If the path is that of an archive.
pub(crate) fn refuse(path: &Path, done: &str) -> Result<(), CliError> {
    if !path.is_file() || !archive::is_named(path) {
        return Ok(());
    }
    let path = path.display();
    Err(CliError::usage(format!(
        "{path} is an archive and cannot be {done}; unpack it first: logtap snapshot --extract {path} --output DIR"
    )))
}
