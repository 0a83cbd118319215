//! A capture made from others, frame by frame, without a receiver: nothing of it is seen before it is
//! whole, and names and times in it come from its lines, so that the same input gives the same bytes.

mod pack;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use crate::block_index::{self, FrameInfo, FrameRecord};
use crate::chunk::Span;
use crate::disk::{Disk, DiskFile};
use crate::index::{self, IndexLine};
use crate::labels;
use crate::lock::Lock;
use crate::metadata::Metadata;
use crate::name::Names;
use crate::reader::OpenedFile;
use crate::sequence::Sources;
use crate::summary::Summary;
use crate::target::{Target, TargetError};
use crate::{seal, time};

pub use pack::{Packed, Packer, plain_line};

/// Bytes copied in one piece.
const COPY: usize = 1 << 20;

/// A capture in the making. Dropped before [`Self::finish`], nothing of it is left.
#[derive(Debug)]
pub struct Derivation {
    target: Target,
    disk: Arc<dyn Disk>,
    /// Held until the end.
    lock: Option<Lock>,
    names: Names,
    max_file: u64,
    open: Option<Growing>,
    index: Vec<IndexLine>,
    total: Made,
}

/// What a derived capture holds.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// Lines, marks included.
    pub lines: u64,
    /// Of those, gap marks.
    pub gaps: u64,
    /// Marks of any kind.
    pub marks: u64,
    /// Bytes of the lines, uncompressed.
    pub bytes: u64,
    /// Bytes of the data files.
    pub size: u64,
    /// Data files.
    pub files: u64,
    /// Range of `ts`.
    pub ts: Span,
    /// Lines that gap marks call lost.
    pub lost: crate::lost::Lost,
    /// Names of all labels.
    pub labels: BTreeSet<String>,
}

#[derive(Debug)]
struct Growing {
    name: String,
    file: Arc<dyn DiskFile>,
    end: u64,
    frames: Vec<FrameRecord>,
    summary: Summary,
}

impl Derivation {
    /// Begins a capture; its data files are closed at `max_file` compressed bytes.
    ///
    /// # Errors
    /// Why the target is not written to.
    pub fn begin(target: Target, disk: Arc<dyn Disk>, max_file: u64) -> Result<Self, TargetError> {
        let lock = Some(target.begin_directory(&disk)?);
        let (names, index, total) = (Names::default(), Vec::new(), Made::default());
        Ok(Self { target, disk, lock, names, max_file, open: None, index, total })
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn append(&mut self, packed: Packed) -> io::Result<()> {
        let Packed { bytes, record, summary } = packed;
        if summary.lines == 0 {
            return Ok(());
        }
        let open = self.growing(summary.ts)?;
        open.file.write_all_at(&bytes, open.end)?;
        open.push(record, bytes.len() as u64);
        open.summary.merge(&summary);
        self.seal_if_full()
    }

    /// Copies a frame as it stands in a sealed file; `summary` is of its lines.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn copy_frame(&mut self, from: &OpenedFile, info: &FrameInfo, summary: &Summary) -> io::Result<()> {
        let record = recorded(from, info)?;
        let open = self.growing(info.ts)?;
        copy(from, open.file.as_ref(), info.at, info.size, open.end)?;
        open.push(record, info.size);
        open.summary.merge(&Summary { lines: info.lines, bytes: info.bytes, ..summary.clone() });
        self.seal_if_full()
    }

    /// Copies all frames of a sealed file, of which nothing needs to be decoded.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn copy_file(&mut self, from: &OpenedFile) -> io::Result<()> {
        let Some(index) = from.index.as_ref().filter(|index| index.lines() > 0) else {
            return Ok(());
        };
        let summary = index.summary(&from.file)?;
        let end = index.data_end();
        if self.open.as_ref().is_some_and(|open| open.end + end > self.max_file) {
            self.seal()?;
        }
        let open = self.growing(summary.ts)?;
        copy(from, open.file.as_ref(), 0, end, open.end)?;
        for info in &index.frames {
            let record = recorded(from, info)?;
            open.push(record, info.size);
        }
        open.summary.merge(&summary);
        self.seal_if_full()
    }

    /// Seals the last file, completes the metadata with what the files hold, and puts the capture into its
    /// place. What it holds is read from there again.
    ///
    /// # Errors
    /// The first step that failed; there is no result then.
    pub fn finish(mut self, mut metadata: Metadata) -> Result<Made, TargetError> {
        let growing = self.target.growing();
        let path = self.target.path().to_owned();
        let failed = |source| TargetError::Io { path: path.clone(), source };
        self.seal().map_err(failed)?;
        self.total = survey(&growing, &self.index).map_err(failed)?;
        let Made { lines, bytes, marks, ts, lost, labels, .. } = self.total.clone();
        if !ts.is_empty() {
            metadata.started = time::format(ts.from);
            metadata.stopped = Some(time::format(ts.to));
        }
        metadata.stopped.get_or_insert_with(|| metadata.started.clone());
        metadata.total_lines = lines;
        metadata.total_bytes = bytes;
        metadata.labels_seen = Some(labels);
        metadata.lost = lost;
        metadata.counters.marks = marks;
        metadata.counters.written = lines - marks;
        metadata.counters.received = metadata.counters.written + metadata.dropped.values().sum::<u64>();
        if !self.index.is_empty() {
            index::rewrite(self.disk.as_ref(), &growing, self.index.iter()).map_err(failed)?;
        }
        metadata.write(self.disk.as_ref(), &growing).map_err(failed)?;
        if let Some(lock) = self.lock.take() {
            let placed = self.target.finish_directory(self.disk.as_ref(), lock);
            if placed.is_err()
                && let Ok(lock) = Lock::take(&growing)
            {
                self.lock = Some(lock);
            }
            placed?;
        }
        Ok(std::mem::take(&mut self.total))
    }

    fn growing(&mut self, ts: Span) -> io::Result<&mut Growing> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                // Lines without a time make the range empty, or endless.
                let timeless = ts.is_empty() || ts.from == i64::MIN;
                let name = self.names.next(if timeless { 0 } else { ts.from });
                let file = self.disk.create_new(&self.target.growing().join(&name))?;
                Growing { name, file, end: 0, frames: Vec::new(), summary: Summary::default() }
            }
        };
        Ok(self.open.insert(open))
    }

    fn seal_if_full(&mut self) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.end >= self.max_file) { self.seal() } else { Ok(()) }
    }

    fn seal(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        // Numbers of senders' records say where a receiver goes on; nobody goes on here.
        open.summary.sources = Sources::default();
        let parts = block_index::encode(&open.frames, &open.summary, open.end);
        seal::write_parts(open.file.as_ref(), &parts, open.end)?;
        open.file.sync()?;
        self.index.push(IndexLine::new(&open.name, open.end + parts.len() as u64, &open.summary));
        Ok(())
    }
}

impl Drop for Derivation {
    fn drop(&mut self) {
        self.open = None;
        if let Some(lock) = self.lock.take() {
            self.target.abandon_directory(self.disk.as_ref(), lock);
        }
    }
}

impl Growing {
    fn push(&mut self, mut record: FrameRecord, size: u64) {
        record.info.at = self.end;
        record.info.size = size;
        self.end += size;
        self.frames.push(record);
    }
}

/// What a sealed file knows about one of its frames.
fn recorded(from: &OpenedFile, info: &FrameInfo) -> io::Result<FrameRecord> {
    let Some(index) = &from.index else {
        return Err(io::Error::other("the file has no index"));
    };
    let labels = info.sets.as_ref().map(|sets| {
        sets.iter().filter_map(|set| index.sets.get(*set as usize)).map(|(labels, _)| labels.clone()).collect()
    });
    Ok(FrameRecord { info: info.clone(), labels, filter: index.filter(&from.file, info).read()? })
}

fn copy(from: &OpenedFile, to: &dyn DiskFile, at: u64, length: u64, end: u64) -> io::Result<()> {
    let mut buffer = vec![0; COPY.min(length as usize)];
    let mut done = 0;
    while done < length {
        let piece = &mut buffer[..COPY.min((length - done) as usize)];
        from.file.read_exact_at(piece, at + done)?;
        to.write_all_at(piece, end + done)?;
        done += piece.len() as u64;
    }
    Ok(())
}

/// What the files hold, from their own indexes.
fn survey(dir: &std::path::Path, lines: &[IndexLine]) -> io::Result<Made> {
    let mut made = Made::default();
    for line in lines {
        let file = std::fs::File::open(dir.join(&line.file))?;
        let length = file.metadata()?.len();
        let index = block_index::BlockIndex::read(&file, length)?
            .ok_or_else(|| io::Error::other(format!("{} cannot be read back", line.file)))?;
        made.files += 1;
        made.size += length;
        made.lines += index.lines();
        made.lost.merge(&index.lost);
        for info in &index.frames {
            made.bytes += info.bytes;
        }
        let timed = index.frames.iter().filter(|info| info.ts.from != i64::MIN);
        timed.for_each(|info| made.ts.merge(info.ts));
        made.labels.extend(line.labels.keys().cloned());
        let marks =
            |value: &str| line.labels.get(labels::MARK).and_then(|values| values.get(value)).copied().unwrap_or(0);
        made.gaps += marks(labels::GAP);
        made.marks += marks(labels::GAP) + marks(labels::END);
    }
    Ok(made)
}
