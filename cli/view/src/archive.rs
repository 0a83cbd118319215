//! The lines of a capture as one sequence that can be entered anywhere and
//! walked both ways. Finished captures are in order of time, growing ones in
//! order of arrival. A page is decoded when a line of it is wanted, not before.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use logtap_capture::chunk::Span;
use logtap_capture::pages::{self, Page};
use logtap_capture::reader::{Capture, OpenError, OpenedFile};

mod decoded;
mod walk;

pub use decoded::{Cache, Decoded};
pub use walk::{Direction, Flow, Walk};

/// Place of a line in the sequence. `ts` is 0 in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Nanoseconds since 1970, where time is the order.
    pub ts: i64,
    /// Number of the file.
    pub file: u32,
    /// Number of the page in the file.
    pub page: u32,
    /// Number of the line in the page.
    pub line: u32,
}

impl Key {
    /// Before every line.
    pub const FIRST: Self = Self { ts: i64::MIN, file: 0, page: 0, line: 0 };
    /// Behind every line.
    pub const LAST: Self = Self { ts: i64::MAX, file: u32::MAX, page: u32::MAX, line: u32::MAX };

    /// Directly behind this line.
    #[must_use]
    pub fn behind(self) -> Self {
        Self { line: self.line.saturating_add(1), ..self }
    }

    /// Directly before this line.
    #[must_use]
    pub fn before(self) -> Self {
        const MOST: u32 = u32::MAX;
        match self {
            Self { line: 1.., .. } => Self { line: self.line - 1, ..self },
            Self { page: 1.., .. } => Self { page: self.page - 1, line: MOST, ..self },
            Self { file: 1.., .. } => Self { file: self.file - 1, page: MOST, line: MOST, ..self },
            Self { ts, .. } => Self { ts: ts.saturating_sub(1), ..Self::LAST },
        }
    }

    /// Before every line of this time or later.
    #[must_use]
    pub fn at(ts: i64) -> Self {
        Self { ts, ..Self::FIRST }
    }
}

/// What the sequence is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `ts`; equal times in order of arrival.
    Time,
    /// As the lines stand in the files.
    Arrival,
}

/// One data file.
#[derive(Debug)]
pub struct Source {
    /// Its name, by which it is found again.
    pub name: String,
    /// Its number; numbers grow with names.
    pub number: u32,
    /// The open file.
    pub opened: Arc<OpenedFile>,
    /// Its pages.
    pub pages: Vec<Page>,
    /// Times in each page; empty where they are not known.
    pub spans: Vec<Span>,
    /// Lines in each page; 0 where they are not known.
    pub lines: Vec<u64>,
}

/// The files of a capture at one moment. Cheap to copy.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The directory, or the archive.
    pub dir: PathBuf,
    /// Files in order of their names.
    pub files: Vec<Arc<Source>>,
    /// What the lines are ordered by.
    pub order: Order,
    /// Bytes of files that could not be read.
    pub unreadable: u64,
    /// Names met so far; a file's number is its position.
    names: Vec<String>,
}

impl Archive {
    /// Opens the files of a capture. Their indexes are read, no frame is decoded.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of(capture: &Capture) -> Result<Self, OpenError> {
        let dir = &capture.dir;
        let mut archive =
            Self { dir: dir.clone(), files: Vec::new(), order: Order::Time, unreadable: 0, names: Vec::new() };
        archive.follow(capture).map_err(|source| OpenError::Io { dir: dir.clone(), source })?;
        Ok(archive)
    }

    /// Takes up what has changed in the directory; returns true if anything has.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn follow(&mut self, capture: &Capture) -> io::Result<bool> {
        let mut files = Vec::with_capacity(capture.files.len());
        let mut changed = capture.files.len() != self.files.len();
        for file in &capture.files {
            let known = self.files.iter().find(|known| same_file(&known.name, &file.name)).cloned();
            let length = file.size().unwrap_or(0);
            if let Some(known) = known.as_ref().filter(|known| known.name == file.name && known.opened.length == length)
            {
                files.push(known.clone());
                continue;
            }
            changed = true;
            let number = self.number(&file.name);
            let Some(opened) = file.open()? else { continue };
            let source = match known.filter(|known| known.opened.index.is_none() && opened.index.is_none()) {
                Some(known) => known.grown(opened)?,
                None => Source::new(file.name.clone(), number, opened)?,
            };
            files.push(Arc::new(source));
        }
        self.files = files;
        self.order = if capture.live || self.files.iter().any(|file| !file.is_surveyed()) {
            Order::Arrival
        } else {
            Order::Time
        };
        Ok(changed)
    }

    fn number(&mut self, name: &str) -> u32 {
        let known = self.names.iter().position(|known| same_file(known, name));
        let at = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Range of all times that are known.
    #[must_use]
    pub fn span(&self) -> Span {
        let mut span = Span::default();
        for one in self.files.iter().flat_map(|file| &file.spans) {
            span.merge(*one);
        }
        span
    }

    /// Lines in pages whose lines are counted.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.files.iter().flat_map(|file| &file.lines).sum()
    }
}

/// 1.x compresses a plain file under a longer name.
fn same_file(a: &str, b: &str) -> bool {
    a == b || a.strip_suffix(".zst") == Some(b) || b.strip_suffix(".zst") == Some(a)
}

impl Source {
    fn new(name: String, number: u32, opened: OpenedFile) -> io::Result<Self> {
        let pages = pages::layout(&opened, 0)?;
        let (spans, lines) = match &opened.index {
            Some(index) => (
                index.frames.iter().map(|frame| frame.ts).collect(),
                index.frames.iter().map(|frame| frame.lines).collect(),
            ),
            None => (vec![Span::default(); pages.len()], vec![0; pages.len()]),
        };
        Ok(Self { name, number, opened: Arc::new(opened), pages, spans, lines })
    }

    /// The same file with more known about its pages.
    #[must_use]
    pub fn with(&self, spans: Vec<Span>, lines: Vec<u64>) -> Self {
        let (opened, pages) = (self.opened.clone(), self.pages.clone());
        Self { name: self.name.clone(), number: self.number, opened, pages, spans, lines }
    }

    /// The same file, longer: pages that cannot grow stay what they were.
    fn grown(&self, opened: OpenedFile) -> io::Result<Self> {
        let firm = self.pages.iter().take_while(|page| !page.may_grow()).count();
        let from = self
            .pages
            .get(firm)
            .map_or_else(|| self.pages.last().map_or(0, |last| last.at + last.size), |page| page.at);
        let mut pages = self.pages[..firm].to_vec();
        pages.extend(pages::layout(&opened, from)?);
        let (mut spans, mut lines) = (self.spans[..firm].to_vec(), self.lines[..firm].to_vec());
        spans.resize(pages.len(), Span::default());
        lines.resize(pages.len(), 0);
        Ok(Self { name: self.name.clone(), number: self.number, opened: Arc::new(opened), pages, spans, lines })
    }

    /// True if the times and lines of every page are known.
    #[must_use]
    pub fn is_surveyed(&self) -> bool {
        self.opened.index.is_some() || self.lines.iter().all(|lines| *lines > 0)
    }
}
