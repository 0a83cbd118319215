//! What a whole capture holds. Sealed files answer from their index, no frame
//! is decoded; files without one (1.x, a file being written, one left by a
//! crash) are read from front to back.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::BUCKET;
use crate::labels::{LabelSet, Labels};
use crate::level::{LEVELS, Level};
use crate::line::{self, RawLine};
use crate::reader::{Capture, DataFile};
use crate::sequence::Follow;
use crate::stream::{self, Damage};
use crate::summary::{MAX_SETS, Summary};

/// The capture as it was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Everything that could be read.
    pub summary: Summary,
    /// File by file, in order of writing. Files that vanished meanwhile are left out.
    pub files: Vec<FileSurvey>,
}

/// One data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSurvey {
    /// Its name.
    pub name: String,
    /// Bytes on disk.
    pub size: u64,
    /// Log lines.
    pub lines: u64,
    /// Bytes of its lines, uncompressed.
    pub bytes: u64,
    /// It has a block index.
    pub sealed: bool,
    /// `index.jsonl` has a line that fits it.
    pub indexed: bool,
    /// Lines that are no log lines; known only of files that were read.
    pub rejected: u64,
    /// What could not be read; known only of files that were read.
    pub damage: Damage,
}

/// Surveys a capture; `progress` is told the bytes on disk of each file done.
///
/// # Errors
/// If reading fails. Damage is no error.
pub fn run(capture: &Capture, mut progress: impl FnMut(u64)) -> io::Result<Survey> {
    let mut survey = Survey::default();
    for file in &capture.files {
        if let Some((found, summary)) = survey_file(file)? {
            progress(found.size);
            survey.summary.merge(&summary);
            survey.files.push(found);
        }
    }
    Ok(survey)
}

fn survey_file(file: &DataFile) -> io::Result<Option<(FileSurvey, Summary)>> {
    let Some(opened) = file.open()? else {
        return Ok(None);
    };
    let mut rejected = 0;
    let mut damage = Damage::default();
    let summary = match &opened.index {
        Some(index) => index.summary(&opened.file)?,
        None => {
            let mut collector = Collector::default();
            damage = stream::read(&opened, |lines| {
                collector.add(lines);
                true
            })?;
            rejected = collector.rejected;
            collector.summary
        }
    };
    let found = FileSurvey {
        name: file.name.clone(),
        size: opened.length,
        lines: summary.lines,
        bytes: summary.bytes,
        sealed: opened.index.is_some(),
        indexed: file.line.is_some(),
        rejected,
        damage,
    };
    Ok(Some((found, summary)))
}

/// Counts lines as they stand in a file.
#[derive(Debug, Default)]
pub struct Collector {
    /// Log lines counted so far.
    pub summary: Summary,
    /// Lines that are no log lines.
    pub rejected: u64,
    known: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    slots: Vec<Slot>,
    /// The labels of the line before, which neighbours mostly share, and their slot.
    last: (Vec<u8>, usize),
    /// Slots with counts that are not in the summary yet.
    touched: Vec<usize>,
    follow: Follow,
    scratch: Vec<u8>,
}

/// What was counted of a label set: its lines, and those of its newest bucket of time by level.
#[derive(Debug)]
struct Slot {
    labels: Labels,
    lines: u64,
    bucket: i64,
    levels: [u64; LEVELS],
}

impl Slot {
    fn new(raw: &[u8]) -> Self {
        Self { labels: Arc::new(LabelSet::new(line::object_pairs(raw))), lines: 0, bucket: 0, levels: [0; LEVELS] }
    }

    fn count(&mut self, ts: i64, level: Level, summary: &mut Summary) {
        let bucket = ts.div_euclid(BUCKET);
        if bucket != self.bucket {
            self.settle(summary);
            self.bucket = bucket;
        }
        self.levels[level as usize] += 1;
    }

    /// Brings the bucket into the timeline.
    fn settle(&mut self, summary: &mut Summary) {
        if self.levels != [0; LEVELS] {
            summary.timeline.add(self.bucket, self.labels.service(), &self.levels);
            self.levels = [0; LEVELS];
        }
    }

    fn end(&mut self, summary: &mut Summary) {
        self.settle(summary);
        summary.sets.add(&self.labels, std::mem::take(&mut self.lines));
    }
}

impl Collector {
    /// Counts whole lines: label set by label set, since a look into the timeline for each line is what takes longest.
    pub fn add(&mut self, lines: &[u8]) {
        for text in line::lines(lines) {
            match line::split_after(&self.last.0, text) {
                Ok(parts) => self.line(&parts, text.len() as u64 + 1),
                Err(_) => {
                    self.rejected += 1;
                    self.follow.lose();
                }
            }
        }
        let Self { summary, slots, touched, .. } = self;
        touched.drain(..).for_each(|at| slots[at].end(summary));
    }

    fn line(&mut self, parts: &RawLine<'_>, bytes: u64) {
        let Self { summary, known, slots, last, touched, follow, scratch, rejected: _ } = self;
        summary.lines += 1;
        summary.bytes += bytes;
        let same = !last.0.is_empty() && *last.0 == *parts.labels;
        let mut at = if same { Some(last.1) } else { known.get(&*parts.labels).copied() };
        if at.is_none() && slots.len() < MAX_SETS {
            known.insert(parts.labels.as_ref().into(), slots.len());
            at = Some(slots.len());
            slots.push(Slot::new(&parts.labels));
        }
        if let Some(at) = at.filter(|_| !same) {
            last.0.clear();
            last.0.extend_from_slice(&parts.labels);
            last.1 = at;
        }
        // Of more label sets than are remembered each line stands by itself.
        let mut alone = None;
        let slot = match at {
            Some(at) => &mut slots[at],
            None => alone.insert(Slot::new(&parts.labels)),
        };
        if let Some(at) = at.filter(|_| slot.lines == 0) {
            touched.push(at);
        }
        slot.lines += 1;
        follow.line(parts, &slot.labels, summary);
        if let Some(ts) = parts.ts {
            slot.count(ts, Level::of(parts.message_text(scratch).as_bytes()), summary);
            summary.ts.add(ts);
            summary.rx.add(parts.rx.unwrap_or(ts));
        }
        if let Some(mut alone) = alone {
            alone.end(summary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_a_line_and_what_is_not() {
        let mut collector = Collector::default();
        collector.add(b"{\"ts\":\"1970-01-01T00:00:05Z\",\"labels\":{\"app\":\"a\"},\"msg\":\"ERROR x\"}\nnot a line\n\n{\"msg\":\"no time\"}\n");
        assert_eq!((collector.summary.lines, collector.rejected), (2, 1));
        assert_eq!((collector.summary.ts.from, collector.summary.ts.to), (5_000_000_000, 5_000_000_000));
        let cells: Vec<_> = collector
            .summary
            .timeline
            .iter()
            .map(|(at, service, levels)| (at, service.to_owned(), levels[Level::Error as usize]))
            .collect();
        assert_eq!(cells, [(0, "a".to_owned(), 1)]);
    }

    /// However lines are handed over, the counts are the same.
    #[test]
    fn lines_together_count_as_one_by_one() {
        let lines: Vec<String> = (0..3 * MAX_SETS)
            .map(|n| {
                let (minute, second) = (n / 7 % 60, n * 13 % 60);
                let (app, word) = (if n % 5 == 0 { n } else { n % 3 }, ["ERROR", "INFO", "WARN"][n % 3]);
                format!("{{\"ts\":\"2026-01-15T10:{minute:02}:{second:02}Z\",\"labels\":{{\"pod\":\"p{app}\"}},\"msg\":\"{word} {n}\"}}\n")
            })
            .collect();
        let (mut together, mut single) = (Collector::default(), Collector::default());
        together.add(lines.concat().as_bytes());
        lines.iter().for_each(|line| single.add(line.as_bytes()));
        let told = |summary: &Summary| {
            let cells: Vec<_> =
                summary.timeline.iter().map(|(at, name, levels)| (at, name.to_owned(), *levels)).collect();
            let sets: u64 = summary.sets.iter().map(|(_, lines)| lines).sum();
            (summary.lines, summary.bytes, summary.ts, cells, sets, summary.sets.len(), summary.sets.overflow)
        };
        assert_eq!(told(&together.summary), told(&single.summary));
        assert_eq!(together.summary.lines, 3 * MAX_SETS as u64);
    }
}
