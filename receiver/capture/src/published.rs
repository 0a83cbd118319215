//! What a running receiver publishes of the file that it is writing: the
//! frames that are whole, and what their lines count by time, service and
//! level. It stands in the lock file behind the number of the process, so that
//! it comes and goes with the receiver and no other file of a capture knows of
//! it. A view that reads it need not decode what arrives; nothing else depends
//! on it, and whatever goes wrong with it costs no line.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block_index::{FrameInfo, StoredTimeline};
use crate::chunk::Span;
use crate::disk::{Disk, DiskFile};
use crate::folder::Folder;
use crate::name;
use crate::pages::Page;
use crate::summary::Timeline;

/// Longest line. A frame of so many services and times is published without its timeline.
const MAX_LINE: usize = 64 << 10;

/// A whole frame of a file that is being written.
#[derive(Debug, Clone)]
pub struct PublishedFrame {
    /// Name of the file.
    pub file: String,
    /// Where it stands.
    pub page: Page,
    /// Its lines.
    pub lines: u64,
    /// Range of `ts`.
    pub ts: Span,
    /// Its lines by time, service and level.
    pub timeline: Timeline,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    file: String,
    at: u64,
    size: u64,
    bytes: u64,
    lines: u64,
    ts: (i64, i64),
    timeline: StoredTimeline,
}

/// Publishes, on the side of the writer.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// The lock file; none once writing to it has failed.
    file: Option<Arc<dyn DiskFile>>,
    /// Bytes that say whose lock it is.
    base: u64,
    /// Bytes behind them.
    length: u64,
}

impl Publisher {
    /// Publishes in a directory that is locked.
    pub(crate) fn new(dir: &Path, disk: &dyn Disk) -> Self {
        let path = dir.join(name::LOCK);
        let base = std::fs::metadata(&path).map_or(0, |data| data.len());
        // Behind an empty one, whoever looks for a process would find something else.
        let file = if base > 0 { disk.open(&path).ok() } else { None };
        Self { file, base, length: 0 }
    }

    /// Another file is being written.
    pub(crate) fn begin(&mut self) {
        if self.length > 0 {
            self.length = 0;
            let cut = |file: &Arc<dyn DiskFile>| file.truncate(self.base);
            self.file = self.file.take().filter(|file| cut(file).is_ok());
        }
    }

    /// A frame of the file is whole. `fits` is asked whether there is room for so many bytes.
    pub(crate) fn add(&mut self, name: &str, info: &FrameInfo, timeline: &Timeline, fits: impl FnOnce(u64) -> bool) {
        let Some(file) = &self.file else { return };
        let stored = Stored {
            file: name.to_owned(),
            at: info.at,
            size: info.size,
            bytes: info.bytes,
            lines: info.lines,
            ts: (info.ts.from, info.ts.to),
            timeline: StoredTimeline::of(timeline),
        };
        let Ok(json) = serde_json::to_string(&stored) else { return };
        let line = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
        if line.len() > MAX_LINE || !fits(line.len() as u64) {
            return;
        }
        match file.write_all_at(line.as_bytes(), self.base + self.length) {
            Ok(()) => self.length += line.len() as u64,
            Err(_) => self.file = None,
        }
    }
}

/// What is published at one moment.
#[derive(Debug, Clone, Default)]
pub struct Published(Vec<u8>);

impl Published {
    /// What is published in a directory now; nothing if no receiver runs.
    #[must_use]
    pub fn read(folder: &Folder) -> Self {
        Self(folder.read(name::LOCK).ok().flatten().unwrap_or_default())
    }

    /// The content of a lock file.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The frames, newest first, read one by one; a line that was being written, or replaced, is passed over.
    pub fn frames(&self) -> impl Iterator<Item = PublishedFrame> {
        self.0.rsplit(|byte| *byte == b'\n').filter_map(parse_line)
    }
}

fn parse_line(line: &[u8]) -> Option<PublishedFrame> {
    let (crc, json) = line.split_at_checked(9)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?.strip_suffix(' ')?, 16).ok()?;
    if crc != crc32fast::hash(json) {
        return None;
    }
    let stored: Stored = serde_json::from_slice(json).ok()?;
    let info = FrameInfo { at: stored.at, size: stored.size, bytes: stored.bytes, ..FrameInfo::default() };
    Some(PublishedFrame {
        file: stored.file,
        page: Page::of(&info),
        lines: stored.lines,
        ts: Span { from: stored.ts.0, to: stored.ts.1 },
        timeline: stored.timeline.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::lock::Lock;

    fn read(folder: &Folder) -> Vec<PublishedFrame> {
        Published::read(folder).frames().collect()
    }

    fn parse(bytes: &[u8]) -> Vec<PublishedFrame> {
        Published::of(bytes.to_owned()).frames().collect()
    }

    fn info(at: u64) -> FrameInfo {
        FrameInfo { at, size: 10, bytes: 100, lines: 3, ts: Span { from: 5, to: 7 }, ..FrameInfo::default() }
    }

    fn timeline() -> Timeline {
        Timeline::from_parts(1, [(4, Arc::from("api"), [0, 0, 0, 2, 0, 1, 0])])
    }

    #[test]
    fn what_is_added_is_read_and_the_holder_is_known_all_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = Lock::take(dir.path()).unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut publisher = Publisher::new(dir.path(), &RealDisk);
        assert!(read(&folder).is_empty());
        publisher.add("a", &info(0), &timeline(), |_| true);
        publisher.add("a", &info(10), &timeline(), |_| false);
        publisher.add("a", &info(20), &timeline(), |_| true);
        let found = read(&folder);
        assert_eq!(found.iter().map(|frame| frame.page.at).collect::<Vec<_>>(), [20, 0]);
        assert_eq!((found[1].file.as_str(), found[1].lines, found[1].ts), ("a", 3, Span { from: 5, to: 7 }));
        assert!(found[0].timeline.iter().eq(timeline().iter()));
        assert_eq!(Lock::holder(dir.path()), Some(std::process::id()));
        publisher.begin();
        assert!(read(&folder).is_empty());
        publisher.add("b", &info(0), &timeline(), |_| true);
        assert_eq!(read(&folder).iter().map(|frame| frame.file.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(Lock::holder(dir.path()), Some(std::process::id()));
    }

    #[test]
    fn damaged_lines_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = Lock::take(dir.path()).unwrap();
        let mut publisher = Publisher::new(dir.path(), &RealDisk);
        publisher.add("a", &info(0), &timeline(), |_| true);
        publisher.add("a", &info(10), &timeline(), |_| true);
        let whole = std::fs::read(dir.path().join(name::LOCK)).unwrap();
        assert_eq!(parse(&whole).len(), 2);
        for at in 0..whole.len() - 1 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(parse(&flipped).iter().all(|frame| frame.lines == 3 && frame.file == "a"), "byte {at}");
            assert!(parse(&whole[..at]).len() <= 1, "cut at {at}");
        }
    }

    #[test]
    fn a_frame_of_too_many_services_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = Lock::take(dir.path()).unwrap();
        let mut publisher = Publisher::new(dir.path(), &RealDisk);
        let many = (0..900).map(|n| (n, Arc::from(format!("{n:0>80}")), [1; 7]));
        publisher.add("a", &info(0), &Timeline::from_parts(1, many), |_| true);
        assert!(read(&Folder::open(dir.path()).unwrap()).is_empty());
        publisher.add("a", &info(10), &timeline(), |_| true);
        assert_eq!(read(&Folder::open(dir.path()).unwrap()).len(), 1);
    }
}
