//! Which lines are wanted, and what an index says of them. Gap marks are wanted by the time they speak
//! of alone: whoever gets a part of a capture learns what is missing in it.

use logtap_capture::block_index::{BlockIndex, FrameInfo};
use logtap_capture::level::Level;
use logtap_capture::origin::Wanted;
use logtap_capture::query::{LabelMatcher, Pattern, PatternOptions, Query, QueryError};
use logtap_capture::reader::OpenedFile;
use logtap_capture::{labels, time};

/// What a filter is made of, as a person writes it.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Earliest `ts`, inclusive, nanoseconds.
    pub from: Option<i64>,
    /// Latest `ts`, inclusive.
    pub to: Option<i64>,
    /// Label matchers; all must hold.
    pub labels: Vec<String>,
    /// This level or a worse one.
    pub level: Option<Level>,
    /// Regular expressions; a message or a label value must match each.
    pub grep: Vec<String>,
}

/// A compiled filter.
#[derive(Debug)]
pub struct Filter {
    pub(crate) query: Query,
    /// Further patterns.
    pub(crate) also: Vec<Pattern>,
    pub(crate) level: Option<Level>,
    /// Finds gap marks.
    pub(crate) gaps: Query,
    words: Words,
}

impl Filter {
    /// Compiles it.
    ///
    /// # Errors
    /// If a matcher or an expression cannot be used.
    pub fn new(words: Words) -> Result<Self, QueryError> {
        let mut patterns = words
            .grep
            .iter()
            .map(|text| Pattern::new(text, PatternOptions::default()))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let labels = words.labels.iter().map(|text| text.parse()).collect::<Result<Vec<LabelMatcher>, _>>()?;
        let query = Query { pattern: patterns.next(), labels, from: words.from, to: words.to };
        let gap = format!("{}={}", labels::MARK, labels::GAP).parse()?;
        let gaps = Query { labels: vec![gap], ..Query::default() };
        Ok(Self { query, also: patterns.collect(), level: words.level, gaps, words })
    }

    /// True if every line is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.query.is_empty() && self.level.is_none()
    }

    /// The filter in words, for the metadata; `None` if every line is wanted.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        (!self.is_empty()).then(|| Wanted {
            from: self.words.from.map(time::format),
            to: self.words.to.map(time::format),
            labels: self.words.labels.clone(),
            level: self.words.level.map(|level| level.name().to_owned()),
            grep: self.words.grep.clone(),
        })
    }

    /// Prepares the choice of frames of a sealed file.
    pub(crate) fn frames<'f>(&'f self, opened: &'f OpenedFile) -> Option<Frames<'f>> {
        let index = opened.index.as_ref()?;
        let sets = index
            .sets
            .iter()
            .map(|(labels, _)| Set {
                is_gap: labels.is_gap(),
                wanted: labels.is_gap() || self.query.labels.iter().all(|matcher| matcher.matches(labels)),
            })
            .collect();
        Some(Frames { filter: self, choice: self.query.frames(&opened.file, index), index, sets })
    }
}

struct Set {
    is_gap: bool,
    wanted: bool,
}

/// What can be told of a file's frames without decoding them.
pub(crate) struct Frames<'f> {
    filter: &'f Filter,
    choice: logtap_capture::query::FrameChoice<'f>,
    index: &'f BlockIndex,
    sets: Vec<Set>,
}

impl Frames<'_> {
    /// False only if the frame holds no wanted line and no gap mark.
    pub(crate) fn wants(&self, info: &FrameInfo) -> bool {
        self.may_hold_gaps(info) || self.choice.wants(info)
    }

    /// True if each line of the frame is wanted for certain.
    pub(crate) fn wants_all(&self, info: &FrameInfo) -> bool {
        let query = &self.filter.query;
        let labels = || {
            query.labels.is_empty()
                || info.sets.as_ref().is_some_and(|sets| sets.iter().all(|set| self.sets[*set as usize].wanted))
        };
        query.pattern.is_none()
            && self.filter.level.is_none()
            && query.from.is_none_or(|from| info.ts.from >= from)
            && query.to.is_none_or(|to| info.ts.to <= to)
            && labels()
    }

    fn may_hold_gaps(&self, info: &FrameInfo) -> bool {
        match &info.sets {
            Some(sets) => sets.iter().any(|set| self.sets[*set as usize].is_gap),
            None => self.index.sets_overflow > 0 || self.sets.iter().any(|set| set.is_gap),
        }
    }
}
