//! What a whole capture holds. Sealed files answer from their index, no frame
//! is decoded; files without one (1.x, a file being written, one left by a
//! crash) are read from front to back.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::chunk::BUCKET;
use crate::labels::{LabelSet, Labels};
use crate::level::{LEVELS, Level};
use crate::line;
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
    sets: HashMap<Box<[u8]>, Labels, foldhash::fast::RandomState>,
    follow: Follow,
    scratch: Vec<u8>,
}

impl Collector {
    /// Counts whole lines.
    pub fn add(&mut self, lines: &[u8]) {
        for text in lines.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            match line::split(text) {
                Ok(parts) => {
                    self.summary.lines += 1;
                    self.summary.bytes += text.len() as u64 + 1;
                    let labels = self.labels(&parts.labels);
                    self.follow.line(&parts, &labels, &mut self.summary);
                    self.summary.sets.add(&labels, 1);
                    let Some(ts) = parts.ts else { continue };
                    let mut levels = [0; LEVELS];
                    levels[Level::of(parts.message_text(&mut self.scratch).as_bytes()) as usize] = 1;
                    self.summary.timeline.add(ts.div_euclid(BUCKET), labels.service(), &levels);
                    self.summary.ts.add(ts);
                    self.summary.rx.add(parts.rx.unwrap_or(ts));
                }
                Err(_) => {
                    self.rejected += 1;
                    self.follow.lose();
                }
            }
        }
    }

    fn labels(&mut self, raw: &[u8]) -> Labels {
        if let Some(labels) = self.sets.get(raw) {
            return labels.clone();
        }
        let labels: Labels = Arc::new(LabelSet::new(line::object_pairs(raw)));
        if self.sets.len() < MAX_SETS {
            self.sets.insert(raw.into(), labels.clone());
        }
        labels
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
}
