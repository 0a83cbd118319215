//! Walks the inputs in order and feeds what is found to the sink.

use std::io::{self, Read, Write};
use std::path::Path;

use indicatif::ProgressBar;
use logtap_capture::block_index::FrameInfo;
use logtap_capture::pipe;
use logtap_capture::query::Query;
use logtap_capture::reader::{DataFile, OpenedFile};
use logtap_capture::scan::{self, Unit};

use super::account::Account;
use super::inputs::{Input, Inputs};
use super::piece::{Maker, Piece, Wanted};
use super::sink::Sink;
use crate::error::CliError;

/// Files that are open at the same time.
const GROUP: usize = 64;

/// One run over all inputs.
#[derive(Debug)]
pub(super) struct Search<'q, W: Write> {
    query: &'q Query,
    /// What a frame must be able to hold to be decoded.
    frames: Query,
    wanted: Wanted,
    threads: usize,
    sink: Sink<W>,
    account: Account,
    progress: ProgressBar,
    stopped: bool,
}

impl<'q, W: Write> Search<'q, W> {
    /// A search that has not begun.
    pub(super) fn new(query: &'q Query, wanted: Wanted, threads: usize, sink: Sink<W>, progress: ProgressBar) -> Self {
        let mut frames = query.clone();
        if wanted.around.is_some() {
            frames.pattern = None;
        }
        Self { query, frames, wanted, threads, sink, account: Account::default(), progress, stopped: false }
    }

    /// Searches everything, or until the sink has enough.
    ///
    /// # Errors
    /// If an input cannot be read or the output not be written.
    pub(super) fn run(&mut self, inputs: &Inputs) -> Result<(), CliError> {
        for (at, input) in inputs.all.iter().enumerate() {
            let later = &inputs.all[at + 1..];
            match input {
                Input::Files { files, live } => self.files(files, *live, earliest_of(later))?,
                Input::Stdin => {
                    self.stream("(standard input)", io::stdin().lock())?;
                }
            }
            if self.stopped {
                break;
            }
        }
        Ok(())
    }

    /// Prints what waits; the number of matches and what became of the lines.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn finish(self) -> Result<(u64, Account), CliError> {
        self.progress.finish_and_clear();
        Ok((self.sink.finish()?, self.account))
    }

    fn files(&mut self, files: &[DataFile], live: bool, later: i64) -> Result<(), CliError> {
        for (at, group) in files.chunks(GROUP).enumerate() {
            let behind = files.iter().skip((at + 1) * GROUP).map(earliest).fold(later, i64::min);
            self.group(group, live, behind)?;
            if self.stopped {
                break;
            }
        }
        Ok(())
    }

    fn group(&mut self, files: &[DataFile], live: bool, later: i64) -> Result<(), CliError> {
        let mut names = Vec::new();
        let mut opened: Vec<OpenedFile> = Vec::new();
        for file in files {
            let name = file.path.display().to_string();
            match file.open().map_err(|error| CliError::at(&file.path, &error))? {
                Some(one) => {
                    opened.push(one);
                    names.push(name);
                }
                None => self.account.gone(&name),
            }
        }
        let mut choices = Vec::new();
        for one in &opened {
            choices.push(one.index.as_ref().map(|index| self.frames.frames(&one.file, index)));
            self.account.lines(one.index.as_ref().map_or(0, |index| index.lines()), 0);
        }
        let units = scan::plan(&opened, |file, info| choices[file].as_ref().is_none_or(|choice| choice.wants(info)));
        drop(choices);
        let bounds = bounds(&opened, &units, later);

        let Self { query, wanted, sink, account, progress, .. } = self;
        let (query, wanted) = (*query, *wanted);
        let mut stopped = false;
        let (mut file, mut unit_at) = (0, 0);
        let found = scan::run(
            &opened,
            &units,
            self.threads,
            || Maker::new(query, wanted),
            |maker, unit, lines| maker.make(lines, opened[unit.file()].index.is_some()),
            |unit, piece: Piece| {
                while file < unit.file() {
                    sink.end_of_file(&names[file])?;
                    progress.inc(opened[file].length);
                    file += 1;
                }
                while units[unit_at] != unit {
                    unit_at += 1;
                }
                sink.advance(bounds[unit_at])?;
                account.lines(piece.tally.lines, piece.tally.not_a_line);
                stopped = !sink.piece(&piece)?;
                Ok::<_, CliError>(!stopped)
            },
        )?;
        let last = if stopped { file + 1 } else { names.len() };
        for name in &names[file.min(last)..last] {
            self.sink.end_of_file(name)?;
        }
        for (at, damage) in found.into_iter().enumerate() {
            self.account.damage(&names[at], damage, live && opened[at].index.is_none());
        }
        self.stopped = stopped;
        Ok(())
    }

    fn stream(&mut self, name: &str, source: impl Read) -> Result<(), CliError> {
        let mut maker = Maker::new(self.query, self.wanted);
        let mut outcome = Ok(true);
        let Self { sink, account, .. } = self;
        let damage = pipe::read(source, |lines| {
            let piece = maker.make(lines, false);
            account.lines(piece.tally.lines, piece.tally.not_a_line);
            outcome = sink.piece(&piece);
            matches!(outcome, Ok(true))
        })
        .map_err(|error| CliError::at(Path::new(name), &error))?;
        self.stopped = !outcome?;
        self.account.damage(name, damage, false);
        self.sink.end_of_file(name)
    }
}

/// For each unit the smallest time that it and everything behind it can hold.
fn bounds(opened: &[OpenedFile], units: &[Unit], later: i64) -> Vec<i64> {
    let mut bounds: Vec<i64> = units
        .iter()
        .map(|unit| match *unit {
            Unit::Frame { file, frame } => {
                let info: Option<&FrameInfo> = opened[file].index.as_ref().and_then(|index| index.frames.get(frame));
                info.map_or(i64::MIN, |info| info.ts.from)
            }
            Unit::Stream { .. } => i64::MIN,
        })
        .collect();
    let mut least = later;
    for bound in bounds.iter_mut().rev() {
        least = least.min(*bound);
        *bound = least;
    }
    bounds
}

/// The smallest time that a file can hold, as far as its index line tells.
fn earliest(file: &DataFile) -> i64 {
    let span = file.line.as_ref().map(logtap_capture::index::IndexLine::span);
    span.filter(|span| !span.is_empty()).map_or(i64::MIN, |span| span.from)
}

fn earliest_of(inputs: &[Input]) -> i64 {
    let of = |input: &Input| match input {
        Input::Files { files, .. } => files.iter().map(earliest).min().unwrap_or(i64::MAX),
        Input::Stdin => i64::MIN,
    };
    inputs.iter().map(of).min().unwrap_or(i64::MAX)
}
