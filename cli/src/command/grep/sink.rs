//! Where pieces go, in order: counted, limited, given context, sorted, printed.

use std::io::Write;

use serde_json::json;

use super::Around;
use super::context::Context;
use super::piece::Piece;
use super::render;
use super::sort::{Item, Sorter};
use crate::error::CliError;

/// What is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SinkOptions {
    /// The number of matches of each file.
    pub(super) count: bool,
    /// The names of files with matches.
    pub(super) list: bool,
    /// Nothing.
    pub(super) quiet: bool,
    /// No more than so many matches.
    pub(super) max: Option<u64>,
    /// Lines around matches.
    pub(super) around: Option<Around>,
    /// In order of time.
    pub(super) sort: bool,
    /// As JSON.
    pub(super) json: bool,
}

/// Prints what was found.
#[derive(Debug)]
pub(super) struct Sink<W: Write> {
    out: W,
    options: SinkOptions,
    matches: u64,
    in_file: u64,
    context: Option<Context>,
    sorter: Option<Sorter>,
}

impl<W: Write> Sink<W> {
    /// A sink that has seen nothing.
    pub(super) fn new(out: W, options: SinkOptions) -> Self {
        Self {
            out,
            options,
            matches: 0,
            in_file: 0,
            context: options.around.map(Context::new),
            sorter: options.sort.then(Sorter::default),
        }
    }

    /// Takes the next piece; false if no more are wanted.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn piece(&mut self, piece: &Piece) -> Result<bool, CliError> {
        let SinkOptions { count, list, quiet, max, .. } = self.options;
        if count || list || quiet {
            let room = max.map_or(u64::MAX, |max| max - self.matches);
            let found = piece.tally.picked.min(room);
            self.matches += found;
            self.in_file += found;
            return Ok(!(quiet && self.matches > 0) && max.is_none_or(|max| self.matches < max));
        }
        if self.context.is_some() {
            return self.with_context(piece);
        }
        let Some(sorter) = &mut self.sorter else {
            return self.lines(piece);
        };
        self.matches += piece.tally.picked;
        let mut from = 0;
        for record in &piece.records {
            sorter.add(record.ts, record.hit, &piece.text[from..record.end])?;
            from = record.end;
        }
        Ok(true)
    }

    fn lines(&mut self, piece: &Piece) -> Result<bool, CliError> {
        let room = self.options.max.map_or(u64::MAX, |max| max - self.matches);
        if piece.tally.picked <= room {
            self.out.write_all(&piece.text)?;
            self.matches += piece.tally.picked;
        } else {
            let end =
                room.checked_sub(1).and_then(|last| piece.records.get(last as usize)).map_or(0, |record| record.end);
            self.out.write_all(&piece.text[..end])?;
            self.matches += room;
        }
        Ok(self.options.max.is_none_or(|max| self.matches < max))
    }

    fn with_context(&mut self, piece: &Piece) -> Result<bool, CliError> {
        let Some(context) = &mut self.context else {
            return Ok(true);
        };
        // Sorted output is limited when it is printed.
        let max = self.options.max.filter(|_| self.sorter.is_none()).unwrap_or(u64::MAX);
        let mut from = 0;
        for record in &piece.records {
            let text = &piece.text[from..record.end];
            from = record.end;
            let hit = record.hit && self.matches < max;
            self.matches += u64::from(hit);
            let mut due = Vec::new();
            context.add(&piece.streams[record.stream], record.ts, text, hit, |line| due.push(line));
            for mut line in due {
                if let Some(place) = line.place {
                    render::mark(&mut line.text, place, self.options.json);
                }
                match &mut self.sorter {
                    Some(sorter) => sorter.add(line.ts, line.place.is_none(), &line.text)?,
                    None => self.out.write_all(&line.text)?,
                }
            }
            if self.matches >= max && context.is_settled() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// No line before `bound` will come any more.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn advance(&mut self, bound: i64) -> Result<(), CliError> {
        // Lines that context holds back are older than the bound; a limit needs them all in order.
        if self.context.is_some() || self.options.max.is_some() {
            return Ok(());
        }
        while let Some(item) = self.sorter.as_mut().and_then(|sorter| sorter.next_before(bound)) {
            self.out.write_all(&item.text)?;
        }
        Ok(())
    }

    /// A file has ended.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn end_of_file(&mut self, name: &str) -> Result<(), CliError> {
        let found = std::mem::take(&mut self.in_file);
        let SinkOptions { count, list, quiet, json, .. } = self.options;
        if quiet {
            return Ok(());
        }
        if count {
            match json {
                true => writeln!(self.out, "{}", json!({"file": name, "count": found}))?,
                false => writeln!(self.out, "{name}:{found}")?,
            }
        } else if list && found > 0 {
            match json {
                true => writeln!(self.out, "{}", json!({"file": name}))?,
                false => writeln!(self.out, "{name}")?,
            }
        }
        Ok(())
    }

    /// Prints what waits and returns the number of matches.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub(super) fn finish(mut self) -> Result<u64, CliError> {
        if let Some(sorter) = self.sorter.take() {
            let mut left = self.options.max.unwrap_or(u64::MAX);
            let out = &mut self.out;
            sorter.finish(|item: Item| {
                if item.hit && left == 0 {
                    return Ok(false);
                }
                left -= u64::from(item.hit);
                out.write_all(&item.text)?;
                Ok::<_, CliError>(true)
            })?;
        }
        self.out.flush()?;
        Ok(self.matches)
    }
}
