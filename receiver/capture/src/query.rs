//! What a reader looks for: a pattern in messages and label values, labels, a
//! time range. Decides per file, per frame and per line, cheapest test first.

use std::io;

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::HirKind;

use crate::block_index::{BlockIndex, Filter, FrameInfo};
use crate::chunk::Span;
use crate::grams::Probe;
use crate::labels::LabelSet;
use crate::read_at::ReadAt;
use crate::{literals, text};

/// How a pattern is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatternOptions {
    /// The pattern is literal text.
    pub fixed: bool,
    /// Letters match in both cases.
    pub ignore_case: bool,
    /// Matches must be whole words.
    pub word: bool,
    /// Lines without a match are wanted.
    pub invert: bool,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub(crate) regex: Regex,
    pub(crate) invert: bool,
    pub(crate) gate: Option<Gate>,
    /// The pattern as it is spelled in lines of ours, if it is nothing but text.
    pub(crate) exact: Option<Box<memmem::Finder<'static>>>,
    /// Of each inner list at least one must be possible in a frame.
    probes: Vec<Vec<Probe>>,
    folded: bool,
}

/// A search over raw bytes that finds every line that can match.
#[derive(Debug, Clone)]
pub(crate) enum Gate {
    One(Box<memmem::Finder<'static>>),
    Few(Box<Searcher>),
    Any(AhoCorasick),
}

impl Gate {
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::One(finder) => finder.find(bytes),
            Self::Few(searcher) => searcher.find(bytes).map(|found| found.start()),
            Self::Any(automaton) => automaton.find(bytes).map(|found| found.start()),
        }
    }
}

/// Why a pattern or label matcher cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The regular expression is wrong.
    #[error("invalid pattern {pattern:?}: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What the parser says, on one line.
        reason: String,
    },
    /// Not of the form `k=v`, `k!=v`, `k=~re`, `k!~re`.
    #[error("invalid label matcher {0:?}: write name=value, name!=value, name=~regex or name!~regex")]
    Label(String),
}

fn one_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("invalid")
        .trim_start_matches("error: ")
        .to_owned()
}

impl Pattern {
    /// Compiles a pattern (Rust regex syntax).
    ///
    /// # Errors
    /// [`QueryError::Pattern`] if it is no valid expression or too large.
    pub fn new(pattern: &str, options: PatternOptions) -> Result<Self, QueryError> {
        let wrong = |reason: String| QueryError::Pattern { pattern: pattern.to_owned(), reason };
        let mut expression = if options.fixed { regex::escape(pattern) } else { pattern.to_owned() };
        if options.word {
            expression = format!(r"\b{{start-half}}(?:{expression})\b{{end-half}}");
        }
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(options.ignore_case)
            .build()
            .map_err(|error| wrong(one_line(&error)))?;
        let hir = regex_syntax::ParserBuilder::new()
            .case_insensitive(options.ignore_case)
            .utf8(false)
            .build()
            .parse(&expression)
            .map_err(|error| wrong(one_line(&error)))?;
        let required = if options.invert { Vec::new() } else { literals::required(&hir) };
        let required: Vec<literals::AnyOf> =
            required.into_iter().map(|any| any.iter().map(|literal| text::escaped(literal)).collect()).collect();
        let folded = options.ignore_case || expression.contains("(?");
        let probes = required
            .iter()
            .filter_map(|any| any.iter().map(|literal| Probe::new(literal)).collect::<Option<Vec<_>>>())
            .collect();
        let gate = required.iter().max_by_key(|any| any.iter().map(Vec::len).min()).and_then(|any| gate(any, folded));
        let exact = match hir.kind() {
            HirKind::Literal(literal) if !folded => {
                Some(Box::new(memmem::Finder::new(&text::escaped(&literal.0)).into_owned()))
            }
            _ => None,
        };
        Ok(Self { regex, invert: options.invert, gate, exact, probes, folded })
    }

    /// True if text matches, inversion aside.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.shortest_match(text).is_some()
    }

    /// Where text matches, inversion aside: start and end of each match, in bytes.
    pub fn matches<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = (usize, usize)> + 't {
        self.regex.find_iter(text).map(|found| (found.start(), found.end()))
    }

    /// False only if no message in a frame with this filter can match.
    /// `folds`: the frame has letters outside ASCII that fold into it, which filters do not know.
    fn may_match(&self, mut filter: Filter<'_>, folds: bool) -> io::Result<bool> {
        if self.folded && folds {
            return Ok(true);
        }
        for any in &self.probes {
            let mut possible = false;
            for probe in any {
                possible = possible || probe.may_match(filter.len(), |at| filter.byte(at))?;
            }
            if !possible {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The longest required literal set as a search over raw bytes; `folded` if
/// letters may stand in either case, in which case `k` and `s` may also be
/// written as U+212A and U+017F and literals are cut there.
fn gate(any: &literals::AnyOf, folded: bool) -> Option<Gate> {
    let cut: Vec<&[u8]> =
        any.iter().map(|literal| if folded { longest_without_ks(literal) } else { literal }).collect();
    if cut.iter().any(|literal| literal.len() < 2) {
        return None;
    }
    if !folded && let [literal] = cut[..] {
        return Some(Gate::One(Box::new(memmem::Finder::new(literal).into_owned())));
    }
    if !folded && let Some(searcher) = Searcher::new(cut.iter().copied()) {
        return Some(Gate::Few(Box::new(searcher)));
    }
    AhoCorasick::builder()
        .ascii_case_insensitive(folded)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(cut)
        .ok()
        .map(Gate::Any)
}

fn longest_without_ks(literal: &[u8]) -> &[u8] {
    literal
        .split(|byte| matches!(byte.to_ascii_lowercase(), b'k' | b's'))
        .max_by_key(|part| part.len())
        .unwrap_or_default()
}

/// A condition on one label.
#[derive(Debug, Clone)]
pub struct LabelMatcher {
    name: String,
    negated: bool,
    value: LabelValue,
}

#[derive(Debug, Clone)]
enum LabelValue {
    Is(String),
    Matches(regex::Regex),
}

impl LabelMatcher {
    /// The label has this value.
    #[must_use]
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), negated: false, value: LabelValue::Is(value.to_owned()) }
    }
}

impl std::str::FromStr for LabelMatcher {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::Label(text.to_owned());
        let at = text.find(['=', '!']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let (negated, is_regex, value) = match rest.as_bytes() {
            [b'!', b'=', ..] => (true, false, &rest[2..]),
            [b'!', b'~', ..] => (true, true, &rest[2..]),
            [b'=', b'~', ..] => (false, true, &rest[2..]),
            [b'=', b'=', ..] => (false, false, &rest[2..]),
            [b'=', ..] => (false, false, &rest[1..]),
            _ => return Err(wrong()),
        };
        if name.trim().is_empty() {
            return Err(wrong());
        }
        let value = if is_regex {
            let anchored = format!("^(?:{value})$");
            let regex = regex::Regex::new(&anchored)
                .map_err(|error| QueryError::Pattern { pattern: value.to_owned(), reason: one_line(&error) })?;
            LabelValue::Matches(regex)
        } else {
            LabelValue::Is(value.to_owned())
        };
        Ok(Self { name: name.trim().to_owned(), negated, value })
    }
}

impl LabelMatcher {
    /// True if a label set fulfils the condition; an absent label has the empty value.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet) -> bool {
        let value = labels.get(&self.name).unwrap_or("");
        let found = match &self.value {
            LabelValue::Is(wanted) => wanted == value,
            LabelValue::Matches(regex) => regex.is_match(value),
        };
        found != self.negated
    }
}

/// Everything a reader filters by.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Pattern on messages and label values.
    pub pattern: Option<Pattern>,
    /// All must hold.
    pub labels: Vec<LabelMatcher>,
    /// Earliest `ts`, inclusive.
    pub from: Option<i64>,
    /// Latest `ts`, inclusive.
    pub to: Option<i64>,
}

impl Query {
    /// True if `ts` lies in the wanted range; a line without time only if no range is asked for.
    #[must_use]
    pub fn wants_time(&self, ts: Option<i64>) -> bool {
        match ts {
            Some(ts) => self.from.is_none_or(|from| ts >= from) && self.to.is_none_or(|to| ts <= to),
            None => self.from.is_none() && self.to.is_none(),
        }
    }

    /// False if no line in this range of times is wanted.
    #[must_use]
    pub fn wants_span(&self, span: Span) -> bool {
        span.is_empty() || (self.from.is_none_or(|from| span.to >= from) && self.to.is_none_or(|to| span.from <= to))
    }

    /// True if every line is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pattern.is_none() && self.labels.is_empty() && self.from.is_none() && self.to.is_none()
    }

    /// Prepares the choice of frames of one file.
    #[must_use]
    pub fn frames<'q>(&'q self, file: &'q dyn ReadAt, index: &'q BlockIndex) -> FrameChoice<'q> {
        let pattern = self.pattern.as_ref().filter(|pattern| !pattern.invert && !pattern.probes.is_empty());
        let sets = index
            .sets
            .iter()
            .map(|(labels, _)| SetVerdict {
                wanted: self.labels.iter().all(|matcher| matcher.matches(labels)),
                value_hit: pattern
                    .is_some_and(|pattern| labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()))),
            })
            .collect();
        FrameChoice { query: self, pattern, file, index, sets }
    }
}

struct SetVerdict {
    wanted: bool,
    value_hit: bool,
}

/// Says which frames of a file can hold wanted lines.
pub struct FrameChoice<'q> {
    query: &'q Query,
    pattern: Option<&'q Pattern>,
    file: &'q dyn ReadAt,
    index: &'q BlockIndex,
    sets: Vec<SetVerdict>,
}

impl FrameChoice<'_> {
    /// False only if the frame holds no wanted line.
    #[must_use]
    pub fn wants(&self, info: &FrameInfo) -> bool {
        if !self.query.wants_span(info.ts) {
            return false;
        }
        let sets = || info.sets.as_ref().map(|sets| sets.iter().filter_map(|set| self.sets.get(*set as usize)));
        if !self.query.labels.is_empty() && sets().is_some_and(|mut sets| !sets.any(|set| set.wanted)) {
            return false;
        }
        let Some(pattern) = self.pattern else {
            return true;
        };
        // A filter that cannot be read excludes nothing; reading the frame then tells what is wrong.
        pattern.may_match(self.index.filter(self.file, info), info.folds).unwrap_or(true)
            || sets().is_none_or(|mut sets| sets.any(|set| set.wanted && set.value_hit))
    }
}
