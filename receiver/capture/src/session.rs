//! One run of a receiver on a directory: lock, repair, the shared state of
//! writer and keeper, the background threads, and the end.
//!
//! The writer owns the open file, the keeper everything else in the directory.
//! They share `State` under one mutex that is never held during I/O on data.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::audit::{Audit, Event};
use crate::disk::{self, Disk, DiskFile};
use crate::index::IndexLine;
use crate::keeper::{self, Job};
use crate::lock::Lock;
use crate::metadata::{Metadata, MetadataError, Redaction};
use crate::name::Names;
pub use crate::options::{Fsync, MIN_DISK, Options, SessionError};
use crate::repair::{self, Report};
use crate::writer::Writer;
use crate::{name, time};

/// What the receiver counted in this session, for the metadata.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Lines received.
    pub received: u64,
    /// Lines whose outcome is open.
    pub in_flight: u64,
    /// Lines written, gap marks not counted.
    pub written: u64,
    /// Marks written.
    pub marks: u64,
    /// Lines that never came, as gap marks say.
    pub lost: crate::lost::Lost,
    /// Lines lost, by reason.
    pub dropped: std::collections::BTreeMap<String, u64>,
    /// Lines refused, by reason.
    pub rejected: std::collections::BTreeMap<String, u64>,
    /// Lines changed, by reason.
    pub altered: std::collections::BTreeMap<String, u64>,
}

/// Disk figures for status lines and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in the directory.
    pub used: u64,
    /// The cap.
    pub cap: u64,
    /// Files sealed so far in this session.
    pub rotations: u64,
    /// Files evicted in this session.
    pub evictions: u64,
    /// Lines in those files.
    pub evicted_lines: u64,
    /// Failed writes, syncs and seals in this session.
    pub errors: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) state: Mutex<State>,
    /// Held by whoever changes index, metadata or sealed files.
    pub(crate) directory: Mutex<()>,
    pub(crate) work: Condvar,
    pub(crate) room: Condvar,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) usage: Usage,
    /// Bytes that sealing of files already written will add.
    pub(crate) reserved: u64,
    /// Bytes of what is published.
    pub(crate) published: u64,
    /// Room that a write waits for.
    pub(crate) wanted: Wanted,
    pub(crate) jobs: VecDeque<Job>,
    pub(crate) busy: bool,
    /// Files that could not be sealed, to be tried again once the disk has room.
    pub(crate) unsealed: Vec<Unsealed>,
    pub(crate) index: VecDeque<IndexLine>,
    pub(crate) index_len: u64,
    pub(crate) metadata: Metadata,
    /// Metadata as it stood before this session; the session's tally is added to it.
    pub(crate) base: Metadata,
    pub(crate) metadata_len: u64,
    pub(crate) dirty: bool,
    /// `index.jsonl` names files that are gone, because it could not be replaced.
    pub(crate) index_stale: bool,
    pub(crate) high_water: u64,
    pub(crate) names: Names,
    pub(crate) active: Option<Active>,
    pub(crate) broken: Option<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) audit: Audit,
    pub(crate) closing: bool,
}

/// A write that waits for room, between writer and keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    /// The writer waits for so many bytes.
    Asked(u64),
    /// The keeper has made the room; the writer is to look.
    Made,
    /// The keeper cannot make it.
    Denied,
}

/// A finished file without its parts, and what of the cap it takes.
#[derive(Debug)]
pub(crate) struct Unsealed {
    pub(crate) name: String,
    pub(crate) booked: u64,
    pub(crate) reserved: u64,
}

/// The file being written, as the syncing thread sees it.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) unsynced: bool,
    pub(crate) created: bool,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compressed bytes at which the open file is rotated.
    pub(crate) fn rotate_at(&self) -> u64 {
        self.options.max_file.min(self.options.max_disk / 8).max(4096)
    }
}

impl State {
    /// Bytes to keep free for the atomic replacement of metadata and index, and for marks.
    pub(crate) fn overhead(&self) -> u64 {
        self.metadata_len + self.index_len + self.published + (32 << 10)
    }

    /// Bytes that would be in use if everything pending were done.
    pub(crate) fn committed(&self) -> u64 {
        self.usage.used + self.reserved + self.overhead()
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// A directory opened for writing.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<Lock>>,
}

impl Session {
    /// Locks the directory (made if it does not exist, mode 0700), repairs what
    /// a crash left, and starts a session. Captures of 1.x and earlier
    /// sessions stay; their totals go on.
    ///
    /// # Errors
    /// See [`SessionError`]. A damaged data file is no error.
    pub fn open(dir: &Path, options: Options, disk: Arc<dyn Disk>) -> Result<(Self, Writer, Report), SessionError> {
        if options.max_disk < MIN_DISK {
            return Err(SessionError::CapTooSmall(options.max_disk));
        }
        let failed = |source| SessionError::Io { path: dir.to_owned(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let lock = Lock::take(dir)?;
        let now = time::now();
        let read = Metadata::read(dir);
        if let Err(source @ MetadataError::Version(_)) = read {
            return Err(SessionError::Metadata { dir: dir.to_owned(), source });
        }
        let earlier = read.as_ref().ok().cloned().flatten();
        let (report, index) = repair::run(dir, disk.as_ref(), earlier.as_ref()).map_err(failed)?;
        let mut metadata = earlier.unwrap_or_else(|| Metadata::started_at(now));
        let fresh = index.is_empty() && metadata.total_lines == 0;
        repair::restore_totals(&mut metadata, &index);
        let (sources, lost) = repair::sources(dir, &index).map_err(failed)?;
        metadata.lost.at_least(&lost);
        begin(&mut metadata, &options, fresh, now);
        let mut names = Names::default();
        for line in &index {
            names.saw(&line.file);
        }
        for eviction in &metadata.evictions {
            names.saw(&eviction.file);
        }
        for file in std::fs::read_dir(dir).map_err(failed)?.flatten() {
            names.saw(name::of(&file.path()));
        }
        let bytes = metadata.to_json();
        metadata.write(disk.as_ref(), dir).map_err(failed)?;
        let used = disk::size(dir).map_err(failed)?;
        let state = State {
            usage: Usage { used, cap: options.max_disk, ..Usage::default() },
            reserved: 0,
            published: 0,
            wanted: Wanted::Nothing,
            jobs: VecDeque::new(),
            busy: false,
            unsealed: Vec::new(),
            index_len: std::fs::metadata(dir.join(name::INDEX)).map_or(0, |data| data.len()),
            high_water: index.iter().filter_map(|line| line.size).sum(),
            index: index.into(),
            base: metadata.clone(),
            metadata,
            metadata_len: bytes.len() as u64,
            dirty: false,
            index_stale: false,
            names,
            active: None,
            broken: None,
            events: Vec::new(),
            audit: Audit::open(dir),
            closing: false,
        };
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            disk,
            options,
            state: Mutex::new(state),
            directory: Mutex::new(()),
            work: Condvar::new(),
            room: Condvar::new(),
        });
        let writer = Writer::new(shared.clone(), sources).map_err(|source| failed(io::Error::other(source)))?;
        let threads = if shared.options.background { keeper::spawn(&shared).map_err(failed)? } else { Vec::new() };
        Ok((Self { shared, threads: Mutex::new(threads), lock: Mutex::new(Some(lock)) }, writer, report))
    }

    /// Replaces the session's tally; it reaches `metadata.json` within a second.
    pub fn publish(&self, tally: &Tally) {
        let mut state = self.shared.lock();
        let state = &mut *state;
        merge_tally(&mut state.metadata, &state.base, tally);
        state.dirty = true;
    }

    /// Adds an event to the audit log and to those [`Self::take_events`] returns.
    pub fn event(&self, event: Event) {
        self.shared.lock().event(event);
        self.shared.work.notify_all();
    }

    /// Events since the last call that others may want to tell of.
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        self.shared.lock().audit.take_recent()
    }

    /// Current disk figures.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.lock().usage
    }

    /// Lines that the capture ever held, evicted ones too; all of them are in the kernel.
    #[must_use]
    pub fn total_lines(&self) -> u64 {
        self.shared.lock().metadata.total_lines
    }

    /// The metadata of this moment; the file may be up to a second behind.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.shared.lock().metadata.clone()
    }

    /// Does what the background threads would do now; for sessions without them.
    pub fn tick(&self) {
        keeper::sync(&self.shared);
        keeper::run_pending(&self.shared);
        keeper::housekeep(&self.shared);
    }

    /// Seals the open file, writes index and metadata, and releases the directory.
    ///
    /// # Errors
    /// The first step that failed; what was written stays readable and the
    /// next start repairs the rest.
    pub fn close(&self, writer: Writer, tally: &Tally, event: Event) -> Result<Metadata, SessionError> {
        self.close_at(writer, tally, event, None)
    }

    /// As [`Self::close`], for a session that only repaired: nothing was received, so a capture that had
    /// been `stopped` keeps that time.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn close_repaired(
        &self,
        writer: Writer,
        event: Event,
        stopped: Option<String>,
    ) -> Result<Metadata, SessionError> {
        self.close_at(writer, &Tally::default(), event, stopped)
    }

    fn close_at(
        &self,
        mut writer: Writer,
        tally: &Tally,
        event: Event,
        stopped: Option<String>,
    ) -> Result<Metadata, SessionError> {
        let sealed = writer.finish();
        self.publish(tally);
        {
            let mut state = self.shared.lock();
            state.event(event);
            state.closing = true;
        }
        self.shared.work.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                self.shared.lock().usage.errors += 1;
            }
        }
        keeper::run_pending(&self.shared);
        let result = sealed.and_then(|()| keeper::finish(&self.shared, stopped));
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        let path = self.shared.dir.clone();
        result.map_err(|source| SessionError::Io { path, source })?;
        Ok(self.shared.lock().metadata.clone())
    }
}

fn begin(metadata: &mut Metadata, options: &Options, fresh: bool, now: i64) {
    metadata.stopped = None;
    metadata.tool = Some(options.tool.clone());
    metadata.max_disk = Some(options.max_disk);
    if metadata.capture_id.is_none() {
        metadata.capture_id = Some(new_capture_id(now));
    }
    let ours = options.redaction.clone().map(|patterns| Redaction { enabled: true, patterns });
    metadata.redaction = if fresh { ours } else { both(metadata.redaction.take(), ours) };
}

/// A capture counts as redacted by the rules that every session applied.
fn both(earlier: Option<Redaction>, now: Option<Redaction>) -> Option<Redaction> {
    let (mut earlier, now) = (earlier.filter(|one| one.enabled)?, now?);
    earlier.patterns.retain(|pattern| now.patterns.contains(pattern));
    Some(earlier)
}

fn new_capture_id(now: i64) -> String {
    use std::hash::{BuildHasher, RandomState};
    let high = RandomState::new().hash_one(now);
    let low = RandomState::new().hash_one(std::process::id());
    format!("{high:016x}{low:016x}")
}

fn merge_tally(metadata: &mut Metadata, base: &Metadata, tally: &Tally) {
    metadata.counters.received = base.counters.received + tally.received;
    metadata.counters.written = base.counters.written + tally.written;
    metadata.counters.marks = base.counters.marks + tally.marks;
    metadata.lost = base.lost.clone();
    metadata.lost.merge(&tally.lost);
    metadata.counters.in_flight = tally.in_flight;
    for (target, earlier, more) in [
        (&mut metadata.dropped, &base.dropped, &tally.dropped),
        (&mut metadata.rejected, &base.rejected, &tally.rejected),
        (&mut metadata.altered, &base.altered, &tally.altered),
    ] {
        target.clone_from(earlier);
        for (reason, lines) in more {
            *target.entry(reason.clone()).or_default() += lines;
        }
    }
}
