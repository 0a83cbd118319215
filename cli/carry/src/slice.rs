//! A part of a capture as a capture of its own. Frames that are wanted whole are copied as they stand;
//! lines keep the order in which they were written.

use std::sync::Arc;

use logtap_capture::block_index::FrameInfo;
use logtap_capture::derive::{Derivation, Made, plain_line};
use logtap_capture::disk::Disk;
use logtap_capture::metadata::Metadata;
use logtap_capture::origin::{self, Origin};
use logtap_capture::scan::{self, Unit};
use logtap_capture::select::Tally;
use logtap_capture::summary::Summary;
use logtap_capture::survey::Collector;
use logtap_capture::target::Target;
use sha2::{Digest, Sha256};

use crate::filter::Filter;
use crate::pack::Packers;
use crate::pick::Picker;
use crate::{Account, CarryError, Control, Source, source};

/// Compressed bytes at which a data file of a result is closed.
pub(crate) const MAX_FILE: u64 = 256 << 20;

/// What a slice has become.
#[derive(Debug)]
pub struct Sliced {
    /// What the result holds, read from there.
    pub made: Made,
    /// What became of the source's lines.
    pub account: Account,
    /// Frames copied without being compressed again.
    pub copied: u64,
}

enum Piece {
    /// Every line of the frame is wanted.
    Whole(Box<Summary>),
    Lines {
        lines: Vec<u8>,
        tally: Tally,
        replaced: u64,
    },
}

/// Makes a capture of the wanted lines.
///
/// # Errors
/// If the source cannot be read or the result not be written; there is no result then.
pub fn slice(
    source: &Source,
    filter: &Filter,
    target: Target,
    disk: Arc<dyn Disk>,
    control: Control<'_>,
) -> Result<Sliced, CarryError> {
    let path = target.path().to_owned();
    let written = |source| CarryError::Write { path: path.clone(), source };
    let mut out = Derivation::begin(target, disk, MAX_FILE)?;
    let mut account = Account { gone: source.gone.clone(), ..Account::default() };
    let choices: Vec<_> = source.files.iter().map(|opened| filter.frames(opened)).collect();
    account.read = source.files.iter().filter_map(|opened| opened.index.as_ref()).map(|index| index.lines()).sum();
    let units = scan::plan(&source.files, |file, info| choices[file].as_ref().is_none_or(|choice| choice.wants(info)));
    let info = |unit: Unit| -> Option<&FrameInfo> {
        let Unit::Frame { file, frame } = unit else { return None };
        source.files[file].index.as_ref().map(|index| &index.frames[frame])
    };
    let whole: Vec<bool> = units
        .iter()
        .map(|unit| info(*unit).zip(choices[unit.file()].as_ref()).is_some_and(|(info, choice)| choice.wants_all(info)))
        .collect();
    let wants_all = |unit: Unit| {
        let at = units.binary_search_by_key(&place(unit), |one| place(*one));
        at.is_ok_and(|at| whole[at])
    };
    drop(choices);

    let mut packers = Packers::new(control.threads)?;
    let mut copied = 0;
    let damage = scan::run(
        &source.files,
        &units,
        control.threads,
        || (Picker::new(filter), Collector::default()),
        |(picker, collector), unit, lines| {
            if wants_all(unit) {
                collector.add(lines);
                return Piece::Whole(Box::new(std::mem::take(&mut collector.summary)));
            }
            let own = matches!(unit, Unit::Frame { .. });
            let (mut wanted, mut replaced) = (Vec::new(), 0);
            let tally = picker.pick(lines, own, |pick| {
                replaced += u64::from(plain_line(&mut wanted, pick.stored, pick.parts, pick.labels, own));
            });
            Piece::Lines { lines: wanted, tally, replaced }
        },
        |unit, piece| {
            control.check()?;
            (control.progress)(info(unit).map_or(0, |info| info.size));
            match (piece, info(unit)) {
                (Piece::Whole(summary), Some(info)) => {
                    packers.flush(&mut out).map_err(written)?;
                    out.copy_frame(&source.files[unit.file()], info, &summary).map_err(written)?;
                    copied += 1;
                }
                (Piece::Whole(_), None) => {}
                (Piece::Lines { lines, tally, replaced }, _) => {
                    account.tally(tally);
                    account.replaced += replaced;
                    packers.add(&lines, &mut out).map_err(written)?;
                }
            }
            Ok::<_, CarryError>(true)
        },
    )?;
    packers.flush(&mut out).map_err(written)?;
    for (at, damage) in damage.into_iter().enumerate() {
        account.damage(&source.names[at], damage, source.is_growing(at));
    }
    control.check()?;
    let origin = Origin {
        command: "slice".to_owned(),
        filter: filter.wanted(),
        sources: vec![source.origin.clone()],
        repeated: 0,
    };
    let mut metadata = derived(origin, control.tool);
    metadata.redaction = source.capture.metadata.as_ref().and_then(|metadata| metadata.redaction.clone());
    if account.replaced > 0 {
        metadata.altered.insert("invalid_utf8".to_owned(), account.replaced);
    }
    let made = out.finish(metadata)?;
    Ok(Sliced { made, account, copied })
}

/// Units are planned in this order.
fn place(unit: Unit) -> (usize, usize) {
    match unit {
        Unit::Frame { file, frame } => (file, frame),
        Unit::Stream { file } => (file, 0),
    }
}

/// Metadata of a result before it is known what it holds: its id comes from where its lines come from.
pub(crate) fn derived(origin: Origin, tool: &str) -> Metadata {
    let started = origin.sources.iter().filter_map(|source: &origin::Source| source.started.as_deref()).min();
    let mut metadata = Metadata::started_at(0);
    if let Some(started) = started {
        started.clone_into(&mut metadata.started);
    }
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&origin).unwrap_or_default());
    metadata.capture_id = Some(source::short_id(hash));
    metadata.tool = Some(tool.to_owned());
    metadata.origin = Some(Box::new(origin));
    metadata
}
