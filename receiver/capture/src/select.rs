//! Picks the wanted lines out of a piece of lines. Raw bytes are searched
//! before anything is parsed; labels are judged once per distinct set.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::labels::{LabelSet, Labels};
use crate::line::{self, RawLine};
use crate::query::Query;

/// A line that was picked.
#[derive(Debug)]
pub struct Picked<'a> {
    /// Place of the line in the piece, newline excluded.
    pub place: Range<usize>,
    /// Its parts.
    pub line: RawLine<'a>,
    /// Its label set.
    pub labels: &'a Labels,
    /// Whether the pattern wants it; false only for lines of [`Selector::survey`].
    pub hit: bool,
}

/// What a piece contained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were picked.
    pub picked: u64,
    /// Lines that are no log lines. Complete for pieces that are not our own;
    /// in our own only lines that had to be looked at are counted.
    pub not_a_line: u64,
    /// Lines in the piece, blank ones aside; counted only in pieces that are not our own.
    pub lines: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.picked += other.picked;
        self.not_a_line += other.not_a_line;
        self.lines += other.lines;
    }
}

/// Picks lines; one per thread.
#[derive(Debug)]
pub struct Selector<'q> {
    query: &'q Query,
    sets: SetVerdicts<'q>,
    scratch: Vec<u8>,
}

/// What is known of each label set met, by its bytes in the file.
#[derive(Debug)]
struct SetVerdicts<'q> {
    query: &'q Query,
    places: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    verdicts: Vec<Verdict>,
    last_raw: Vec<u8>,
    last: usize,
}

#[derive(Debug)]
struct Verdict {
    labels: Labels,
    wanted: bool,
    value_hit: bool,
}

/// Label sets remembered per thread.
const MAX_VERDICTS: usize = 100_000;

impl<'q> Selector<'q> {
    /// A selector for a query.
    #[must_use]
    pub fn new(query: &'q Query) -> Self {
        let sets = SetVerdicts { query, places: HashMap::default(), verdicts: Vec::new(), last_raw: Vec::new(), last: 0 };
        Self { query, sets, scratch: Vec::new() }
    }

    /// Hands every wanted line of the piece to `each`, in order. `own` says
    /// that the lines were written by us, so that each is a log line and a
    /// text has one spelling.
    pub fn pick(&mut self, lines: &[u8], own: bool, mut each: impl FnMut(Picked<'_>)) -> Tally {
        let mut tally = Tally::default();
        let mut at = 0;
        while let Some(start) = if own { self.next_candidate(lines, at) } else { (at < lines.len()).then_some(at) } {
            let end = memchr::memchr(b'\n', &lines[start..]).map_or(lines.len(), |length| start + length);
            at = end + 1;
            self.judge(lines, start..end, own, &mut tally, |picked, tally| {
                if picked.hit {
                    tally.picked += 1;
                    each(picked);
                }
            });
        }
        tally
    }

    /// Hands every line to `each` that has wanted labels and a wanted time,
    /// whether the pattern wants it or not.
    pub fn survey(&mut self, lines: &[u8], own: bool, mut each: impl FnMut(Picked<'_>)) -> Tally {
        let mut tally = Tally::default();
        let mut at = 0;
        while at < lines.len() {
            let end = memchr::memchr(b'\n', &lines[at..]).map_or(lines.len(), |length| at + length);
            self.judge(lines, at..end, own, &mut tally, |picked, tally| {
                tally.picked += u64::from(picked.hit);
                each(picked);
            });
            at = end + 1;
        }
        tally
    }

    fn judge(&mut self, lines: &[u8], place: Range<usize>, own: bool, tally: &mut Tally, each: impl FnOnce(Picked<'_>, &mut Tally)) {
        let text = &lines[place.clone()];
        if text.is_empty() || text == b"\r" {
            return;
        }
        tally.lines += u64::from(!own);
        let Ok(parts) = line::split(text) else {
            tally.not_a_line += 1;
            return;
        };
        let verdict = self.sets.verdict(&parts.labels);
        if !verdict.wanted || !self.query.wants_time(parts.ts) {
            return;
        }
        let hit = self.query.pattern.as_ref().is_none_or(|pattern| {
            let found = verdict.value_hit || pattern.is_match(line::decode(&parts.message, &mut self.scratch).as_bytes());
            found != pattern.invert
        });
        each(Picked { place, line: parts, labels: &verdict.labels, hit }, tally);
    }

    /// Start of the next line at or after `at` that can be wanted.
    fn next_candidate(&self, lines: &[u8], at: usize) -> Option<usize> {
        let rest = lines.get(at..).filter(|rest| !rest.is_empty())?;
        let Some(gate) = self.query.pattern.as_ref().and_then(|pattern| pattern.gate.as_ref()) else {
            return Some(at);
        };
        let found = at + gate.find(rest)?;
        Some(memchr::memrchr(b'\n', &lines[at..found]).map_or(at, |newline| at + newline + 1))
    }
}

impl SetVerdicts<'_> {
    fn verdict(&mut self, raw: &[u8]) -> &Verdict {
        if self.verdicts.is_empty() || self.last_raw != raw {
            self.last = match self.places.get(raw) {
                Some(&place) => place,
                None => self.learn(raw),
            };
            self.last_raw.clear();
            self.last_raw.extend_from_slice(raw);
        }
        &self.verdicts[self.last]
    }

    fn learn(&mut self, raw: &[u8]) -> usize {
        if self.verdicts.len() >= MAX_VERDICTS {
            self.verdicts.clear();
            self.places.clear();
        }
        let labels = Arc::new(LabelSet::new(line::object_pairs(raw)));
        let pattern = self.query.pattern.as_ref();
        self.verdicts.push(Verdict {
            wanted: self.query.labels.iter().all(|matcher| matcher.matches(&labels)),
            value_hit: pattern.is_some_and(|pattern| labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()))),
            labels,
        });
        let place = self.verdicts.len() - 1;
        self.places.insert(raw.into(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Pattern, PatternOptions};

    const PIECE: &[u8] = br#"{"ts":"2026-01-01T00:00:01.000000000Z","labels":{"app":"a"},"msg":"one"}
not json
{"msg":"\u006fne","ts":"2026-01-01T00:00:02Z","labels":{"app":"b"}}

{"ts":"2026-01-01T00:00:03.000000000Z","labels":{"app":"one"},"msg":"other"}
"#;

    fn query(pattern: &str) -> Query {
        Query { pattern: Some(Pattern::new(pattern, PatternOptions::default()).unwrap()), ..Query::default() }
    }

    fn picked(query: &Query, own: bool) -> (Vec<usize>, Tally) {
        let mut starts = Vec::new();
        let tally = Selector::new(query).pick(PIECE, own, |picked| starts.push(picked.place.start));
        (starts, tally)
    }

    #[test]
    fn foreign_lines_are_all_accounted_for() {
        let (starts, tally) = picked(&query("one"), false);
        assert_eq!(starts.len(), 3);
        assert_eq!(tally, Tally { picked: 3, not_a_line: 1, lines: 4 });
        let (_, without_a_hit) = picked(&query("nowhere to be seen"), false);
        assert_eq!(without_a_hit, Tally { picked: 0, not_a_line: 1, lines: 4 });
    }

    #[test]
    fn own_lines_are_found_by_their_bytes() {
        let (starts, _) = picked(&query("one"), true);
        assert_eq!(starts[0], 0);
        assert_eq!(starts.len(), 2);
    }

    #[test]
    fn survey_keeps_labels_and_drops_the_pattern() {
        let mut query = query("one");
        query.labels = vec!["app!=b".parse().unwrap()];
        let mut seen = Vec::new();
        Selector::new(&query).survey(PIECE, false, |picked| seen.push((picked.labels.get("app").unwrap().to_owned(), picked.hit)));
        assert_eq!(seen, [("a".to_owned(), true), ("one".to_owned(), true)]);
        query.pattern = Some(Pattern::new("other", PatternOptions { invert: true, ..PatternOptions::default() }).unwrap());
        seen.clear();
        Selector::new(&query).survey(PIECE, false, |picked| seen.push((picked.labels.get("app").unwrap().to_owned(), picked.hit)));
        assert_eq!(seen, [("a".to_owned(), true), ("one".to_owned(), false)]);
    }
}
