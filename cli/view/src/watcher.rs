//! Keeps what is known of the whole capture: the files as they grow, and counts
//! by time, service and level. Sealed files answer from their index, the one that
//! is being written from what its receiver publishes; of others every page is
//! counted once, and the growing one again when it has grown.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::chunk::Span;
use logtap_capture::folder::Folder;
use logtap_capture::metadata::Metadata;
use logtap_capture::pages::PageReader;
use logtap_capture::published::Published;
use logtap_capture::reader::{Capture, OpenError};
use logtap_capture::summary::Timeline;
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
    lines: u64,
    ts: Span,
    timeline: Timeline,
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
                open.merge(&counted.timeline);
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
            complete: if self.capture.live { !self.is_behind() } else { self.next().is_none() },
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
        self.take_published();
        for file in &mut self.archive.files {
            restore(file, &self.pages);
        }
        self.settle();
        self.stale |= grown;
        Ok(grown || before.live != self.capture.live || before.metadata != self.capture.metadata)
    }

    /// Takes what the receiver has counted of pages that are not counted here.
    fn take_published(&mut self) {
        let growing = self.archive.files.iter().rev().find(|file| file.opened.index.is_none());
        let Some(file) = growing.filter(|_| self.capture.live) else { return };
        let Some(first) = (0..file.pages.len()).find(|page| !self.is_counted(file, *page)) else { return };
        if file.pages[first].may_grow() {
            return;
        }
        for frame in Published::read(&self.capture.folder).frames() {
            if frame.file != file.name || frame.page.at < file.pages[first].at {
                break;
            }
            // Frames that were ended after the file was looked at come the next time.
            let Ok(page) = file.pages.binary_search_by_key(&frame.page.at, |page| page.at) else { continue };
            if file.pages[page].size == frame.page.size && !file.pages[page].may_grow() {
                let (size, lines, ts, timeline) = (frame.page.size, frame.lines, frame.ts, frame.timeline);
                self.pages.insert((file.number, page), Counted { size, lines, ts, timeline });
                self.stale = true;
            }
        }
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

    /// True if something is not counted yet that would stay as it is.
    pub fn is_behind(&self) -> bool {
        self.archive.files.iter().any(|file| match file.opened.index {
            Some(_) => !self.sealed.1.contains(&file.number),
            None => (0..file.pages.len()).any(|page| {
                let grows = file.pages[page].may_grow() && self.pages.contains_key(&(file.number, page));
                !grows && !self.is_counted(file, page)
            }),
        })
    }

    fn is_counted(&self, file: &Source, page: usize) -> bool {
        self.pages.get(&(file.number, page)).is_some_and(|known| known.size == file.pages[page].size)
    }

    fn next(&self) -> Option<(usize, usize)> {
        for (at, file) in self.archive.files.iter().enumerate().rev() {
            if file.opened.index.is_some() {
                if !self.sealed.1.contains(&file.number) {
                    return Some((at, 0));
                }
                continue;
            }
            let counted = |page: usize| self.is_counted(file, page);
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
        let summary = collector.summary;
        let (size, lines, ts, timeline) = (file.pages[page].size, summary.lines, summary.ts, summary.timeline);
        self.pages.insert((file.number, page), Counted { size, lines, ts, timeline });
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
    if known.iter().all(|(page, counted)| file.lines[*page] == counted.lines) {
        return;
    }
    let (mut spans, mut lines) = (file.spans.clone(), file.lines.clone());
    for (page, counted) in known {
        spans[page] = counted.ts;
        lines[page] = counted.lines;
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
