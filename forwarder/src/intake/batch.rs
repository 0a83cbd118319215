//! Records of several containers on their way into one request, encoded as they come.

use std::borrow::Cow;

use logtap_push::encode::{Line, label_text, push_line, push_stream};
use logtap_push::sequence::{self, Sequence};

use super::Record;
use crate::journal::{Known, Share};

/// Bytes of text from which a request is complete.
const FULL: usize = 1 << 20;
/// Key of the metadata that tells pieces of a long line: their number from 1 on, and `+` where the
/// line goes on.
pub(crate) const PIECE: &str = "logtap_piece";

/// An output of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Std {
    Out,
    Err,
}

/// What a source says about its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Lines are lost for good.
    Gap { lost: Option<u64>, reason: &'static str, from: i64, to: i64 },
    /// There will be no more; at this time.
    End(i64),
}

/// What will be one request.
#[derive(Debug, Default)]
pub(super) struct Batch {
    runs: Vec<Run>,
    /// Entries of all runs, one after the other.
    entries: Vec<u8>,
    /// Containers whose records or positions are new.
    parts: Vec<Part>,
    plain: Vec<u8>,
}

/// Records of one container, one after the other, with the same labels.
#[derive(Debug)]
struct Run {
    part: usize,
    std: Option<Std>,
    mark: Option<Mark>,
    first: u64,
    /// Where its entries end.
    end: usize,
}

#[derive(Debug)]
struct Part {
    known: Known,
    share: Share,
}

/// A complete request.
pub(super) struct Sealed {
    pub(super) containers: Vec<Known>,
    pub(super) shares: Vec<Share>,
    /// A Loki push.
    pub(super) plain: Vec<u8>,
}

impl Batch {
    /// What is known about a container, if it is newer than what the journal knows.
    pub(super) fn known(&self, container: &str) -> Option<&Known> {
        self.parts.iter().map(|part| &part.known).find(|known| known.name == container)
    }

    /// Takes a record; whether its text had to be changed.
    pub(super) fn line(&mut self, known: &Known, record: Record<'_>) -> bool {
        let text = String::from_utf8_lossy(record.text);
        let part = self.part(known);
        let same = |run: &&mut Run| run.part == part && run.std == record.std && run.mark.is_none();
        if self.runs.last_mut().filter(same).is_none() {
            let first = self.parts[part].known.next;
            self.runs.push(Run { part, std: record.std, mark: None, first, end: 0 });
        }
        let piece = record.piece;
        let number = format!("{}{}", piece.before + 1, if piece.more { "+" } else { "" });
        let meta = [(PIECE, number.as_str())];
        let is_whole = piece == super::Piece::default();
        self.push(part, &Line { ns: record.ns, text: &text, meta: if is_whole { &[] } else { &meta } });
        self.parts[part].share.lines += u64::from(piece.before == 0);
        matches!(text, Cow::Owned(_))
    }

    pub(super) fn mark(&mut self, known: &Known, mark: Mark) {
        let part = self.part(known);
        let (ns, text) = said(&mark, &known.name);
        let ended = matches!(mark, Mark::End(_));
        let first = self.parts[part].known.next;
        self.runs.push(Run { part, std: None, mark: Some(mark), first, end: 0 });
        self.push(part, &Line { ns, text: &text, meta: &[] });
        self.parts[part].known.ended = ended;
    }

    /// The records so far of this container are those before `position`.
    pub(super) fn commit(&mut self, known: &Known, position: Vec<u8>) {
        let part = self.part(known);
        self.parts[part].known.position = position;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= FULL
    }

    fn part(&mut self, known: &Known) -> usize {
        self.parts.iter().position(|part| part.known.name == known.name).unwrap_or_else(|| {
            let share = Share {
                container: known.name.clone(),
                source: known.source.clone(),
                first: known.next,
                records: 0,
                lines: 0,
                from: 0,
                to: 0,
            };
            self.parts.push(Part { known: known.clone(), share });
            self.parts.len() - 1
        })
    }

    /// A record in the last run.
    fn push(&mut self, part: usize, line: &Line<'_>) {
        push_line(line, &mut self.entries);
        if let Some(run) = self.runs.last_mut() {
            run.end = self.entries.len();
        }
        let Part { known, share } = &mut self.parts[part];
        if share.records == 0 {
            share.from = line.ns;
        }
        share.to = line.ns;
        share.records += 1;
        known.next += 1;
        known.ended = false;
    }

    /// Completes the request and begins another.
    pub(super) fn seal(&mut self, labels: &[(&'static str, String)]) -> Sealed {
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        plain.reserve(self.entries.len() + self.entries.len() / 8);
        let mut start = 0;
        for run in self.runs.drain(..) {
            let part = &self.parts[run.part];
            let labels = run_labels(labels, &part.known.name, run.std, run.mark.as_ref());
            let mark = run.mark.as_ref().map(wire);
            let sequence = Sequence { source: &part.known.source, first: run.first, mark };
            push_stream(&label_text(&labels), Some(&sequence), &self.entries[start..run.end], &mut plain);
            start = run.end;
        }
        self.entries.clear();
        let parts = std::mem::take(&mut self.parts);
        let (containers, shares): (Vec<Known>, Vec<Share>) =
            parts.into_iter().map(|part| (part.known, part.share)).unzip();
        Sealed { containers, shares: shares.into_iter().filter(|share| share.records > 0).collect(), plain }
    }

    /// Takes the memory of a request back.
    pub(super) fn reuse(&mut self, plain: Vec<u8>) {
        self.plain = plain;
    }
}

fn run_labels<'a>(
    labels: &'a [(&'static str, String)],
    container: &'a str,
    std: Option<Std>,
    mark: Option<&Mark>,
) -> Vec<(&'a str, &'a str)> {
    let mut all: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("container", container));
    all.extend(std.map(|std| ("stream", if std == Std::Out { "stdout" } else { "stderr" })));
    all.extend(mark.map(|mark| ("logtap", if matches!(mark, Mark::End(_)) { "end" } else { "gap" })));
    all
}

fn wire(mark: &Mark) -> sequence::Mark<'_> {
    match *mark {
        Mark::Gap { lost, reason, from, to } => {
            sequence::Mark::Gap(sequence::Gap { lost, reason, from, to, numbers: 1 })
        }
        Mark::End(_) => sequence::Mark::End,
    }
}

/// Time and text of a mark, for readers that know nothing of marks.
fn said(mark: &Mark, container: &str) -> (i64, String) {
    match mark {
        Mark::Gap { lost, reason, to, .. } => (*to, gap_text(*lost, reason)),
        Mark::End(at) => (*at, format!("end of the log of container {container}")),
    }
}

/// What a gap says as a line.
pub(crate) fn gap_text(lost: Option<u64>, reason: &str) -> String {
    match lost {
        Some(1) => format!("gap: 1 line is lost ({reason})"),
        Some(lost) => format!("gap: {lost} lines are lost ({reason})"),
        None => format!("gap: lines may be lost, how many is not known ({reason})"),
    }
}
