//! The wanted lines of a capture in a form that other tools read, in order of time.

mod csv;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod row;

use std::collections::BTreeMap;
use std::io::Write;

use logtap_capture::derive::plain_line;
use logtap_capture::scan::{self, Unit};
use logtap_capture::select::Tally;

use crate::filter::Filter;
use crate::order::{Batch, Order};
use crate::pick::{Pick, Picker};
use crate::{Account, CarryError, Control, Source};

pub use place::{Place, is_ours};
pub use row::Schema;

/// Forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines as a capture stores them.
    Jsonl,
    /// RFC 4180 with a header; `raw` leaves out the guard against formulas.
    Csv {
        /// No guard.
        raw: bool,
    },
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// What an export has become.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// Rows in the result, gap marks included.
    pub rows: u64,
    /// Of those, gap marks.
    pub gaps: u64,
    /// Bytes of the result.
    pub size: u64,
    /// What became of the source's lines.
    pub account: Account,
}

/// Takes lines in order of time.
trait Sink {
    /// Takes a line as its [`Pack`] left it; it is of the given time, if of any.
    fn line(&mut self, ts: Option<i64>, line: &[u8]) -> Result<(), CarryError>;
    /// Brings everything to where it goes.
    fn finish(self: Box<Self>) -> Result<(), CarryError>;
}

/// Appends a picked line in the form that a sink takes; true if bytes that were no text had to be replaced. The flag
/// says that the line stands in a sealed file of ours. One per thread.
type Pack<'p> = Box<dyn FnMut(&mut Vec<u8>, &Pick<'_>, bool) -> bool + 'p>;

/// As a derived capture stores it, with its newline.
fn stored<'p>() -> Pack<'p> {
    Box::new(|out, pick, own| plain_line(out, pick.stored, pick.parts, pick.labels, own))
}

struct Piece {
    batch: Batch,
    tally: Tally,
    replaced: u64,
    gaps: u64,
}

/// Writes the wanted lines.
///
/// # Errors
/// If the source cannot be read or the result not be written; there is no result then, but for what went to a stream.
pub fn export(
    source: &Source,
    filter: &Filter,
    format: Format,
    schema: Schema,
    place: Place<'_>,
    control: Control<'_>,
) -> Result<Exported, CarryError> {
    let beside = place.beside();
    let (mut out, mut done) = (place.begin()?, Exported::default());
    let writer = out.writer();
    match format {
        Format::Jsonl => {
            let sink = Box::new(jsonl::Lines::new(writer));
            run(source, filter, beside, &stored, sink, &mut done, control)?;
        }
        Format::Csv { raw } => {
            let sink = Box::new(csv::Table::new(writer, schema)?);
            let packs = || -> Pack<'_> {
                let mut packer = csv::Packer::new(raw);
                Box::new(move |out, pick, own| packer.pack(out, pick, own))
            };
            run(source, filter, beside, &packs, sink, &mut done, control)?;
        }
        #[cfg(feature = "parquet")]
        Format::Parquet => parquet::attended(writer, schema, control.tool, |known, sink| {
            let packs = || -> Pack<'_> {
                let mut packer = parquet::Packer::new(known);
                Box::new(move |out, pick, own| packer.pack(out, pick, own))
            };
            run(source, filter, beside, &packs, sink, &mut done, control)
        })?,
    }
    control.check()?;
    let path = out.finish()?;
    if let Some(path) = path {
        let failed = |source| CarryError::Read { path: path.clone(), source };
        let file = std::fs::File::open(&path).map_err(failed)?;
        done.size = file.metadata().map_err(failed)?.len();
        done.rows = match format {
            Format::Jsonl => jsonl::count(file).map_err(failed)?,
            Format::Csv { .. } => csv::count(file).map_err(failed)?,
            #[cfg(feature = "parquet")]
            Format::Parquet => parquet::count(file).map_err(failed)?,
        };
    }
    Ok(done)
}

/// Brings the wanted lines in order into a sink, and counts them in `done`.
fn run<'p>(
    source: &Source,
    filter: &Filter,
    beside: std::path::PathBuf,
    packs: &(dyn Fn() -> Pack<'p> + Sync),
    mut sink: Box<dyn Sink + '_>,
    done: &mut Exported,
    control: Control<'_>,
) -> Result<(), CarryError> {
    let Exported { rows, gaps, account, .. } = done;
    account.gone = source.gone.clone();
    account.read = source.files.iter().filter_map(|opened| opened.index.as_ref()).map(|index| index.lines()).sum();
    let choices: Vec<_> = source.files.iter().map(|opened| filter.frames(opened)).collect();
    let units = scan::plan(&source.files, |file, info| choices[file].as_ref().is_none_or(|choice| choice.wants(info)));
    drop(choices);
    let from = |unit: Unit| match unit {
        Unit::Frame { file, frame } => {
            source.files[file].index.as_ref().map_or(i64::MIN, |index| index.frames[frame].ts.from)
        }
        Unit::Stream { .. } => i64::MIN,
    };
    let mut ranked: Vec<(i64, u32, Unit)> =
        units.iter().enumerate().map(|(rank, unit)| (from(*unit), rank as u32, *unit)).collect();
    ranked.sort_by_key(|(from, rank, _)| (*from, *rank));
    let units: Vec<Unit> = ranked.iter().map(|(_, _, unit)| *unit).collect();
    let mut order = Order::new(beside);
    let emptied = order.done();
    let (mut at, mut base) = (0, 0_u64);
    let damage = scan::run(
        &source.files,
        &units,
        control.threads,
        || (Picker::new(filter), packs()),
        |(picker, pack), unit, lines| {
            let own = matches!(unit, Unit::Frame { .. });
            let mut piece = Piece { batch: Batch::again(&emptied), tally: Tally::default(), replaced: 0, gaps: 0 };
            piece.tally = picker.pick(lines, own, |pick| {
                piece.gaps += u64::from(pick.labels.is_gap());
                piece.batch.push(pick.parts.ts, |bytes| {
                    piece.replaced += u64::from(pack(bytes, &pick, own));
                });
            });
            piece.batch.sort();
            piece
        },
        |unit, piece: Piece| {
            control.check()?;
            while units[at] != unit {
                at += 1;
                base = 0;
            }
            if base == 0 {
                order.drain(Some(ranked[at].0), |key, line| {
                    *rows += 1;
                    sink.line(time(key.0), line)
                })?;
            }
            account.tally(piece.tally);
            account.replaced += piece.replaced;
            *gaps += piece.gaps;
            let lines = piece.batch.lines();
            order.add(piece.batch, ranked[at].1, base)?;
            base += lines.max(1);
            if let Unit::Frame { file, frame } = unit
                && let Some(index) = &source.files[file].index
            {
                (control.progress)(index.frames[frame].size);
            }
            Ok::<_, CarryError>(true)
        },
    )?;
    order.drain(None, |key, line| {
        control.check()?;
        *rows += 1;
        sink.line(time(key.0), line)
    })?;
    sink.finish()?;
    for (at, damage) in damage.into_iter().enumerate() {
        account.damage(&source.names[at], damage, source.is_growing(at));
    }
    Ok(())
}

/// The time of a key.
fn time(ts: i64) -> Option<i64> {
    (ts != i64::MIN).then_some(ts)
}

/// A label or metadata set as JSON.
fn object(pairs: &[(String, String)]) -> String {
    let map: BTreeMap<&str, &str> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    serde_json::to_string(&map).unwrap_or_default()
}

type Out<'o> = &'o mut (dyn Write + Send);
