//! `logtap version`: what this program is.

use std::io::Write;

use clap::Args;
use serde::Serialize;

use crate::args::FormatArgs;
use crate::error::CliError;
use crate::output::Ui;

/// Print the version
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'static str>,
    rust_version: &'static str,
    os: &'static str,
    arch: &'static str,
}

/// Prints the version.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(args: VersionArgs, ui: &Ui) -> Result<(), CliError> {
    let VersionArgs { format: _ } = args;
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("LOGTAP_COMMIT"),
        rust_version: env!("CARGO_PKG_RUST_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    if ui.json {
        return ui.print_json(&version);
    }
    let commit = version.commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    let mut out = ui.data();
    writeln!(out, "logtap {}{commit} {}/{}", version.version, version.os, version.arch)?;
    out.flush()?;
    Ok(())
}
