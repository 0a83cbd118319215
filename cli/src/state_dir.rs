//! Where what outlives a run is kept, outside of captures: it is this user's own.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// `$XDG_STATE_HOME/logtap`, `~/.local/state/logtap` without one.
///
/// # Errors
/// If there is no home directory.
pub(crate) fn path() -> Result<PathBuf, CliError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("logtap"))
        .ok_or_else(|| {
            CliError::usage("there is no home directory to keep state in: neither HOME nor XDG_STATE_HOME is set")
        })
}

/// Makes a folder and those above it; nobody else may look into what is new.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces a file, which is whole at any time.
///
/// # Errors
/// If it cannot be written; the old one stays then.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let growing = path.with_extension(format!("{}.growing", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&growing)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&growing, path));
    if written.is_err() {
        // It may not have come into being.
        drop(fs::remove_file(&growing));
    }
    written
}
