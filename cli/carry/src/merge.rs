//! Several captures as one, in order of time.
//!
//! A file or frame whose time no other capture has lines of is taken over as it stands, in the order in
//! which it was written; where captures meet, lines are put in order one by one. Lines of one time keep the
//! order of the captures, as they were named, and within one the order of writing.

mod dedupe;
mod plan;

use std::path::PathBuf;
use std::sync::Arc;

use logtap_capture::derive::{Derivation, Made, plain_line};
use logtap_capture::disk::Disk;
use logtap_capture::metadata::{Metadata, Redaction};
use logtap_capture::origin::Origin;
use logtap_capture::scan;
use logtap_capture::select::Tally;
use logtap_capture::summary::Summary;
use logtap_capture::survey::Collector;
use logtap_capture::target::Target;

use crate::filter::{Filter, Words};
use crate::order::{Batch, Order};
use crate::pack::Packers;
use crate::pick::Picker;
use crate::slice::{MAX_FILE, derived};
use crate::{Account, CarryError, Control, Source};
use dedupe::Seen;
use plan::Plan;

/// What a merge has become.
#[derive(Debug)]
pub struct Merged {
    /// What the result holds, read from there.
    pub made: Made,
    /// What became of the sources' lines.
    pub account: Account,
    /// Lines left out because another capture has them too.
    pub repeated: u64,
}

/// How captures are merged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A line that several captures have is kept as often as the one that has it most often.
    pub dedupe: bool,
    /// Captures that were redacted differently may be merged.
    pub mixed_redaction: bool,
}

enum Piece {
    Whole(Box<Summary>),
    Lines { batch: Batch, tally: Tally, replaced: u64 },
}

/// Where the lines go.
struct Output {
    derivation: Derivation,
    packers: Packers,
    seen: Option<Seen>,
    path: PathBuf,
}

impl Output {
    fn line(&mut self, ts: i64, source: usize, line: &[u8]) -> Result<(), CarryError> {
        if self.seen.as_mut().is_some_and(|seen| seen.is_repeated(ts, source, line)) {
            return Ok(());
        }
        let added = self.packers.add(line, &mut self.derivation);
        self.written(added)
    }

    fn flush(&mut self) -> Result<(), CarryError> {
        let flushed = self.packers.flush(&mut self.derivation);
        self.written(flushed)
    }

    fn written(&self, result: std::io::Result<()>) -> Result<(), CarryError> {
        result.map_err(|source| CarryError::Write { path: self.path.clone(), source })
    }
}

/// Makes one capture of several.
///
/// # Errors
/// If the captures do not go together, one cannot be read, or the result not be written; there is none then.
pub fn merge(
    mut sources: Vec<Source>,
    options: Options,
    target: Target,
    disk: Arc<dyn Disk>,
    control: Control<'_>,
) -> Result<Merged, CarryError> {
    let redaction = redaction(&sources, options.mixed_redaction)?;
    let (path, growing) = (target.path().to_owned(), target.growing());
    let everything = Filter::new(Words::default()).map_err(std::io::Error::other)?;
    let plan = Plan::new(&mut sources)?;
    let mut account = Account::default();
    for source in &sources {
        account.gone.extend(source.gone.iter().cloned());
    }
    account.read = plan.files.iter().filter_map(|opened| opened.index.as_ref()).map(|index| index.lines()).sum();
    let mut out = Output {
        derivation: Derivation::begin(target, disk, MAX_FILE)?,
        packers: Packers::new(control.threads)?,
        seen: options.dedupe.then(Seen::default),
        path,
    };
    let mut order = Order::new(growing);
    let emptied = order.done();
    let units = plan.units();
    let (mut step, mut base) = (0, 0_u64);
    let damage = scan::run(
        &plan.files,
        &units,
        control.threads,
        || (Picker::new(&everything), Collector::default()),
        |(picker, collector), unit, lines| {
            if plan.is_whole(unit) {
                collector.add(lines);
                return Piece::Whole(Box::new(std::mem::take(&mut collector.summary)));
            }
            let own = matches!(unit, scan::Unit::Frame { .. });
            let (mut batch, mut replaced) = (Batch::again(&emptied), 0);
            let tally = picker.pick(lines, own, |pick| {
                batch.push(pick.parts.ts, |bytes| {
                    replaced += u64::from(plain_line(bytes, pick.stored, pick.parts, pick.labels, own));
                });
            });
            batch.sort();
            Piece::Lines { batch, tally, replaced }
        },
        |unit, piece| {
            control.check()?;
            (control.progress)(plan.info(unit).map_or(0, |info| info.size));
            // Everything before this unit is done.
            while plan.steps[step].unit() != Some(unit) {
                if let Some(file) = plan.steps[step].file() {
                    copy_file(&plan, step, file, &mut order, &mut out, control)?;
                }
                step += 1;
                base = 0;
            }
            if base == 0 {
                advance(&plan, step, &mut order, &mut out)?;
            }
            match piece {
                Piece::Whole(summary) => {
                    out.flush()?;
                    let (opened, info) = (&plan.files[unit.file()], plan.info(unit));
                    if let Some(info) = info {
                        let copied = out.derivation.copy_frame(opened, info, &summary);
                        out.written(copied)?;
                    }
                }
                Piece::Lines { batch, tally, replaced } => {
                    account.tally(tally);
                    account.replaced += replaced;
                    let lines = batch.lines();
                    order.add(batch, plan.steps[step].rank, base)?;
                    base += lines.max(1);
                }
            }
            Ok::<_, CarryError>(true)
        },
    )?;
    for at in step..plan.steps.len() {
        if let Some(file) = plan.steps[at].file() {
            copy_file(&plan, at, file, &mut order, &mut out, control)?;
        }
    }
    order.drain(None, |key, line| out.line(key.0, plan.source_of(key.1), line))?;
    out.flush()?;
    for (at, damage) in damage.into_iter().enumerate() {
        account.damage(&plan.names[at], damage, plan.growing[at]);
    }
    control.check()?;
    let repeated = out.seen.map_or(0, |seen| seen.repeated);
    let metadata = described(&sources, redaction, repeated, account.replaced, control.tool);
    let made = out.derivation.finish(metadata)?;
    Ok(Merged { made, account, repeated })
}

/// Hands on what is before a step's earliest line.
fn advance(plan: &Plan, step: usize, order: &mut Order, out: &mut Output) -> Result<(), CarryError> {
    order.drain(Some(plan.steps[step].from), |key, line| out.line(key.0, plan.source_of(key.1), line))
}

fn copy_file(
    plan: &Plan,
    step: usize,
    file: usize,
    order: &mut Order,
    out: &mut Output,
    control: Control<'_>,
) -> Result<(), CarryError> {
    control.check()?;
    advance(plan, step, order, out)?;
    out.flush()?;
    let copied = out.derivation.copy_file(&plan.files[file]);
    out.written(copied)?;
    (control.progress)(plan.files[file].length);
    Ok(())
}

/// The redaction that every line went through.
fn redaction(sources: &[Source], mixed: bool) -> Result<Option<Redaction>, CarryError> {
    let of = |source: &Source| {
        let redaction = source.capture.metadata.as_ref().and_then(|metadata| metadata.redaction.clone());
        redaction.filter(|one| one.enabled).map(|mut one| {
            one.patterns.sort();
            one
        })
    };
    let mut all = sources.iter().map(of);
    let mut sum = all.next().flatten();
    for (at, one) in all.enumerate() {
        if one != sum && !mixed {
            return Err(CarryError::Redaction {
                one: sources[0].dir().to_owned(),
                other: sources[at + 1].dir().to_owned(),
            });
        }
        sum = match (sum, one) {
            (Some(mut sum), Some(one)) => {
                sum.patterns.retain(|pattern| one.patterns.contains(pattern));
                Some(sum)
            }
            _ => None,
        };
    }
    Ok(sum)
}

fn described(sources: &[Source], redaction: Option<Redaction>, repeated: u64, replaced: u64, tool: &str) -> Metadata {
    let origin = Origin {
        command: "merge".to_owned(),
        filter: None,
        sources: sources.iter().map(|source| source.origin.clone()).collect(),
        repeated,
    };
    let mut metadata = derived(origin, tool);
    metadata.redaction = redaction;
    for source in sources.iter().filter_map(|source| source.capture.metadata.as_ref()) {
        for (reason, lines) in &source.dropped {
            *metadata.dropped.entry(reason.clone()).or_default() += lines;
        }
    }
    if replaced > 0 {
        metadata.altered.insert("invalid_utf8".to_owned(), replaced);
    }
    metadata
}
