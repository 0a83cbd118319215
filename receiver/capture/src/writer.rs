//! The one owner of the open data file.
//!
//! A group of chunks is compressed, brought to disk by one write and only then
//! counted; when [`Writer::append`] returns, the lines are in the kernel.

use std::io;
use std::sync::Arc;

use crate::audit::Event;
use crate::block_index::{FILTER_SHARE, FrameInfo, FrameRecord};
use crate::chunk::Chunk;
use crate::disk::DiskFile;
use crate::frame::{EMPTY_LAST_BLOCK, EncodeError, FRAME_TARGET, FrameEncoder, LEVEL};
use crate::grams::Grams;
use crate::keeper::{self, Job, SealJob};
use crate::labels::Labels;
use crate::published::Publisher;
use crate::sequence::Sources;
use crate::session::{Active, Fsync, Shared, Wanted};
use crate::summary::{MAX_SETS, Summary, Timeline};
use crate::time;

/// Room kept for the parts behind the frames when a file is sealed: filters at
/// [`FILTER_SHARE`] of its size and the rest of the index.
pub(crate) fn seal_reserve(size: u64) -> u64 {
    size / 9 + (16 << 10)
}

/// Why lines did not reach the disk. Nothing of the group is kept.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk, or the cap with nothing left to evict, has no room.
    #[error("no room on disk: {0}")]
    Full(#[source] io::Error),
    /// Any other failure.
    #[error("cannot write: {0}")]
    Failed(#[source] io::Error),
}

impl AppendError {
    /// Name of the reason as counted: `disk_full` or `disk_error`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Full(_) => "disk_full",
            Self::Failed(_) => "disk_error",
        }
    }
}

/// Appends groups of lines to the capture.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    encoder: FrameEncoder,
    grams: Grams,
    open: Option<OpenFile>,
    publisher: Publisher,
    sources: Sources,
}

#[derive(Debug)]
struct OpenFile {
    name: String,
    file: Arc<dyn DiskFile>,
    /// Offset up to which everything is acknowledged; an open frame's last block stands behind it.
    tail: u64,
    frames: Vec<FrameRecord>,
    current: FrameRecord,
    /// Counts of the current frame; those of the others are in the summary.
    timeline: Timeline,
    summary: Summary,
    flushes: u64,
    /// Bytes booked as used and as set aside for sealing.
    booked: u64,
    reserved: u64,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, sources: Sources) -> Result<Self, EncodeError> {
        let publisher = Publisher::new(&shared.dir, shared.disk.as_ref());
        let encoder = FrameEncoder::new(LEVEL)?;
        Ok(Self { shared, encoder, grams: Grams::default(), open: None, publisher, sources })
    }

    /// What numbered sources the capture has lines of, and how far.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Writes the chunks, in order; on return they are in the kernel (with
    /// [`Fsync::Always`]: durable).
    ///
    /// # Errors
    /// Nothing of the group is kept then. The file it was meant for has ended;
    /// the next call begins another.
    pub fn append(&mut self, chunks: &[&Chunk]) -> Result<(), AppendError> {
        if chunks.iter().all(|chunk| chunk.lines() == 0) {
            return Ok(());
        }
        self.leave_broken_file();
        loop {
            let error = match self.try_append(chunks) {
                Ok(()) => break,
                Err(error) => error,
            };
            self.give_up_file(&error);
            if error.kind() == OVER_CAP {
                return Err(AppendError::Full(error));
            }
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if !full {
                return Err(AppendError::Failed(error));
            }
            if !keeper::evict_for_foreign_fill(&self.shared) {
                return Err(AppendError::Full(error));
            }
        }
        for chunk in chunks {
            self.sources.note_chunk(chunk);
        }
        if self.open.as_ref().is_some_and(|open| open.tail >= self.shared.rotate_at())
            && let Err(error) = self.rotate()
        {
            self.give_up_file(&error);
        }
        Ok(())
    }

    fn try_append(&mut self, chunks: &[&Chunk]) -> io::Result<()> {
        self.open_file()?;
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("no open file"));
        };
        let mut closed = Vec::new();
        for chunk in chunks {
            if self.encoder.frame_bytes() > 0 && self.encoder.frame_bytes() + chunk.bytes.len() as u64 > FRAME_TARGET {
                self.encoder.end().map_err(io::Error::other)?;
                let end = open.tail + self.encoder.out().len() as u64;
                closed.push((open.frames.len(), open.close_frame(end, &mut self.grams)));
            }
            self.encoder.write(&chunk.bytes).map_err(io::Error::other)?;
            for message in &chunk.messages {
                self.grams.add(&chunk.bytes[message.start as usize..message.end as usize]);
            }
            open.note(chunk);
        }
        self.encoder.flush().map_err(io::Error::other)?;
        let advance = self.encoder.out().len() as u64;
        if self.encoder.frame_bytes() > 0 {
            self.encoder.out().extend_from_slice(&EMPTY_LAST_BLOCK);
        }
        make_room(&self.shared, open, self.encoder.out().len() as u64)?;
        open.file.write_all_at(self.encoder.out(), open.tail)?;
        self.encoder.out().clear();
        open.tail += advance;
        open.flushes += 1;
        for (frame, timeline) in closed {
            publish(&self.shared, &mut self.publisher, &open.name, &open.frames[frame], &timeline);
        }
        if self.shared.options.fsync == Fsync::Always {
            keeper::sync_new_file(&self.shared)?;
            open.file.sync()?;
        }
        let (lines, bytes) = chunks
            .iter()
            .fold((0, 0), |(lines, bytes), chunk| (lines + chunk.lines(), bytes + chunk.bytes.len() as u64));
        let mut state = self.shared.lock();
        state.metadata.total_lines += lines;
        state.metadata.total_bytes += bytes;
        state.dirty = true;
        if let Some(active) = &mut state.active {
            active.unsynced = true;
        }
        Ok(())
    }

    fn open_file(&mut self) -> io::Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        let (name, file) = loop {
            let name = self.shared.lock().names.next(time::now());
            match self.shared.disk.create_new(&self.shared.dir.join(&name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => break (name, other?),
            }
        };
        self.publisher.begin();
        let mut state = self.shared.lock();
        state.active = Some(Active { name: name.clone(), file: file.clone(), unsynced: true, created: true });
        state.reserved += seal_reserve(0);
        state.published = 0;
        self.open = Some(OpenFile {
            name,
            file,
            tail: 0,
            frames: Vec::new(),
            current: FrameRecord::default(),
            timeline: Timeline::default(),
            summary: Summary::default(),
            flushes: 0,
            booked: 0,
            reserved: seal_reserve(0),
        });
        Ok(())
    }

    /// Ends the open file and hands it over for sealing.
    ///
    /// # Errors
    /// If the end of its last frame cannot be written.
    pub fn rotate(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if self.encoder.frame_bytes() > 0 {
            self.encoder.end().map_err(io::Error::other)?;
            let length = self.encoder.out().len() as u64;
            if self.encoder.out()[..] != EMPTY_LAST_BLOCK {
                open.file.write_all_at(self.encoder.out(), open.tail)?;
            }
            self.encoder.out().clear();
            open.tail += length;
            open.close_frame(open.tail, &mut self.grams);
        }
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        self.hand_over(Job::Seal(Box::new(SealJob {
            name: open.name,
            file: open.file,
            end: open.tail,
            frames: open.frames,
            summary: open.summary,
            flushes: open.flushes,
            booked: open.booked,
            reserved: open.reserved,
        })));
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.leave_broken_file();
        self.rotate().inspect_err(|error| self.give_up_file(error))
    }

    /// A failed sync says that the file's tail may be lost: end it and go on in a new one.
    fn leave_broken_file(&mut self) {
        let broken = self.shared.lock().broken.take();
        if let (Some(broken), Some(open)) = (broken, &self.open)
            && broken == open.name
        {
            self.give_up_file(&io::Error::other("fsync failed"));
        }
    }

    /// Cuts the file back to what was acknowledged and has it read again before it is sealed.
    fn give_up_file(&mut self, error: &io::Error) {
        self.grams = Grams::default();
        let abandoned = self.encoder.abandon();
        let Some(open) = self.open.take() else {
            return;
        };
        let restored = open
            .file
            .truncate(open.tail)
            .and_then(|()| if open.tail > 0 { open.file.write_all_at(&EMPTY_LAST_BLOCK, open.tail) } else { Ok(()) });
        {
            let mut state = self.shared.lock();
            state.usage.errors += 1;
            let detail = match (&restored, abandoned) {
                (Err(second), _) => format!("{error}; then cutting it back: {second}"),
                (_, Err(second)) => format!("{error}; then {second}"),
                _ => error.to_string(),
            };
            state.event(Event::new("error").file(&open.name).detail(&detail));
        }
        self.hand_over(Job::Rescan { name: open.name, booked: open.booked, reserved: open.reserved });
    }

    fn hand_over(&mut self, job: Job) {
        let mut state = self.shared.lock();
        state.active = None;
        state.jobs.push_back(job);
        drop(state);
        self.shared.work.notify_all();
        if !self.shared.options.background {
            keeper::run_pending(&self.shared);
        }
    }
}

impl OpenFile {
    fn note(&mut self, chunk: &Chunk) {
        self.summary.add_all_but_times(chunk);
        self.timeline.add_chunk(chunk);
        let current = &mut self.current;
        current.info.lines += chunk.lines();
        current.info.bytes += chunk.bytes.len() as u64;
        current.info.ts.merge(chunk.ts);
        current.info.rx.merge(chunk.rx);
        let labels = current.labels.get_or_insert_default();
        for run in &chunk.runs {
            note_labels(labels, &run.labels);
        }
    }

    /// Ends the current frame; what it counts is returned as well.
    fn close_frame(&mut self, end: u64, grams: &mut Grams) -> Timeline {
        let at = self.frames.last().map_or(0, |frame| frame.info.end());
        let mut record = std::mem::take(&mut self.current);
        // With more sets than the summary holds, each frame would keep sets of its own alive until the file is sealed.
        if self.summary.sets.overflow > 0 && record.labels.as_ref().is_some_and(|sets| sets.len() > MAX_SETS / 64) {
            record.labels = None;
        }
        finish_record(&mut record, at, end, grams);
        self.frames.push(record);
        let timeline = std::mem::take(&mut self.timeline);
        self.summary.timeline.merge(&timeline);
        timeline
    }
}

/// The cap, not the disk, leaves no room: evicting even more does not help.
const OVER_CAP: io::ErrorKind = io::ErrorKind::FileTooLarge;

/// Remembers a label set of the open frame; neighbours repeat, so the newest are looked at first.
pub(crate) fn note_labels(known: &mut Vec<Labels>, labels: &Labels) {
    let recent = known.iter().rev().take(64).any(|one| Arc::ptr_eq(one, labels));
    if !recent && known.len() < MAX_SETS * 4 {
        known.push(labels.clone());
    }
}

/// Completes a frame's record: its place in the file and its filter.
pub(crate) fn finish_record(record: &mut FrameRecord, at: u64, end: u64, grams: &mut Grams) {
    let full = record.labels.as_ref().is_some_and(|labels| labels.len() >= MAX_SETS * 4);
    if full {
        record.labels = None;
    }
    record.info = FrameInfo { at, size: end - at, ..std::mem::take(&mut record.info) };
    record.info.folds = grams.take_folds();
    record.filter = grams.take(((end - at) as f64 * FILTER_SHARE) as usize);
}

fn publish(shared: &Shared, publisher: &mut Publisher, name: &str, frame: &FrameRecord, timeline: &Timeline) {
    publisher.add(name, &frame.info, timeline, |bytes| {
        let mut state = shared.lock();
        let fits = state.committed() + bytes <= state.usage.cap;
        state.published += if fits { bytes } else { 0 };
        fits
    });
}

/// Waits until the write fits under the cap, and books it.
fn make_room(shared: &Shared, open: &mut OpenFile, length: u64) -> io::Result<()> {
    let size = (open.tail + length).max(open.booked);
    let reserve = seal_reserve(size).max(open.reserved);
    let growth = size - open.booked + reserve - open.reserved;
    let no_room = || io::Error::new(OVER_CAP, "the capture's cap leaves no room");
    loop {
        let mut state = shared.lock();
        if state.committed() + growth <= state.usage.cap {
            state.usage.used += size - open.booked;
            state.reserved += reserve - open.reserved;
            state.wanted = Wanted::Nothing;
            open.booked = size;
            open.reserved = reserve;
            return Ok(());
        }
        if !shared.options.background {
            drop(state);
            keeper::run_pending(shared);
            if !keeper::make_headroom(shared, growth) {
                return Err(no_room());
            }
        } else if state.wanted == Wanted::Denied {
            state.wanted = Wanted::Nothing;
            return Err(no_room());
        } else {
            state.wanted = Wanted::Asked(growth);
            shared.work.notify_all();
            drop(shared.room.wait_timeout(state, std::time::Duration::from_millis(50)));
        }
    }
}
