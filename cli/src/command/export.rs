//! `logtap export`: a capture's lines in a form that other tools read.

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use logtap_capture::disk::RealDisk;
use logtap_capture::target::Target;
use logtap_carry::export::{Exported, Format, Place, Schema, export, is_ours};
use logtap_carry::{CarryError, Source};
use serde::Serialize;

use crate::args;
use crate::carrying::{self, FilterArgs};
use crate::error::CliError;
use crate::output::Ui;
use crate::size;

/// Write a capture's lines as JSON lines, CSV or Parquet
///
/// In order of time.
///
/// Columns: ts, ts_ns (nanoseconds since 1970), level, namespace, pod, container, app, labels, meta, msg.
/// JSON lines are as the capture stores them. In CSV a text that a spreadsheet would calculate begins
/// with a ', and so does one that begins with ' itself: take one ' away from each text that begins with it,
/// and all are as they were. Bytes that are no UTF-8 become U+FFFD and are counted.
///
/// Nothing that exists is overwritten, and nothing is seen at --out before it is whole.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap export capture/ --format csv --out incident.csv --from 10:32 --to 10:40\n  logtap export capture/ --format parquet --out incident.parquet\n  logtap export capture/ --format jsonl --level error --out - | jq -r .msg"
)]
pub(crate) struct ExportArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Form of the result
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// A file; a directory, in which a file named after the capture is made; or - for standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
    /// Names of the columns
    #[arg(long, value_enum, default_value_t = SchemaArg::Plain)]
    schema: SchemaArg,
    /// CSV without the guard against formulas
    #[arg(long)]
    raw: bool,
    /// Replace what is at --out, if it is such an export
    #[arg(long)]
    force: bool,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One JSON object a line
    Jsonl,
    /// RFC 4180, with a header
    Csv,
    /// Apache Parquet, zstd
    Parquet,
}

/// Names of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaArg {
    /// Those above
    Plain,
    /// Those of OpenTelemetry
    Otel,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    format: &'static str,
    output: String,
    /// Rows in the result, gap marks included.
    lines: u64,
    gaps: u64,
    /// Bytes of the result; 0 for standard output.
    bytes: u64,
    /// Lines of the source.
    read: u64,
    rejected: std::collections::BTreeMap<&'static str, u64>,
    replaced: u64,
}

impl ExportFormat {
    fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    fn form(self, raw: bool) -> Result<Format, CliError> {
        if raw && self != Self::Csv {
            return Err(CliError::usage("--raw is for --format csv"));
        }
        match self {
            Self::Jsonl => Ok(Format::Jsonl),
            Self::Csv => Ok(Format::Csv { raw }),
            #[cfg(feature = "parquet")]
            Self::Parquet => Ok(Format::Parquet),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => Err(CliError::usage("this logtap was built without Parquet")
                .hint("build it with `cargo build --release --features parquet`, or export csv")),
        }
    }
}

/// Exports.
///
/// # Errors
/// If the capture cannot be read or the result not be written; no file is left then.
pub(crate) fn run(args: ExportArgs, ui: &Ui) -> Result<(), CliError> {
    let ExportArgs { dir, format, out, filter, schema, raw, force, jobs } = args;
    let form = format.form(raw)?;
    let source = carrying::open(&dir)?;
    let filter = filter.compile(&source)?;
    let schema = match schema {
        SchemaArg::Plain => Schema::Plain,
        SchemaArg::Otel => Schema::Otel,
    };
    let mut stdout = std::io::stdout();
    let streamed = out.as_os_str() == "-";
    let (place, output) = if streamed {
        if format == ExportFormat::Parquet && stdout.is_terminal() {
            return Err(CliError::usage("Parquet is not for a terminal").hint("name a file with --out"));
        }
        (Place::Stream(&mut stdout), "-".to_owned())
    } else {
        let path = if out.is_dir() { out.join(file_name(&source, format)) } else { out };
        let target = Target::file(&path, &[source.dir()], force, |file| is_ours(form, file));
        (Place::File(target.map_err(CarryError::from)?, Arc::new(RealDisk)), path.display().to_string())
    };
    let done = carrying::attended(ui, source.bytes(), args::threads(jobs), |control| {
        export(&source, &filter, form, schema, place, control)
    })?;
    let Exported { rows, gaps, size, account } = done;
    carrying::tell(&account, ui);
    let report = Report {
        source: dir.display().to_string(),
        format: format.name(),
        output,
        lines: rows,
        gaps,
        bytes: size,
        read: account.read,
        rejected: carrying::rejected(&account),
        replaced: account.replaced,
    };
    if streamed {
        ui.note(format_args!("{} lines, {gaps} of them gap marks", report.lines));
        return Ok(());
    }
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    writeln!(text, "{}  {} lines, {gaps} of them gap marks, {}", report.output, report.lines, size::show(size))?;
    Ok(text.flush()?)
}

/// A name that depends on the capture alone.
fn file_name(source: &Source, format: ExportFormat) -> String {
    format!("{}.{}", source.id(), format.name())
}
