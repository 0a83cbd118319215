//! Runs a miner over a capture: files in groups, frames on all threads, what
//! was found merged at the end. Accounts for every line that was read.

use std::sync::{Mutex, PoisonError};

use logtap_analyze::mine::{Carry, Grid, Mined, Miner, Options, Ranks};
use logtap_capture::chunk::Span;
use logtap_capture::reader::{Capture, OpenedFile};
use logtap_capture::scan;
use logtap_capture::stream::Damage;
use logtap_capture::survey::{self, Survey};

use crate::error::{CliError, Kind};
use crate::output::Ui;

/// Files that are open at the same time.
const GROUP: usize = 64;

/// What became of the lines of a capture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Account {
    /// Lines that were read, blank ones aside.
    pub(crate) read: u64,
    /// Lines that are no log lines.
    pub(crate) not_a_line: u64,
    /// Files that end within a line.
    pub(crate) torn: u64,
    /// Compressed bytes that could not be decoded.
    pub(crate) damaged_bytes: u64,
    /// Files that vanished before they were read.
    pub(crate) gone: u64,
}

impl Account {
    /// Says what was not used, if anything.
    pub(crate) fn tell(&self, ui: &Ui) {
        let rejected = self.not_a_line + self.torn;
        if rejected > 0 {
            let (read, used) = (self.read + self.torn, self.read - self.not_a_line);
            ui.note(format_args!(
                "{read} lines read = {used} used + {rejected} rejected (not_a_line {}, torn {})",
                self.not_a_line, self.torn
            ));
        }
        if self.damaged_bytes > 0 {
            ui.note(format_args!("{} compressed bytes are damaged and were passed over", self.damaged_bytes));
        }
        if self.gone > 0 {
            ui.note(format_args!("{} files were deleted before they could be read", self.gone));
        }
    }

    pub(crate) fn damage(&mut self, damage: Damage, being_written: bool) {
        self.torn += u64::from(damage.torn_bytes > 0 && !being_written);
        self.damaged_bytes += damage.damaged_bytes;
    }
}

/// The opened files of a group, and the units to read.
pub(crate) fn groups(
    capture: &Capture,
    account: &mut Account,
    mut each: impl FnMut(&[OpenedFile], &mut Account) -> Result<(), CliError>,
) -> Result<(), CliError> {
    for group in capture.files.chunks(GROUP) {
        let mut opened = Vec::new();
        for file in group {
            match file.open().map_err(|error| CliError::at(&file.path, &error))? {
                Some(one) => opened.push(one),
                None => account.gone += 1,
            }
        }
        each(&opened, account)?;
    }
    Ok(())
}

/// Miners hand over what they found when their thread ends.
struct Handing<'m> {
    miner: Option<Miner>,
    all: &'m Mutex<Vec<Mined>>,
}

impl Drop for Handing<'_> {
    fn drop(&mut self) {
        if let Some(miner) = self.miner.take() {
            self.all.lock().unwrap_or_else(PoisonError::into_inner).push(miner.finish());
        }
    }
}

/// Mines whole captures that will be compared, or one. If there are too many masked messages to keep,
/// they are read twice: those that are kept are then the ones that came most often in all of them.
///
/// # Errors
/// If a file cannot be read. Damage is no error.
pub(crate) fn mine<const N: usize>(
    captures: [(&Capture, Options); N],
    threads: usize,
    ui: &Ui,
) -> Result<[(Mined, Account); N], CliError> {
    let mut all = Vec::new();
    for (capture, options) in &captures {
        all.push(read(capture, options, threads, ui)?);
    }
    if let Some(counts) = Mined::counts(all.iter().map(|(mined, _)| mined)) {
        let ranks = Ranks::by_count(counts);
        all.clear();
        for (capture, options) in &captures {
            all.push(read(capture, &Options { ranks: ranks.clone(), ..options.clone() }, threads, ui)?);
        }
    }
    all.try_into().map_err(|_| CliError::new(Kind::Internal, "a capture got lost while it was read"))
}

/// Mines a capture once.
///
/// # Errors
/// If a file cannot be read. Damage is no error.
pub(crate) fn read(
    capture: &Capture,
    options: &Options,
    threads: usize,
    ui: &Ui,
) -> Result<(Mined, Account), CliError> {
    let progress = ui.progress(capture.size());
    let mut account = Account::default();
    let mut carry = Carry::default();
    let mut mined = Mined::new(options.grid, options.ranks.clone());
    let live = capture.live;
    groups(capture, &mut account, |opened, account| {
        let all = Mutex::new(Vec::new());
        let units = scan::plan(opened, |_, info| {
            options.from.is_none_or(|from| info.ts.to >= from) && options.to.is_none_or(|to| info.ts.from <= to)
        });
        let damage = scan::run(
            opened,
            &units,
            threads,
            || Handing { miner: Some(Miner::new(options.clone())), all: &all },
            |state, _, lines| state.miner.as_mut().map(|miner| miner.lines(lines)).unwrap_or_default(),
            |_, piece| {
                account.read += piece.lines;
                account.not_a_line += piece.not_a_line;
                carry.take(&piece);
                Ok::<_, CliError>(true)
            },
        )?;
        for (file, damage) in opened.iter().zip(damage) {
            account.damage(damage, live && file.index.is_none());
            progress.inc(file.length);
        }
        for one in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
            mined.merge(one);
        }
        Ok(())
    })?;
    carry.finish(&mut mined);
    mined.settle();
    progress.finish_and_clear();
    Ok((mined, account))
}

/// The range of times of a capture: from the index, else by reading.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn range(capture: &Capture) -> Result<Span, CliError> {
    let mut span = Span::default();
    let mut unknown = Vec::new();
    for file in &capture.files {
        match file.line.as_ref().map(logtap_capture::index::IndexLine::span).filter(|span| !span.is_empty()) {
            Some(known) => span.merge(known),
            None => unknown.push(file.clone()),
        }
    }
    if !unknown.is_empty() {
        let rest = Capture { files: unknown, ..capture.clone() };
        let Survey { summary, .. } = survey::run(&rest, |_| ()).map_err(|error| CliError::at(&capture.dir, &error))?;
        span.merge(summary.ts);
    }
    Ok(span)
}

/// Buckets over a range; none for a range without times.
pub(crate) fn grid(span: Span, wanted: i64) -> Option<Grid> {
    (!span.is_empty()).then(|| Grid::over(span.from, span.to, wanted))
}
