//! The one owner of everything in the directory but the open file: seals what
//! the writer hands over, syncs, evicts, and keeps metadata and audit current.

mod sealing;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::audit::{self, Event};
use crate::block_index::FrameRecord;
use crate::disk::DiskFile;
use crate::index::{self, IndexLine};
use crate::metadata::Eviction;
use crate::session::{Fsync, Shared, Wanted};
use crate::summary::Summary;
use crate::{disk, name, time};

/// How often metadata and audit are brought up to date.
const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// How often files that could not be sealed are tried again: each attempt reads the file.
const SEAL_AGAIN: Duration = Duration::from_secs(5);
/// Space set aside for replacing the metadata when the disk is full.
const SPARE: u64 = 128 << 10;

/// Work that the writer hands over.
#[derive(Debug)]
pub(crate) enum Job {
    /// A file whose frames are all whole.
    Seal(Box<SealJob>),
    /// A file after a failed write or sync: read it again, then seal it.
    Rescan { name: String, booked: u64, reserved: u64 },
}

#[derive(Debug)]
pub(crate) struct SealJob {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) end: u64,
    pub(crate) frames: Vec<FrameRecord>,
    pub(crate) summary: Summary,
    pub(crate) flushes: u64,
    pub(crate) booked: u64,
    pub(crate) reserved: u64,
}

/// Starts the keeper and, if bytes are to be synced at an interval, the syncing thread.
pub(crate) fn spawn(shared: &Arc<Shared>) -> io::Result<Vec<JoinHandle<()>>> {
    let keeper = shared.clone();
    let mut threads = vec![std::thread::Builder::new().name("keeper".to_owned()).spawn(move || keep(&keeper))?];
    if let Fsync::Every(interval) = shared.options.fsync {
        let syncer = shared.clone();
        threads
            .push(std::thread::Builder::new().name("syncer".to_owned()).spawn(move || sync_every(&syncer, interval))?);
    }
    Ok(threads)
}

fn keep(shared: &Shared) {
    let (mut last, mut again) = (Instant::now(), Instant::now());
    loop {
        run_pending(shared);
        make_headroom(shared, 0);
        answer_writer(shared);
        if again.elapsed() >= SEAL_AGAIN {
            again = Instant::now();
            let _directory = directory(shared);
            sealing::seal_again(shared);
        }
        if last.elapsed() >= HOUSEKEEPING {
            last = Instant::now();
            housekeep(shared);
        }
        let state = shared.lock();
        if state.closing && state.jobs.is_empty() {
            return;
        }
        if state.jobs.is_empty() && !matches!(state.wanted, Wanted::Asked(_)) {
            drop(shared.work.wait_timeout(state, HOUSEKEEPING));
        }
    }
}

fn sync_every(shared: &Shared, interval: Duration) {
    let mut next = Instant::now() + interval;
    loop {
        let state = shared.lock();
        if state.closing {
            return;
        }
        let wait = next.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            drop(state);
            sync(shared);
            next = Instant::now() + interval;
        } else {
            drop(shared.work.wait_timeout(state, wait));
        }
    }
}

/// Makes the open file durable as far as it is written.
pub(crate) fn sync(shared: &Shared) {
    let (name, file, created) = {
        let mut state = shared.lock();
        let Some(active) = state.active.as_mut().filter(|active| active.unsynced) else {
            return;
        };
        active.unsynced = false;
        (active.name.clone(), active.file.clone(), std::mem::take(&mut active.created))
    };
    let synced = file.sync().and_then(|()| if created { shared.disk.sync_dir(&shared.dir) } else { Ok(()) });
    if let Err(error) = synced {
        let mut state = shared.lock();
        state.usage.errors += 1;
        state.event(
            Event::new("error")
                .file(&name)
                .detail(&format!("fsync failed, the file's newest lines may be lost on power failure: {error}")),
        );
        state.broken = Some(name);
    }
}

/// Makes the name of a new file durable.
pub(crate) fn sync_new_file(shared: &Shared) -> io::Result<()> {
    let created = shared.lock().active.as_mut().is_some_and(|active| std::mem::take(&mut active.created));
    if created { shared.disk.sync_dir(&shared.dir) } else { Ok(()) }
}

/// Does the jobs that wait.
pub(crate) fn run_pending(shared: &Shared) {
    loop {
        let job = {
            let mut state = shared.lock();
            let job = state.jobs.pop_front();
            state.busy = job.is_some();
            job
        };
        let Some(job) = job else {
            shared.room.notify_all();
            return;
        };
        let _directory = directory(shared);
        match job {
            Job::Seal(job) => sealing::seal_file(shared, *job),
            Job::Rescan { name, booked, reserved } => sealing::rescan(shared, &name, booked, reserved),
        }
        shared.room.notify_all();
    }
}

fn directory(shared: &Shared) -> MutexGuard<'_, ()> {
    shared.directory.lock().unwrap_or_else(PoisonError::into_inner)
}

fn held(index: &VecDeque<IndexLine>) -> u64 {
    index.iter().filter_map(|line| line.size).sum()
}

/// Makes the room that the writer waits for, or says that there is none.
fn answer_writer(shared: &Shared) {
    let Wanted::Asked(bytes) = shared.lock().wanted else {
        return;
    };
    let made = make_headroom(shared, bytes);
    let mut state = shared.lock();
    // Files that still wait to be sealed can be evicted afterwards.
    if made || state.jobs.is_empty() {
        state.wanted = if made { Wanted::Made } else { Wanted::Denied };
    }
    shared.room.notify_all();
}

/// Evicts until `extra` bytes and some headroom fit under the cap; false if that is impossible.
pub(crate) fn make_headroom(shared: &Shared, extra: u64) -> bool {
    let headroom = (shared.options.max_disk / 16).min(16 << 20);
    loop {
        {
            let state = shared.lock();
            if state.committed() + extra + headroom <= state.usage.cap || (extra == 0 && state.index.is_empty()) {
                return true;
            }
            // What would not fit beside an empty capture is not worth one file.
            if extra > 0 && (state.committed() + extra).saturating_sub(held(&state.index)) > state.usage.cap {
                return false;
            }
        }
        let _directory = directory(shared);
        if !evict_oldest(shared) {
            let state = shared.lock();
            return state.committed() + extra <= state.usage.cap;
        }
        shared.room.notify_all();
    }
}

/// When somebody else filled the disk: evicts one file, but never more than half of what was ever held.
pub(crate) fn evict_for_foreign_fill(shared: &Shared) -> bool {
    let _directory = directory(shared);
    {
        let state = shared.lock();
        let oldest = state.index.front().and_then(|line| line.size).unwrap_or(u64::MAX);
        if held(&state.index).checked_sub(oldest).is_none_or(|rest| rest < state.high_water / 2) {
            return false;
        }
    }
    evict_oldest(shared)
}

/// Records the eviction, then removes the file, then its index line.
pub(crate) fn evict_oldest(shared: &Shared) -> bool {
    let (line, bytes) = {
        let mut state = shared.lock();
        let Some(line) = state.index.front().cloned() else {
            return false;
        };
        let eviction = Eviction {
            file: line.file.clone(),
            lines: line.lines,
            bytes: line.bytes,
            from: line.from.clone(),
            to: line.to.clone(),
        };
        state.metadata.evict(eviction.clone());
        state.base.evict(eviction);
        let bytes = state.metadata.to_json();
        (line, bytes)
    };
    let path = shared.dir.join(&line.file);
    let size = std::fs::metadata(&path).map_or(0, |data| data.len());
    let removed = write_metadata(shared, &bytes).and_then(|()| shared.disk.unlink(&path));
    let mut state = shared.lock();
    if let Err(error) =
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    {
        state.metadata.take_back_eviction(&line.file);
        state.base.take_back_eviction(&line.file);
        state.usage.errors += 1;
        state.event(Event::new("error").file(&line.file).detail(&format!("cannot evict: {error}")));
        return false;
    }
    state.index.pop_front();
    state.usage.used = state.usage.used.saturating_sub(size);
    state.usage.evictions += 1;
    state.usage.evicted_lines += line.lines;
    state.event(Event::new("eviction").file(&line.file).size(line.lines, line.bytes));
    state.index_stale = true;
    drop(state);
    rewrite_index(shared);
    true
}

fn rewrite_index(shared: &Shared) {
    let lines: Vec<IndexLine> = shared.lock().index.iter().cloned().collect();
    let rewritten = index::rewrite(shared.disk.as_ref(), &shared.dir, lines.iter());
    let mut state = shared.lock();
    if let Ok(length) = rewritten {
        state.usage.used = (state.usage.used + length).saturating_sub(state.index_len);
        state.index_len = length;
        state.index_stale = false;
    }
}

/// Writes metadata and audit if they changed.
pub(crate) fn housekeep(shared: &Shared) {
    let _directory = directory(shared);
    let (metadata, events, length, stale) = {
        let mut state = shared.lock();
        let dirty = std::mem::take(&mut state.dirty);
        let events = std::mem::take(&mut state.events);
        state.audit.remember(&events);
        (dirty.then(|| state.metadata.to_json()), events, state.audit.length(), state.index_stale)
    };
    if stale {
        rewrite_index(shared);
    }
    if let Some(bytes) = metadata
        && write_metadata(shared, &bytes).is_err()
    {
        let mut state = shared.lock();
        state.usage.errors += 1;
        state.dirty = true;
    }
    if !events.is_empty() {
        let appended = audit::append(shared.disk.as_ref(), &shared.dir, length, &events);
        let mut state = shared.lock();
        match appended {
            Ok(after) => {
                state.usage.used = (state.usage.used + after).saturating_sub(length);
                state.audit.set_length(after);
            }
            Err(_) => state.usage.errors += 1,
        }
    }
}

/// Replaces `metadata.json` by way of a temporary file whose space was set
/// aside before, so that it also works on a full disk.
fn write_metadata(shared: &Shared, bytes: &[u8]) -> io::Result<()> {
    let path = shared.dir.join(name::METADATA);
    let spare = disk::temporary(&path);
    let file = match shared.disk.open(&spare) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => shared.disk.create_new(&spare)?,
        other => other?,
    };
    file.write_all_at(bytes, 0)?;
    file.truncate(bytes.len() as u64)?;
    if shared.options.fsync != Fsync::Never {
        file.sync()?;
    }
    shared.disk.rename(&spare, &path)?;
    if shared.options.fsync != Fsync::Never {
        disk::parent_sync(shared.disk.as_ref(), &path)?;
    }
    {
        let mut state = shared.lock();
        state.usage.used = (state.usage.used + bytes.len() as u64).saturating_sub(state.metadata_len);
        state.metadata_len = bytes.len() as u64;
    }
    set_spare_aside(shared, &spare);
    Ok(())
}

/// Best effort: without a spare, a full disk delays metadata and evictions, and no line depends on it.
fn set_spare_aside(shared: &Shared, spare: &std::path::Path) {
    let reserved = shared.disk.create_new(spare).and_then(|file| file.reserve(SPARE));
    if let Err(error) = reserved
        && !matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::StorageFull)
    {
        shared.lock().usage.errors += 1;
    }
}

/// The last step of a session: final metadata and audit, no temporaries left. It ended now, or when
/// `stopped` says.
pub(crate) fn finish(shared: &Shared, stopped: Option<String>) -> io::Result<()> {
    {
        let _directory = directory(shared);
        sealing::seal_again(shared);
    }
    {
        let mut state = shared.lock();
        state.metadata.stopped = Some(stopped.unwrap_or_else(|| time::format(time::now())));
        state.dirty = true;
    }
    housekeep(shared);
    let failed = shared.lock().dirty;
    let spare = disk::temporary(&shared.dir.join(name::METADATA));
    match shared.disk.unlink(&spare) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if failed {
        return Err(io::Error::other("metadata.json could not be written"));
    }
    shared.disk.sync_dir(&shared.dir)
}
