//! `logtap slice`: a part of a capture as a capture of its own.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use logtap_capture::disk::RealDisk;
use logtap_capture::target::Target;
use logtap_carry::CarryError;
use logtap_carry::slice::{Sliced, slice};
use serde::Serialize;

use crate::args::{self, FormatArgs};
use crate::carrying::{self, FilterArgs, Part};
use crate::error::CliError;
use crate::output::Ui;

/// Cut a part of a capture out, as a capture of its own
///
/// The part keeps every wanted line as it is and in its order, and says in its metadata.json where it
/// comes from. Marks of lost lines whose time reaches into the wanted one go along, whatever else is
/// asked for, and are counted apart. The same part of the same capture is the same bytes.
///
/// Nothing that exists is overwritten: --out must not exist, or be an empty directory. The part is seen
/// there once it is whole. A capture may be cut while a receiver writes it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap slice capture/ --from 10:32 --to 10:40 --out incident/\n  logtap slice capture/ --from -30m --label app=api --level warn -o api/"
)]
pub(crate) struct SliceArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Where the part is put
    #[arg(short = 'o', long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
    /// Replace what is at --out, if it is a capture that was cut or merged from others
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    /// Frames copied as they stood.
    copied_frames: u64,
    #[serde(flatten)]
    part: Part,
}

/// Cuts.
///
/// # Errors
/// If the capture cannot be read or the part not be written; nothing of it is left then.
pub(crate) fn run(args: SliceArgs, ui: &Ui) -> Result<(), CliError> {
    let SliceArgs { dir, out, filter, force, format: _, jobs } = args;
    let source = carrying::open(&dir)?;
    let target = Target::directory(&out, &[source.dir()], force).map_err(CarryError::from)?;
    let filter = filter.compile(&source)?;
    let Sliced { made, account, copied } = carrying::attended(ui, source.bytes(), args::threads(jobs), |control| {
        slice(&source, &filter, target, Arc::new(RealDisk), control)
    })?;
    carrying::tell(&account, ui);
    let report =
        Report { source: dir.display().to_string(), copied_frames: copied, part: Part::new(&out, &made, &account) };
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    writeln!(text, "{}", report.part)?;
    Ok(text.flush()?)
}
