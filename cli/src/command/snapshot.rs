//! `logtap snapshot`: a capture as one file, and back.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use logtap_capture::archive;
use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::target::Target;
use logtap_carry::CarryError;
use logtap_carry::snapshot::{Packed, Unpacked, pack, unpack};
use serde::Serialize;

use crate::args::FormatArgs;
use crate::carrying;
use crate::error::CliError;
use crate::output::Ui;
use crate::size;

/// Pack a capture into one file, or unpack it
///
/// The file is a tar archive in zstd, which `tar --zstd -xf` unpacks too; the same capture gives the same
/// bytes. audit.jsonl, which names clients, stays behind. A capture may be packed while a receiver writes
/// it. `grep`, `slice`, `merge` and `export` read the file as it is.
///
/// Unpacking takes nothing but a capture's files, and puts them nowhere but into --output.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap snapshot capture/ --output incident.tar.zst\n  logtap snapshot --extract incident.tar.zst --output incident/"
)]
pub(crate) struct SnapshotArgs {
    /// The capture; with --extract the archive
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// The archive; with --extract the directory
    #[arg(short = 'o', long, visible_alias = "out", value_name = "FILE")]
    output: PathBuf,
    /// Unpack
    #[arg(long)]
    extract: bool,
    /// Replace an archive at --output
    #[arg(long, conflicts_with = "extract")]
    force: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    operation: &'static str,
    source: String,
    output: String,
    files: u64,
    bytes: u64,
}

/// Packs or unpacks.
///
/// # Errors
/// If the source cannot be read or the result not be written; nothing of it is left then.
pub(crate) fn run(args: SnapshotArgs, ui: &Ui) -> Result<(), CliError> {
    let SnapshotArgs { from, output, extract, force, format: _ } = args;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let (operation, files, bytes) = if extract {
        let length = std::fs::metadata(&from).map_err(|error| CliError::at(&from, &error))?.len();
        if from.is_dir() {
            return Err(CliError::usage(format!("{} is a directory, no archive", from.display())));
        }
        let target = Target::directory(&output, &[], false).map_err(CarryError::from)?;
        let Unpacked { files, size } =
            carrying::attended(ui, length, 1, |control| unpack(&from, &target, &disk, control))?;
        ("extract", files, size)
    } else {
        let source = carrying::open(&from)?;
        let target =
            Target::file(&output, &[source.dir()], force, |file| archive::is_ours(file)).map_err(CarryError::from)?;
        let Packed { files, size } =
            carrying::attended(ui, source.bytes(), 1, |control| pack(&source, target, disk, control))?;
        ("pack", files, size)
    };
    let report =
        Report { operation, source: from.display().to_string(), output: output.display().to_string(), files, bytes };
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    writeln!(text, "{}  {files} files, {}", report.output, size::show(bytes))?;
    Ok(text.flush()?)
}
