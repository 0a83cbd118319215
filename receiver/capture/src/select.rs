//! Picks the wanted lines out of a piece of lines. Raw bytes are searched
//! before anything is parsed; labels are judged once per distinct set.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use memchr::memmem;

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
    pub labels: Labels,
}

/// What a piece contained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were picked.
    pub picked: u64,
    /// Lines that are no log lines.
    pub not_a_line: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.picked += other.picked;
        self.not_a_line += other.not_a_line;
    }
}

/// Picks lines; one per thread.
#[derive(Debug)]
pub struct Selector<'q> {
    query: &'q Query,
    verdicts: HashMap<Vec<u8>, Verdict, foldhash::fast::RandomState>,
    last: Option<(Vec<u8>, Verdict)>,
    scratch: Vec<u8>,
    escape: memmem::Finder<'static>,
}

#[derive(Debug, Clone)]
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
        Self { query, verdicts: HashMap::default(), last: None, scratch: Vec::new(), escape: memmem::Finder::new(b"\\u") }
    }

    /// Hands every wanted line of the piece to `each`, in order. `own` says
    /// that the lines were written by us, so that a text has one spelling.
    pub fn pick(&mut self, lines: &[u8], own: bool, mut each: impl FnMut(Picked<'_>)) -> Tally {
        let mut tally = Tally::default();
        let mut at = 0;
        while let Some(start) = self.next_candidate(lines, at, own) {
            let end = memchr::memchr(b'\n', &lines[start..]).map_or(lines.len(), |length| start + length);
            at = end + 1;
            if start == end {
                continue;
            }
            match line::split(&lines[start..end]) {
                Ok(parts) => {
                    let verdict = self.verdict(&parts.labels);
                    if self.wants(&parts, &verdict) {
                        tally.picked += 1;
                        each(Picked { place: start..end, line: parts, labels: verdict.labels });
                    }
                }
                Err(_) => tally.not_a_line += 1,
            }
        }
        tally
    }

    /// Start of the next line at or after `at` that can be wanted.
    fn next_candidate(&self, lines: &[u8], at: usize, own: bool) -> Option<usize> {
        let rest = lines.get(at..).filter(|rest| !rest.is_empty())?;
        let Some(gate) = self.query.pattern.as_ref().and_then(|pattern| pattern.gate.as_ref()) else {
            return Some(at);
        };
        let mut found = gate.find(rest);
        if !own && let Some(escape) = self.escape.find(&rest[..found.unwrap_or(rest.len())]) {
            found = Some(escape);
        }
        let found = at + found?;
        Some(memchr::memrchr(b'\n', &lines[at..found]).map_or(at, |newline| at + newline + 1))
    }

    fn verdict(&mut self, raw: &[u8]) -> Verdict {
        if let Some((known, verdict)) = &self.last
            && known == raw
        {
            return verdict.clone();
        }
        let verdict = match self.verdicts.get(raw) {
            Some(verdict) => verdict.clone(),
            None => {
                let verdict = self.judge(raw);
                if self.verdicts.len() >= MAX_VERDICTS {
                    self.verdicts.clear();
                }
                self.verdicts.insert(raw.to_vec(), verdict.clone());
                verdict
            }
        };
        self.last = Some((raw.to_vec(), verdict.clone()));
        verdict
    }

    fn judge(&self, raw: &[u8]) -> Verdict {
        let labels = Arc::new(LabelSet::new(line::object_pairs(raw)));
        let pattern = self.query.pattern.as_ref();
        Verdict {
            wanted: self.query.labels.iter().all(|matcher| matcher.matches(&labels)),
            value_hit: pattern.is_some_and(|pattern| labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()))),
            labels,
        }
    }

    fn wants(&mut self, parts: &RawLine<'_>, verdict: &Verdict) -> bool {
        if !verdict.wanted || !self.query.wants_time(parts.ts) {
            return false;
        }
        let Some(pattern) = &self.query.pattern else {
            return true;
        };
        let hit = verdict.value_hit || pattern.is_match(line::decode(&parts.message, &mut self.scratch).as_bytes());
        hit != pattern.invert
    }
}
