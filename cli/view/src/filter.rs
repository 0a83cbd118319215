//! The filter stack: what each filter says, as a person wrote it, and the
//! sieve that the stack is compiled to.

use std::collections::HashMap;
use std::sync::Arc;

use logtap_capture::labels::{GAP, LabelSet, Labels, MARK};
use logtap_capture::level::Level;
use logtap_capture::line;
use logtap_capture::query::{LabelMatcher, Pattern, PatternOptions, Query, QueryError};

use crate::archive::{Key, Source};
use crate::row::Row;

/// What a filter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Only lines with this label.
    Label,
    /// Only lines of this level or a worse one.
    Level,
    /// Only lines that match.
    Keep,
    /// No lines that match.
    Hide,
}

impl Kind {
    /// The flag of `logtap open` that sets such a filter.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::Label => "--label",
            Self::Level => "--level",
            Self::Keep => "--grep",
            Self::Hide => "--hide",
        }
    }

    /// How it is shown before its text.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Label => "label ",
            Self::Level => "level ",
            Self::Keep => "keep ",
            Self::Hide => "hide ",
        }
    }
}

/// One filter of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What it does.
    pub kind: Kind,
    /// Regular expression, label matcher or name of a level.
    pub text: String,
    /// It is in force.
    pub on: bool,
}

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Pattern or label.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// No such level.
    #[error("invalid level {0:?}: write trace, debug, info, warn, error or fatal")]
    Level(String),
}

/// A level by its name or the start of it.
///
/// # Errors
/// If there is no such level.
pub fn level(text: &str) -> Result<Level, FilterError> {
    let wanted = text.trim().to_ascii_lowercase();
    Level::ALL
        .into_iter()
        .find(|level| *level != Level::Unknown && !wanted.is_empty() && level.name().starts_with(&wanted))
        .ok_or_else(|| FilterError::Level(text.to_owned()))
}

/// Compiled filters.
#[derive(Debug, Clone, Default)]
pub struct Sieve {
    /// Tells sieves apart.
    pub id: u64,
    query: Query,
    rules: Vec<(Kind, Pattern)>,
    level: Option<Level>,
    /// Lines that are shown before and behind each that passes, and what they pass.
    around: Option<(usize, Arc<Sieve>)>,
}

impl Sieve {
    /// Compiles those filters that are on.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn new(id: u64, filters: &[Filter], from: Option<i64>, to: Option<i64>) -> Result<Self, FilterError> {
        let mut sieve = Self { id, query: Query { from, to, ..Query::default() }, ..Self::default() };
        for filter in filters.iter().filter(|filter| filter.on) {
            match filter.kind {
                Kind::Label => sieve.query.labels.push(filter.text.parse::<LabelMatcher>()?),
                Kind::Level => sieve.level = sieve.level.max(Some(level(&filter.text)?)),
                Kind::Keep | Kind::Hide => {
                    let pattern = Pattern::new(&filter.text, PatternOptions::default())?;
                    if filter.kind == Kind::Keep && sieve.query.pattern.is_none() {
                        sieve.query.pattern = Some(pattern.clone());
                    }
                    sieve.rules.push((filter.kind, pattern));
                }
            }
        }
        Ok(sieve)
    }

    /// Of each filter by itself, on or off, the sieve of the lines that match it: those that it keeps or hides.
    /// Those before it that are of no use match nothing.
    #[must_use]
    pub fn of_each(id: u64, filters: &[Filter], from: Option<i64>, to: Option<i64>) -> Vec<Option<Self>> {
        let alone = |filter: &Filter| {
            let kind = if filter.kind == Kind::Hide { Kind::Keep } else { filter.kind };
            Filter { kind, text: filter.text.clone(), on: true }
        };
        let id = |at: usize| id.wrapping_sub(at as u64 + 1);
        filters.iter().enumerate().map(|(at, filter)| Self::new(id(at), &[alone(filter)], from, to).ok()).collect()
    }

    /// As it is, and only what matches this too.
    #[must_use]
    pub fn and(&self, pattern: &Pattern) -> Self {
        let mut both = self.clone();
        both.query.pattern = Some(pattern.clone());
        both.rules.push((Kind::Keep, pattern.clone()));
        both
    }

    /// As it is, and only this level or worse.
    #[must_use]
    pub fn at_least(&self, level: Level) -> Self {
        Self { level: self.level.max(Some(level)), ..self.clone() }
    }

    /// As it is, and only the marks of gaps.
    #[must_use]
    pub fn gaps(&self) -> Self {
        let mut gaps = self.clone();
        gaps.query.labels.push(LabelMatcher::equal(MARK, GAP));
        gaps
    }

    /// As it is, and only from and up to these times.
    #[must_use]
    pub fn within(mut self, from: Option<i64>, to: Option<i64>) -> Self {
        self.query.from = self.query.from.max(from);
        self.query.to = self.query.to.into_iter().chain(to).min();
        self
    }

    /// As it is, and around each line so many before and behind it. These need not match what is kept, nor be of the
    /// level; everything else holds for them too. Where nothing is kept out by that, there are none.
    #[must_use]
    pub fn with_context(self, lines: usize) -> Self {
        let around = (lines > 0 && self.keeps()).then(|| {
            let rules = self.rules.iter().filter(|(kind, _)| *kind == Kind::Hide).cloned().collect();
            let query = Query { pattern: None, ..self.query.clone() };
            (lines, Arc::new(Self { id: self.id, query, rules, level: None, around: None }))
        });
        Self { around, ..self }
    }

    /// True if lines have to match something, or be of some level.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.level.is_some() || self.rules.iter().any(|(kind, _)| *kind == Kind::Keep)
    }

    /// Lines before and behind each that passes, and what they pass.
    #[must_use]
    pub fn around(&self) -> Option<(usize, &Self)> {
        self.around.as_ref().map(|(lines, beside)| (*lines, &**beside))
    }

    /// As it is, under another number.
    #[must_use]
    pub fn numbered(self, id: u64) -> Self {
        Self { id, ..self }
    }

    /// True if it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.query.is_empty() && self.rules.is_empty() && self.level.is_none()
    }

    /// False only if no line of the page passes.
    #[must_use]
    pub fn wants(&self, source: &Source, page: usize) -> bool {
        match &source.opened.index {
            Some(index) => {
                index.frames.get(page).is_none_or(|info| self.query.frames(&source.opened.file, index).wants(info))
            }
            None => self.query.wants_span(source.spans[page]),
        }
    }
}

/// Judges lines by a sieve and makes rows of them; remembers label sets.
#[derive(Debug, Default)]
pub struct Judge {
    sets: HashMap<Box<[u8]>, Verdict>,
    sieve: u64,
    scratch: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Verdict {
    labels: Labels,
    wanted: bool,
    /// Per rule of the sieve, whether a label value matches.
    hits: Arc<[bool]>,
}

/// Label sets remembered.
const MAX_SETS: usize = 20_000;

impl Judge {
    /// True if a stored line passes.
    pub fn passes(&mut self, sieve: &Sieve, stored: &[u8]) -> bool {
        self.judge(sieve, stored).is_some()
    }

    /// The row of a stored line, if it passes.
    pub fn row(&mut self, sieve: &Sieve, key: Key, stored: &[u8]) -> Option<Row> {
        let labels = self.judge(sieve, stored)?;
        let parts = line::split(stored).ok()?;
        let message = parts.message_text(&mut self.scratch).into_owned();
        Some(Row::new(key, parts.ts, labels, message, parts.meta.as_deref()))
    }

    fn judge(&mut self, sieve: &Sieve, stored: &[u8]) -> Option<Labels> {
        let parts = line::split(stored).ok()?;
        let verdict = self.verdict(sieve, &parts.labels);
        if !verdict.wanted || !sieve.query.wants_time(parts.ts) {
            return None;
        }
        let message = parts.message_text(&mut self.scratch);
        if sieve.level.is_some_and(|level| Level::of(message.as_bytes()) < level) {
            return None;
        }
        let holds = |((kind, pattern), hit): (&(Kind, Pattern), &bool)| {
            (*hit || pattern.is_match(message.as_bytes())) == (*kind == Kind::Keep)
        };
        sieve.rules.iter().zip(&*verdict.hits).all(holds).then_some(verdict.labels)
    }

    fn verdict(&mut self, sieve: &Sieve, raw: &[u8]) -> Verdict {
        if self.sieve != sieve.id || self.sets.len() > MAX_SETS {
            self.sets.clear();
            self.sieve = sieve.id;
        }
        if let Some(known) = self.sets.get(raw) {
            return known.clone();
        }
        let labels: Labels = Arc::new(LabelSet::new(line::object_pairs(raw)));
        let hit = |pattern: &Pattern| labels.pairs().iter().any(|(_, value)| pattern.is_match(value.as_bytes()));
        let verdict = Verdict {
            wanted: sieve.query.labels.iter().all(|matcher| matcher.matches(&labels)),
            hits: sieve.rules.iter().map(|(_, pattern)| hit(pattern)).collect(),
            labels: labels.clone(),
        };
        self.sets.insert(raw.into(), verdict.clone());
        verdict
    }
}
