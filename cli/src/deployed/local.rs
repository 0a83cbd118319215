//! The capture on this machine that lines of a capture elsewhere are added to, each once.
//!
//! The other capture is a source like any other: its id is the source's name, and the number of a line
//! there is its number here. So what has arrived is known from the data files alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::chunk::{CHUNK_TARGET, Chunk, ChunkBuilder};
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::line;
use logtap_capture::metadata::Metadata;
use logtap_capture::sequence::{Admission, Missing};
use logtap_capture::session::{Options, Session, Tally};
use logtap_capture::time;
use logtap_capture::writer::Writer;
use logtap_receiver::stream::Frame;

use crate::error::{CliError, Kind};

/// Label sets remembered by their text.
const MOST_SETS: usize = 20_000;

/// A capture that is being added to.
pub(crate) struct Local {
    dir: PathBuf,
    session: Session,
    writer: Writer,
    tally: Tally,
    rx_always: bool,
    sets: std::collections::HashMap<Vec<u8>, Labels>,
}

impl Local {
    /// Opens the directory, or makes it.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(crate) fn open(dir: &Path, options: Options, rx_always: bool) -> Result<Self, CliError> {
        let (session, writer, _) = Session::open(dir, options, Arc::new(RealDisk))?;
        session.event(Event::new("start").detail("downloading from a receiver in the cluster"));
        let (tally, sets) = (Tally::default(), std::collections::HashMap::new());
        Ok(Self { dir: dir.to_owned(), session, writer, tally, rx_always, sets })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its id, which stays the same for the life of the directory.
    pub(crate) fn id(&self) -> String {
        self.session.metadata().capture_id.unwrap_or_default()
    }

    /// Number of the first line of a capture elsewhere that is not here.
    pub(crate) fn next(&self, source: &str) -> u64 {
        self.writer.sources().get(source).map_or(1, |known| known.next)
    }

    /// Lines added so far.
    pub(crate) fn added(&self) -> u64 {
        self.tally.written
    }

    /// Adds the lines of a frame that are not here yet; what was skipped before them leaves a mark with
    /// its count. Returns how many are missing.
    ///
    /// # Errors
    /// If they cannot be written. Nothing of the frame is kept then.
    pub(crate) fn add(&mut self, source: &str, frame: &Frame) -> Result<u64, CliError> {
        let source: Arc<str> = source.into();
        let chunks = self.chunks(&source, frame)?;
        let mut missing = Vec::new();
        // A source that is not known begins at 1: all of the other capture is wanted.
        if frame.count > 0 && frame.first > 1 && self.writer.sources().get(&source).is_none() {
            missing.extend(chunks.first().map(|chunk| first_hole(&source, frame.first - 1, chunk)));
        }
        let mut admission = Admission::new(self.writer.sources());
        let mut new = Vec::new();
        for chunk in chunks {
            let admitted = admission.admit(&chunk);
            missing.extend(admitted.missing);
            new.push(admitted.rest.unwrap_or(chunk));
        }
        let lost = missing.iter().map(|hole| hole.numbers).sum();
        self.write(&missing, &new)?;
        Ok(lost)
    }

    /// Marks the lines up to `total` as lost: nobody has them any more. Returns how many.
    ///
    /// # Errors
    /// If the mark cannot be written.
    pub(crate) fn lose_rest(&mut self, source: &str, total: u64) -> Result<u64, CliError> {
        let next = self.next(source);
        let numbers = (total + 1).saturating_sub(next);
        if numbers == 0 {
            return Ok(0);
        }
        let now = time::now();
        let known = self.writer.sources().get(source);
        let hole = Missing {
            source: source.into(),
            first: next,
            numbers,
            between: (known.map_or(now, |known| known.at), now),
            labels: Arc::new(LabelSet::new([])),
        };
        self.write(&[hole], &[])?;
        Ok(numbers)
    }

    fn write(&mut self, missing: &[Missing], new: &[Chunk]) -> Result<(), CliError> {
        let now = time::now();
        let marks: Vec<Chunk> = missing.iter().map(|hole| hole.mark(now)).collect();
        let all: Vec<&Chunk> = marks.iter().chain(new).filter(|chunk| chunk.lines() > 0).collect();
        if all.is_empty() {
            return Ok(());
        }
        self.writer.append(&all).map_err(|error| {
            CliError::new(Kind::Internal, format!("cannot write to {}: {error}", self.dir.display()))
        })?;
        let lines: u64 = all.iter().map(|chunk| chunk.lines()).sum();
        let marks: u64 = all.iter().map(|chunk| chunk.marks()).sum();
        self.tally.marks += marks;
        all.iter().for_each(|chunk| self.tally.lost.merge(chunk.lost()));
        self.tally.written += lines - marks;
        self.tally.received = self.tally.written;
        self.session.publish(&self.tally);
        Ok(())
    }

    /// The lines of a frame, rendered anew: numbers of the other capture's own senders stay behind.
    fn chunks(&mut self, source: &Arc<str>, frame: &Frame) -> Result<Vec<Chunk>, CliError> {
        let mut all = Vec::new();
        let mut builder = ChunkBuilder::new(self.rx_always);
        let mut scratch = Vec::new();
        let lines = frame.lines.split(|byte| *byte == b'\n');
        for (number, stored) in (frame.first..).zip(lines.take(frame.count as usize)) {
            let parts = line::split(stored).map_err(|_| {
                CliError::new(Kind::Internal, format!("line {number} of capture {source} is no line of a capture"))
            })?;
            let labels = self.labels(&parts.labels);
            let ts = parts.ts.unwrap_or_default();
            let meta = parts.meta.as_ref().map(|meta| line::object_pairs(meta)).unwrap_or_default();
            builder.number(source, number);
            builder.push(&labels, ts, parts.rx.unwrap_or(ts), &parts.message_text(&mut scratch), &meta);
            if builder.len() >= CHUNK_TARGET {
                all.push(std::mem::replace(&mut builder, ChunkBuilder::new(self.rx_always)).finish());
            }
        }
        all.push(builder.finish());
        Ok(all)
    }

    fn labels(&mut self, text: &[u8]) -> Labels {
        if let Some(known) = self.sets.get(text) {
            return known.clone();
        }
        if self.sets.len() >= MOST_SETS {
            self.sets.clear();
        }
        let labels: Labels = Arc::new(LabelSet::new(line::object_pairs(text)));
        self.sets.insert(text.to_vec(), labels.clone());
        labels
    }

    /// Seals the files and ends the session; what is there is safe then.
    ///
    /// # Errors
    /// If a step failed; the next start repairs the rest.
    pub(crate) fn close(self) -> Result<Metadata, CliError> {
        let stop = Event::new("stop").size(self.tally.written, 0);
        Ok(self.session.close(self.writer, &self.tally, stop)?)
    }
}

fn first_hole(source: &Arc<str>, numbers: u64, behind: &Chunk) -> Missing {
    let at = behind.ts().from;
    let labels = Arc::new(LabelSet::new([]));
    Missing { source: source.clone(), first: 1, numbers, between: (at, at), labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u64, count: u64) -> Frame {
        let line = |n| {
            format!(
                "{{\"ts\":\"2026-01-01T00:00:00.000000000Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"{n}\",\"seq\":\"x 1 0000009\"}}\n"
            )
        };
        let lines = (first..first + count).map(line).collect::<String>().into_bytes();
        Frame { first, count, lines, total: first + count, stopped: false }
    }

    fn texts(dir: &Path) -> Vec<String> {
        let mut all = Vec::new();
        let mut reader = logtap_capture::numbered::Numbered::new(dir, 0);
        let mut out = Vec::new();
        while let Some(piece) = reader.read(u64::MAX, 1 << 20, &mut out).unwrap() {
            let lines = out.split(|byte| *byte == b'\n').take(piece.lines as usize);
            all.extend(lines.map(|line| line::split(line).unwrap().message_text(&mut Vec::new()).into_owned()));
        }
        all
    }

    #[test]
    fn each_line_once_whatever_comes_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path(), Options::default(), false).unwrap();
        assert_eq!((local.next("c"), local.add("c", &frame(1, 3)).unwrap()), (1, 0));
        local.add("c", &frame(2, 4)).unwrap();
        drop(local);
        // As after a kill.
        let mut local = Local::open(dir.path(), Options::default(), false).unwrap();
        assert_eq!(local.next("c"), 6);
        local.add("c", &frame(3, 4)).unwrap();
        assert_eq!(local.add("c", &frame(10, 1)).unwrap(), 3, "7, 8 and 9 were evicted there");
        assert_eq!(local.lose_rest("c", 12).unwrap(), 2);
        assert_eq!((local.lose_rest("c", 12).unwrap(), local.next("c")), (0, 13));
        assert_eq!(local.add("d", &frame(5, 1)).unwrap(), 4, "all of another capture is wanted");
        let metadata = local.close().unwrap();
        assert_eq!(metadata.counters.written, 8);
        let found = texts(dir.path());
        let lines: Vec<&str> = found.iter().map(String::as_str).filter(|text| text.len() < 3).collect();
        assert_eq!(lines, ["1", "2", "3", "4", "5", "6", "10", "5"]);
        let lost = found.iter().filter(|text| text.contains("not_received")).count();
        assert_eq!(lost, 3, "{found:?}");
    }
}
