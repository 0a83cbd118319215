//! Keeps what is known of the whole capture: the files as they grow, and counts
//! by time, service and level. Sealed files answer from their index; of others
//! every page is counted once, and the growing one again whenever it has grown.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::folder::Folder;
use logtap_capture::metadata::Metadata;
use logtap_capture::pages::PageReader;
use logtap_capture::reader::{Capture, OpenError};
use logtap_capture::summary::{Summary, Timeline};
use logtap_capture::survey::Collector;

use crate::archive::{Archive, Order, Source};

/// Longest stretch of counting between two looks at the directory.
const STRETCH: Duration = Duration::from_millis(100);

/// The capture at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Files and pages.
    pub archive: Arc<Archive>,
    /// `metadata.json`, if there is one that can be read.
    pub metadata: Option<Arc<Metadata>>,
    /// A receiver writes to it.
    pub live: bool,
    /// Lines by time, service and level, in parts that add up.
    pub timeline: Vec<Arc<Timeline>>,
    /// Services that have lines in it.
    pub services: usize,
    /// Everything there is has been counted.
    pub complete: bool,
    /// Bytes in the directory.
    pub disk: u64,
}

/// Watches one capture.
#[derive(Debug)]
pub struct Watcher {
    archive: Archive,
    capture: Capture,
    reader: PageReader,
    /// Counts of sealed files, added up, and which they are.
    sealed: (Timeline, Vec<u32>),
    pages: HashMap<(u32, usize), Counted>,
    timeline: Vec<Arc<Timeline>>,
    services: usize,
    stale: bool,
}

#[derive(Debug)]
struct Counted {
    size: u64,
    summary: Summary,
}

impl Watcher {
    /// Begins to watch a capture; nothing is counted yet.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn open(capture: Capture) -> Result<Self, OpenError> {
        let archive = Archive::of(&capture)?;
        Ok(Self {
            archive,
            capture,
            reader: PageReader::default(),
            sealed: (Timeline::default(), Vec::new()),
            pages: HashMap::new(),
            timeline: Vec::new(),
            services: 0,
            stale: true,
        })
    }

    /// What is known now.
    #[must_use]
    pub fn moment(&mut self) -> Moment {
        if std::mem::take(&mut self.stale) {
            let mut open = Timeline::default();
            for counted in self.pages.values() {
                open.merge(&counted.summary.timeline);
            }
            let names = [&self.sealed.0, &open].into_iter().flat_map(|part| part.iter().map(|cell| cell.1));
            self.services = names.collect::<HashSet<_>>().len();
            self.timeline = vec![Arc::new(self.sealed.0.clone()), Arc::new(open)];
        }
        Moment {
            archive: Arc::new(self.archive.clone()),
            metadata: self.capture.metadata.clone().map(Arc::new),
            live: self.capture.live,
            services: self.services,
            timeline: self.timeline.clone(),
            complete: self.next().is_none(),
            disk: size(&self.capture.folder),
        }
    }

    /// Takes up what changed in the directory. True if anything did.
    ///
    /// # Errors
    /// If the capture cannot be read any more.
    pub fn follow(&mut self) -> Result<bool, OpenError> {
        let again = self.capture.again()?;
        let before = std::mem::replace(&mut self.capture, again);
        let failed = |source: io::Error| OpenError::Io { dir: before.dir.clone(), source };
        let grown = self.archive.follow(&self.capture).map_err(failed)?;
        let numbers: Vec<u32> = self.archive.files.iter().map(|file| file.number).collect();
        if self.sealed.1.iter().any(|number| !numbers.contains(number)) {
            self.sealed = (Timeline::default(), Vec::new());
        }
        let unsealed =
            |number: u32| self.archive.files.iter().any(|file| file.number == number && file.opened.index.is_none());
        self.pages.retain(|(number, _), _| unsealed(*number));
        for file in &mut self.archive.files {
            restore(file, &self.pages);
        }
        self.settle();
        self.stale |= grown;
        Ok(grown || before.live != self.capture.live || before.metadata != self.capture.metadata)
    }

    /// The order is that of time once all times are known and nobody adds to them.
    fn settle(&mut self) {
        let settled = !self.capture.live && self.archive.files.iter().all(|file| file.is_surveyed());
        self.archive.order = if settled { Order::Time } else { Order::Arrival };
    }

    /// Counts for a while what is not counted yet. True if anything was.
    ///
    /// # Errors
    /// If reading fails.
    pub fn count(&mut self) -> io::Result<bool> {
        let began = Instant::now();
        let mut counted = false;
        while began.elapsed() < STRETCH {
            let Some((at, page)) = self.next() else { break };
            self.count_one(at, page)?;
            counted = true;
        }
        self.stale |= counted;
        self.settle();
        Ok(counted)
    }

    fn next(&self) -> Option<(usize, usize)> {
        for (at, file) in self.archive.files.iter().enumerate().rev() {
            if file.opened.index.is_some() {
                if !self.sealed.1.contains(&file.number) {
                    return Some((at, 0));
                }
                continue;
            }
            let counted = |page: usize| {
                self.pages.get(&(file.number, page)).is_some_and(|known| known.size == file.pages[page].size)
            };
            // The newest first; parts of one frame in their order.
            if let Some(mut page) = (0..file.pages.len()).rev().find(|page| !counted(*page)) {
                while file.pages[page].goes_on() && !counted(page - 1) {
                    page -= 1;
                }
                return Some((at, page));
            }
        }
        None
    }

    fn count_one(&mut self, at: usize, page: usize) -> io::Result<()> {
        let file = self.archive.files[at].clone();
        if let Some(index) = &file.opened.index {
            if let Some(timeline) = index.read_timeline(&file.opened.file)? {
                self.sealed.0.merge(&timeline);
            }
            self.sealed.1.push(file.number);
            return Ok(());
        }
        let mut collector = Collector::default();
        match self.reader.read(&file.opened, &file.pages[page]) {
            Ok(lines) => collector.add(&lines),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.archive.unreadable += file.pages[page].size
            }
            Err(error) => return Err(error),
        }
        let counted = Counted { size: file.pages[page].size, summary: collector.summary };
        self.pages.insert((file.number, page), counted);
        restore(&mut self.archive.files[at], &self.pages);
        Ok(())
    }
}

/// Puts what was counted of a file's pages into it.
fn restore(file: &mut Arc<Source>, pages: &HashMap<(u32, usize), Counted>) {
    if file.opened.index.is_some() {
        return;
    }
    let known: Vec<(usize, &Counted)> =
        (0..file.pages.len()).filter_map(|page| Some((page, pages.get(&(file.number, page))?))).collect();
    if known.iter().all(|(page, counted)| file.lines[*page] == counted.summary.lines) {
        return;
    }
    let (mut spans, mut lines) = (file.spans.clone(), file.lines.clone());
    for (page, counted) in known {
        spans[page] = counted.summary.ts;
        lines[page] = counted.summary.lines;
    }
    *file = Arc::new(Source::with(file, spans, lines));
}

fn size(folder: &Folder) -> u64 {
    let dir = match folder {
        Folder::Archive(archive) => return archive.size(),
        Folder::Directory(dir) => dir,
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(|data| data.is_file()).map(|data| data.len()).sum()
}
