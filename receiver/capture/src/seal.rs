//! Sealing: what follows the frames of a finished file, and the rewriting of
//! files that were flushed so often that they compressed badly.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::block_index::{self, FrameRecord};
use crate::decode::Decoder;
use crate::disk::{self, DiskFile};
use crate::frame::{FrameEncoder, LEVEL};
use crate::grams::Grams;
use crate::index::IndexLine;
use crate::keeper::{self, SealJob};
use crate::session::{Fsync, Shared};
use crate::summary::Summary;
use crate::{line, writer};

/// Files whose flushes brought fewer bytes of lines than this on average are rewritten.
const SMALL_FLUSH: u64 = 16 << 10;

/// Completes a file and returns its index line.
pub(crate) fn seal(shared: &Shared, mut job: SealJob) -> io::Result<IndexLine> {
    if job.summary.bytes / job.flushes.max(1) < SMALL_FLUSH && job.flushes > 8 && room_for_copy(shared, job.end) {
        rewrite(shared, &mut job)?;
    }
    let parts = parts_within(&job.frames, &mut job.summary, job.end, job.reserved);
    write_parts(job.file.as_ref(), &parts, job.end)?;
    if shared.options.fsync != Fsync::Never {
        job.file.sync()?;
    }
    Ok(IndexLine::new(&job.name, job.end + parts.len() as u64, &job.summary))
}

/// Half a part would make other tools call the file damaged: on a full disk there is none.
pub(crate) fn write_parts(file: &dyn DiskFile, parts: &[u8], end: u64) -> io::Result<()> {
    let written = file.write_all_at(parts, end);
    if written.is_err() {
        file.truncate(end)?;
    }
    written
}

/// The parts behind the frames, made coarser until they fit in what was set aside.
fn parts_within(frames: &[FrameRecord], summary: &mut Summary, end: u64, limit: u64) -> Vec<u8> {
    let parts = block_index::encode(frames, summary, end);
    if parts.len() as u64 <= limit {
        return parts;
    }
    summary.timeline.coarsen(500);
    let parts = block_index::encode(frames, summary, end);
    if parts.len() as u64 <= limit {
        return parts;
    }
    summary.sets.forget();
    let nameless: Vec<FrameRecord> = frames.iter().map(|frame| FrameRecord { labels: None, ..frame.clone() }).collect();
    block_index::encode(&nameless, summary, end)
}

fn room_for_copy(shared: &Shared, size: u64) -> bool {
    loop {
        let state = shared.lock();
        if state.committed() + size <= state.usage.cap {
            return true;
        }
        drop(state);
        if !keeper::evict_oldest(shared) {
            return false;
        }
    }
}

/// Compresses each frame anew in one piece, into a file that replaces the first.
fn rewrite(shared: &Shared, job: &mut SealJob) -> io::Result<()> {
    let path = shared.dir.join(&job.name);
    let temporary = disk::temporary(&path);
    let target = shared.disk.create_new(&temporary)?;
    let copied = copy(&File::open(&path)?, target.as_ref(), &job.frames);
    let (frames, end) = match copied {
        Ok(copied) => copied,
        Err(error) => {
            shared.disk.unlink(&temporary)?;
            return Err(error);
        }
    };
    if shared.options.fsync != Fsync::Never {
        target.sync()?;
    }
    shared.disk.rename(&temporary, &path)?;
    job.file = target;
    job.frames = frames;
    job.end = end;
    Ok(())
}

fn copy(source: &File, target: &dyn DiskFile, frames: &[FrameRecord]) -> io::Result<(Vec<FrameRecord>, u64)> {
    let (mut decoder, mut grams) = (Decoder::default(), Grams::default());
    let mut encoder = FrameEncoder::new(LEVEL).map_err(io::Error::other)?;
    let (mut compressed, mut plain) = (Vec::new(), Vec::new());
    let (mut copies, mut end) = (Vec::new(), 0);
    for frame in frames {
        compressed.resize(frame.info.size as usize, 0);
        source.read_exact_at(&mut compressed, frame.info.at)?;
        decoder.frame(&compressed, frame.info.bytes as usize, &mut plain)?;
        add_messages(&mut grams, &plain);
        encoder.write(&plain).map_err(io::Error::other)?;
        encoder.end().map_err(io::Error::other)?;
        target.write_all_at(encoder.out(), end)?;
        let next = end + encoder.out().len() as u64;
        encoder.out().clear();
        let mut copy = FrameRecord { info: frame.info.clone(), labels: frame.labels.clone(), filter: Vec::new() };
        writer::finish_record(&mut copy, end, next, &mut grams);
        copies.push(copy);
        end = next;
    }
    Ok((copies, end))
}

/// Adds the messages of whole lines to a filter.
pub(crate) fn add_messages(grams: &mut Grams, lines: &[u8]) {
    for one in line::lines(lines) {
        if let Ok(parts) = line::split(one) {
            grams.add(&parts.message);
        }
    }
}

/// The parts for a file that repair has read again; `file` is written at `end`.
pub(crate) fn finish_repaired(
    file: &Arc<dyn DiskFile>,
    frames: &[FrameRecord],
    summary: &Summary,
    end: u64,
) -> io::Result<u64> {
    let parts = block_index::encode(frames, summary, end);
    write_parts(file.as_ref(), &parts, end)?;
    file.sync()?;
    Ok(end + parts.len() as u64)
}
