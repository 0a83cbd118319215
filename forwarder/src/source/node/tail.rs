//! Reads the files of one container, in their order, each to its end, whatever the kubelet does to
//! them meanwhile. One step at a time, so that a test can put anything between two steps.
//!
//! A file is finished when a later one is there and nothing was added for a moment: the runtime opens
//! the new file before it has written its last bytes into the old one.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::file::Reading;
use super::folder::{self, Entry};
use super::position::Position;
use super::{cri, lost};
use crate::intake::{Intake, Mark, Piece, Record, Std};
use crate::source::pieces::Open;

/// Bytes read at once. The longest line of a file that is taken as one.
const CHUNK: usize = 128 << 10;

/// A container whose files are read.
pub(super) struct Tail {
    dir: PathBuf,
    name: String,
    /// How long a file that was put aside has to rest before it counts as finished.
    settle: Duration,
    at: Position,
    reading: Option<Reading>,
    /// The file's name once it was put aside, as far as it was seen.
    stamp: String,
    buffer: Vec<u8>,
    filled: usize,
    /// Lines that are missing before the next one.
    missing: Option<Missing>,
    counts: lost::Counts,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    reason: &'static str,
    lost: Option<u64>,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more at once.
    More,
    /// Everything there is was read.
    Idle,
}

impl Tail {
    pub(super) fn new(dir: PathBuf, name: String, settle: Duration, intake: &Intake) -> Self {
        let at = Position::decode(&intake.position(&name));
        Self {
            dir,
            name,
            settle,
            at,
            reading: None,
            stamp: String::new(),
            buffer: vec![0; CHUNK],
            filled: 0,
            missing: None,
            counts: lost::Counts::default(),
        }
    }

    /// Reads on.
    pub(super) fn step(&mut self, intake: &Intake) -> io::Result<Step> {
        if self.reading.is_none() && !self.find(intake)? {
            return Ok(Step::Idle);
        }
        let Some(reading) = &mut self.reading else { return Ok(Step::Idle) };
        let count = reading.read(&mut self.buffer[self.filled..])?;
        if count > 0 {
            self.filled += count;
            self.take(intake);
            return Ok(Step::More);
        }
        self.at_end(intake)
    }

    /// Everything was read and nothing will be added: hands on what has no end, and says so.
    pub(super) fn finish(&mut self, intake: &Intake) {
        self.rest_of_file(intake);
        self.rest_of_lines(intake);
        if let Some(last) = self.at.last.filter(|_| !intake.has_ended(&self.name)) {
            intake.mark(&self.name, Mark::End(last));
        }
        self.commit(intake);
    }

    /// Remembers which files are there. Called at least as often as the kubelet puts files aside, it
    /// leaves nothing unknown about those that are removed before they are read.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let (Some(life), Some(reading)) = (self.at.life, &self.reading) else { return Ok(()) };
        let own = folder::current(&self.dir, life);
        if reading.is(&own) {
            self.stamp.clear();
            return Ok(());
        }
        let all = folder::list(&self.dir)?;
        self.note(&all);
        Ok(())
    }

    /// What a listing says about our own file, and about the ones behind it.
    fn note(&mut self, all: &[Entry]) {
        let Some(life) = self.at.life else { return };
        let aside = |one: &&Entry| one.life == life && !one.is_current && one.stamp > self.at.done;
        if let Some(reading) = &self.reading
            && let Some(own) = all.iter().filter(aside).find(|one| reading.is(&one.path))
        {
            self.stamp.clone_from(&own.stamp);
        }
        if !self.stamp.is_empty() {
            let later: Vec<&Entry> =
                all.iter().filter(|one| one.life == life && !one.is_current && one.stamp > self.stamp).collect();
            if let Some(next) = later.first().filter(|_| self.at.next.is_empty()) {
                self.at.next.clone_from(&next.stamp);
            }
            self.counts.note(&later);
        }
    }

    /// Opens the file to go on with; whether there is one.
    fn find(&mut self, intake: &Intake) -> io::Result<bool> {
        let all = match folder::list(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            all => all?,
        };
        let Some(life) = self.at.life else {
            let Some(first) = all.first() else { return Ok(false) };
            self.at.enter(first.life);
            return self.open(first);
        };
        let rest: Vec<&Entry> =
            all.iter().filter(|one| one.life == life && (one.is_current || one.stamp > self.at.done)).collect();
        if self.at.offset > 0 {
            for entry in &rest {
                let found = Reading::open(entry, &self.at.head, self.at.offset);
                if let Some(reading) = gone(found)? {
                    self.stamp.clone_from(&entry.stamp);
                    self.reading = Some(reading);
                    self.note(&all);
                    return Ok(true);
                }
            }
            if all.is_empty() {
                return Ok(false);
            }
            self.miss("rotated", None);
            let done = std::mem::take(&mut self.at.done);
            self.at.pass_file(done);
        }
        if let Some(next) = rest.first() {
            self.check_next(next, &all, life);
            return self.open(next);
        }
        // The kubelet puts a file aside a moment before the next one is there.
        let Some(later) = all.iter().find(|one| one.life > life) else { return Ok(false) };
        self.enter(later.life, intake);
        self.open(later)
    }

    /// Whether a file is missing between the last one and the next.
    fn check_next(&mut self, next: &Entry, all: &[Entry], life: u64) {
        if self.at.done.is_empty() {
            return;
        }
        let is_next = next.stamp == self.at.next || (next.is_current && self.at.next.is_empty());
        let done_is_there = all.iter().any(|one| one.life == life && one.stamp == self.at.done);
        if !is_next && !done_is_there {
            let lost = self.counts.between(&self.at.done, &next.stamp);
            self.miss("rotated", lost);
        }
    }

    fn open(&mut self, entry: &Entry) -> io::Result<bool> {
        self.filled = 0;
        self.stamp.clone_from(&entry.stamp);
        self.reading = gone(Reading::open(entry, &[], 0))?;
        Ok(self.reading.is_some())
    }

    /// The file has no more at present.
    fn at_end(&mut self, intake: &Intake) -> io::Result<Step> {
        let (Some(life), Some(reading)) = (self.at.life, &self.reading) else { return Ok(Step::Idle) };
        let is_current = reading.is(&folder::current(&self.dir, life));
        if is_current && !folder::current(&self.dir, life + 1).exists() {
            self.stamp.clear();
            return Ok(Step::Idle);
        }
        let all = folder::list(&self.dir)?;
        self.note(&all);
        let Some(reading) = &self.reading else { return Ok(Step::Idle) };
        let stamp = &self.stamp;
        let later = all
            .iter()
            .any(|one| one.life > life || (!is_current && one.life == life && (one.is_current || one.stamp > *stamp)));
        if !(reading.is_packed() || (later && reading.rests(self.settle))) {
            return Ok(Step::Idle);
        }
        self.rest_of_file(intake);
        // A life whose files are removed was over before.
        let is_over = is_current || all.iter().all(|one| one.life != life);
        if self.stamp.is_empty() && !is_over {
            // It was removed, or packed, before its new name was seen.
            self.stamp = self.name_of_gone(&all, life)?;
        }
        self.reading = None;
        if is_over {
            if let Some(later) = all.iter().find(|one| one.life > life) {
                self.enter(later.life, intake);
            }
        } else {
            let (next, stamp) = (std::mem::take(&mut self.at.next), std::mem::take(&mut self.stamp));
            self.at.pass_file(stamp);
            self.at.next = next;
        }
        self.commit(intake);
        Ok(Step::More)
    }

    /// Under which name our file was put aside.
    fn name_of_gone(&mut self, all: &[Entry], life: u64) -> io::Result<String> {
        for entry in all.iter().filter(|one| one.life == life && !one.is_current && one.stamp > self.at.done) {
            if gone(Reading::open(entry, &self.at.head, self.at.head.len() as u64))?.is_some() {
                return Ok(entry.stamp.clone());
            }
        }
        if !self.at.head.is_empty() {
            self.miss("rotated", None);
        }
        Ok(self.at.done.clone())
    }

    /// The life that is read is over; another one begins.
    fn enter(&mut self, life: u64, intake: &Intake) {
        self.rest_of_lines(intake);
        if self.at.life.is_some_and(|before| life > before + 1) {
            self.miss("restarts", None);
        }
        self.at.enter(life);
        self.counts = lost::Counts::default();
    }

    /// Lines are gone; a count holds only where all of them are counted.
    fn miss(&mut self, reason: &'static str, lost: Option<u64>) {
        let lost = match self.missing {
            Some(before) => before.lost.zip(lost).map(|(one, other)| one + other),
            None => lost,
        };
        if lost != Some(0) {
            self.missing = Some(Missing { reason, lost });
        }
    }

    /// Hands on the lines in the buffer.
    fn take(&mut self, intake: &Intake) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut begin, bytes) = (0, &buffer[..self.filled]);
        while let Some(end) = memchr::memchr(b'\n', &bytes[begin..]) {
            self.line(&bytes[begin..begin + end], intake);
            begin += end + 1;
        }
        if begin == 0 && bytes.len() == CHUNK {
            // No runtime writes lines that long; nothing is lost if one does.
            self.line(bytes, intake);
            begin = CHUNK;
        }
        self.at.pass(&bytes[..begin]);
        buffer.copy_within(begin..self.filled, 0);
        self.buffer = buffer;
        self.filled -= begin;
        if begin > 0 {
            self.commit(intake);
        }
    }

    fn line(&mut self, bytes: &[u8], intake: &Intake) {
        let line = cri::parse(bytes);
        let ns = line.map_or_else(|| self.at.last.unwrap_or_default(), |line| line.ns);
        if let Some(Missing { reason, lost }) = self.missing.take() {
            self.rest_of_lines(intake);
            intake.mark(&self.name, Mark::Gap { lost, reason, from: self.at.last.unwrap_or(ns), to: ns });
        }
        self.at.last = Some(ns);
        let Some(line) = line else {
            intake.figures.odd.add(1);
            return intake.line(&self.name, Record { ns, text: bytes, std: None, piece: Piece::default() });
        };
        let open = self.at.open(line.std);
        if open.is_none() && !line.partial {
            let record = Record { ns, text: line.text, std: Some(line.std), piece: Piece::default() };
            return intake.line(&self.name, record);
        }
        let whole = open.get_or_insert_with(|| Open { ns, ..Open::default() });
        let (ns, std, name) = (whole.ns, Some(line.std), &self.name);
        whole.push(line.text, |text, piece| intake.line(name, Record { ns, text, std, piece }));
        if !line.partial {
            whole.finish(|text, piece| intake.line(name, Record { ns, text, std, piece }));
            *open = None;
        }
    }

    /// Hands on a line without its newline, which a runtime leaves only when it is killed.
    fn rest_of_file(&mut self, intake: &Intake) {
        if self.filled > 0 {
            let rest = self.buffer[..std::mem::take(&mut self.filled)].to_vec();
            self.line(&rest, intake);
            self.at.pass(&rest);
        }
    }

    /// Hands on lines that go on nowhere.
    fn rest_of_lines(&mut self, intake: &Intake) {
        for std in [Std::Out, Std::Err] {
            if let Some(mut open) = self.at.open(std).take() {
                let (ns, std) = (open.ns, Some(std));
                open.finish(|text, piece| intake.line(&self.name, Record { ns, text, std, piece }));
            }
        }
    }

    fn commit(&self, intake: &Intake) {
        intake.commit(&self.name, self.at.encode());
    }
}

/// A file that went away between looking and opening is none.
fn gone(found: io::Result<Option<Reading>>) -> io::Result<Option<Reading>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found,
    }
}

#[cfg(test)]
mod tests;
