//! Picks the wanted lines out of a piece of lines. Raw bytes are searched
//! before anything is parsed; labels are judged once per distinct set.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use memchr::memmem;

use crate::labels::{LabelSet, Labels};
use crate::line::{self, RawLine};
use crate::query::{Pattern, Query};
use crate::{text, time};

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
    /// A copy of its own: threads that share one expression wait for each other.
    pattern: Option<Pattern>,
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
        let sets =
            SetVerdicts { query, places: HashMap::default(), verdicts: Vec::new(), last_raw: Vec::new(), last: 0 };
        Self { query, pattern: query.pattern.clone(), sets, scratch: Vec::new() }
    }

    /// Hands every wanted line of the piece to `each`, in order. `own` says
    /// that the lines were written by us, so that each is a log line and a
    /// text has one spelling.
    pub fn pick(&mut self, lines: &[u8], own: bool, mut each: impl FnMut(Picked<'_>)) -> Tally {
        let mut tally = Tally::default();
        let mut at = 0;
        let by_layout = own && !self.query.is_empty();
        while let Some(place) = self.next_place(lines, at, own) {
            at = place.end + 1;
            if by_layout && self.own_hit(&lines[place.clone()]) == Some(false) {
                continue;
            }
            self.judge(lines, place, own, &mut tally, |picked, tally| {
                if picked.hit {
                    tally.picked += 1;
                    each(picked);
                }
            });
        }
        tally
    }

    /// Counts the lines that [`Self::pick`] would hand out.
    pub fn count(&mut self, lines: &[u8], own: bool) -> Tally {
        let mut tally = Tally::default();
        let mut at = 0;
        while let Some(place) = self.next_place(lines, at, own) {
            at = place.end + 1;
            match if own { self.own_hit(&lines[place.clone()]) } else { None } {
                Some(hit) => tally.picked += u64::from(hit),
                None => {
                    self.judge(lines, place, own, &mut tally, |picked, tally| tally.picked += u64::from(picked.hit))
                }
            }
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

    fn judge(
        &mut self,
        lines: &[u8],
        place: Range<usize>,
        own: bool,
        tally: &mut Tally,
        each: impl FnOnce(Picked<'_>, &mut Tally),
    ) {
        let text = &lines[place.clone()];
        if text.is_empty() || text == b"\r" {
            return;
        }
        tally.lines += u64::from(!own);
        let Ok(parts) = line::split_after(&self.sets.last_raw, text) else {
            tally.not_a_line += 1;
            return;
        };
        let verdict = self.sets.verdict(&parts.labels);
        if !verdict.wanted || !self.query.wants_time(parts.ts) {
            return;
        }
        let hit = self.pattern.as_ref().is_none_or(|pattern| {
            let found =
                verdict.value_hit || pattern.is_match(line::decode(&parts.message, &mut self.scratch).as_bytes());
            found != pattern.invert
        });
        each(Picked { place, line: parts, labels: &verdict.labels, hit }, tally);
    }

    /// Whether a line of ours is wanted, from its fixed layout; `None` if it
    /// has parts besides time, labels and message.
    fn own_hit(&mut self, line: &[u8]) -> Option<bool> {
        let (ts, rest) = line.strip_prefix(b"{\"ts\":\"")?.split_at_checked(time::WIDTH)?;
        let rest = rest.strip_prefix(b"\",\"labels\":")?;
        let last = self.sets.last_raw.len();
        let same = last > 0 && rest.starts_with(&self.sets.last_raw) && rest[last..].starts_with(MESSAGE);
        let (labels, rest) = rest.split_at(if same { last } else { line::flat_object(rest)? });
        let message = without_rx(rest.strip_prefix(MESSAGE)?.strip_suffix(b"\"}")?)?;
        let verdict = if same { &self.sets.verdicts[self.sets.last] } else { self.sets.verdict(labels) };
        let in_time =
            || (self.query.from.is_none() && self.query.to.is_none()) || self.query.wants_time(time::parse(ts));
        if !verdict.wanted || !in_time() {
            return Some(false);
        }
        let Some(pattern) = &self.pattern else {
            return Some(true);
        };
        let found = verdict.value_hit
            || match &pattern.exact {
                Some(exact) => contains(exact, message),
                None if memchr::memchr(b'\\', message).is_none() => pattern.is_match(message),
                None => pattern.is_match(text::unescape(message, &mut self.scratch)?.as_bytes()),
            };
        Some(found != pattern.invert)
    }

    /// The next line at or after `at` that can be wanted, newline excluded.
    fn next_place(&self, lines: &[u8], at: usize, own: bool) -> Option<Range<usize>> {
        let rest = lines.get(at..).filter(|rest| !rest.is_empty())?;
        let gate = self.pattern.as_ref().and_then(|pattern| pattern.gate.as_ref()).filter(|_| own);
        let found = at + gate.map_or(Some(0), |gate| gate.find(rest))?;
        let start = memchr::memrchr(b'\n', &lines[at..found]).map_or(at, |newline| at + newline + 1);
        let end = memchr::memchr(b'\n', &lines[found..]).map_or(lines.len(), |length| found + length);
        Some(start..end)
    }
}

/// What stands before the message, and before a receive time behind it.
const MESSAGE: &[u8] = b",\"msg\":\"";
const RX: &[u8] = b",\"rx\":\"";

/// The message without a receive time behind it; `None` if metadata stands
/// between them. Quotes inside a message are escaped, so what looks like a
/// receive time is one.
fn without_rx(message: &[u8]) -> Option<&[u8]> {
    let end = message.len().checked_sub(RX.len() + time::WIDTH);
    match end.filter(|&end| message[end..].starts_with(RX)) {
        Some(end) => message[..end].strip_suffix(b"\""),
        None => Some(message),
    }
}

/// True if the text occurs in the message without beginning in the middle of an escape.
fn contains(text: &memmem::Finder<'_>, message: &[u8]) -> bool {
    text.find_iter(message).any(|at| {
        let backslashes = message[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        backslashes % 2 == 0
    })
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
            value_hit: pattern
                .is_some_and(|pattern| labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()))),
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
        assert_eq!(Selector::new(&query("one")).count(PIECE, false), tally);
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
    fn fixed_layout_and_parser_agree() {
        let labels = ["a", "b\"x"].map(|app| Arc::new(LabelSet::new([("app".to_owned(), app.to_owned())])));
        let mut builder = crate::chunk::ChunkBuilder::default();
        let messages = [
            "plain",
            "tab\there",
            "back\\nslash",
            "new\nline",
            "\",\"rx\":\"2026-01-01T00:00:00.000000000Z",
            "}",
            "\"}",
            "",
        ];
        for (n, message) in messages.iter().enumerate() {
            for (late, meta) in
                [(0, &[][..]), (20 * time::SECOND, &[]), (0, &[("k", "}")]), (20 * time::SECOND, &[("k", "nslash")])]
            {
                builder.push(&labels[n % 2], 5, 5 + late, message, meta);
            }
        }
        let chunk = builder.finish();
        for pattern in [
            "n",
            "nslash",
            "\\\\",
            "\\\\n",
            "\n",
            "line$",
            "b\"x",
            "rx",
            "^$",
            "^.$",
            "}",
            "here|plain",
            "(?i)PLAIN",
            "k",
        ] {
            let query = query(pattern);
            let expected: Vec<&[u8]> = chunk
                .bytes()
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .filter(|line| {
                    let value: serde_json::Value = serde_json::from_slice(line).unwrap();
                    let hit = |text: &serde_json::Value| {
                        query.pattern.as_ref().unwrap().is_match(text.as_str().unwrap().as_bytes())
                    };
                    hit(&value["msg"]) || hit(&value["labels"]["app"])
                })
                .collect();
            for own in [true, false] {
                let mut found = Vec::new();
                let tally =
                    Selector::new(&query).pick(chunk.bytes(), own, |picked| found.push(&chunk.bytes()[picked.place]));
                assert_eq!(found, expected, "{pattern}");
                assert_eq!(Selector::new(&query).count(chunk.bytes(), own).picked, tally.picked);
            }
        }
    }

    #[test]
    fn survey_keeps_labels_and_drops_the_pattern() {
        let mut query = query("one");
        query.labels = vec!["app!=b".parse().unwrap()];
        let mut seen = Vec::new();
        Selector::new(&query)
            .survey(PIECE, false, |picked| seen.push((picked.labels.get("app").unwrap().to_owned(), picked.hit)));
        assert_eq!(seen, [("a".to_owned(), true), ("one".to_owned(), true)]);
        query.pattern =
            Some(Pattern::new("other", PatternOptions { invert: true, ..PatternOptions::default() }).unwrap());
        seen.clear();
        Selector::new(&query)
            .survey(PIECE, false, |picked| seen.push((picked.labels.get("app").unwrap().to_owned(), picked.hit)));
        assert_eq!(seen, [("a".to_owned(), true), ("one".to_owned(), false)]);
    }
}
