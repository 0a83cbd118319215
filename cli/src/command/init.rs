//! `logtap init`: a file of settings to begin with.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::args::FormatArgs;
use crate::config;
use crate::error::{CliError, Kind};
use crate::output::Ui;

/// Write a file of settings, all of them commented out
///
/// ~/.logtap/config.yaml, or the file that $LOGTAP_CONFIG names. A file that is there stays as it is.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// What `--json` prints; as in 1.x.
#[derive(Debug, Serialize)]
struct Begun {
    version: u32,
    config_path: PathBuf,
    created: bool,
    local_path: &'static str,
    local_found: bool,
}

/// Writes it, unless it is there.
///
/// # Errors
/// If there is no place for it, or it cannot be written.
pub(crate) fn run(args: InitArgs, ui: &Ui) -> Result<(), CliError> {
    let InitArgs { format: _ } = args;
    let path = config::path().ok_or_else(|| {
        CliError::new(Kind::NotFound, "there is no home directory to keep settings in")
            .hint("name the file with $LOGTAP_CONFIG")
    })?;
    let created = write(&path)?;
    let begun = Begun {
        version: 1,
        created,
        local_path: config::LOCAL,
        local_found: Path::new(config::LOCAL).is_file(),
        config_path: path,
    };
    if ui.json {
        return ui.print_json(&begun);
    }
    let mut out = ui.data();
    let head = if created { "made" } else { "is there already, and stays as it is:" };
    writeln!(out, "{head} {}", begun.config_path.display())?;
    if begun.local_found {
        writeln!(out, "{} of this directory goes before it", begun.local_path)?;
    }
    out.flush()?;
    Ok(())
}

/// Whole, for the person alone, and never over what is there; false if it is.
fn write(path: &Path) -> Result<bool, CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| CliError::at(folder, &error))?;
    if path.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let failed = |error: std::io::Error| CliError::at(path, &error);
    // Mode 0600.
    let mut file = tempfile::Builder::new().prefix(".config-").tempfile_in(folder).map_err(failed)?;
    file.write_all(config::template().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}
