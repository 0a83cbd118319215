//! Sealing of finished files, and what happens to those that could not be sealed: they are read
//! again at once, and tried again until the disk has room for their parts.

use super::held;
use crate::audit::Event;
use crate::index::{self, IndexLine};
use crate::keeper::SealJob;
use crate::session::{Shared, Unsealed};
use crate::{name, repair, seal};

pub(super) fn seal_file(shared: &Shared, job: SealJob) {
    let (name, booked, reserved, end) = (job.name.clone(), job.booked, job.reserved, job.end);
    match seal::seal(shared, job) {
        Ok(line) => sealed(shared, line, booked, reserved),
        Err(error) => {
            let mut state = shared.lock();
            state.usage.errors += 1;
            state.event(
                Event::new("error").file(&name).detail(&format!("cannot seal, trying again by reading it: {error}")),
            );
            drop(state);
            rescan(shared, &name, booked.max(end), reserved);
        }
    }
}

pub(super) fn rescan(shared: &Shared, name: &str, booked: u64, reserved: u64) {
    match repair::reseal(&shared.dir, name, shared.disk.as_ref()) {
        Ok(Some(line)) => sealed(shared, line, booked, reserved),
        Ok(None) => {
            let mut state = shared.lock();
            state.usage.used = state.usage.used.saturating_sub(booked);
            state.reserved -= reserved;
        }
        Err(error) => {
            let size = std::fs::metadata(shared.dir.join(name)).map_or(0, |data| data.len());
            let mut state = shared.lock();
            state.usage.used = (state.usage.used + size).saturating_sub(booked);
            state.unsealed.push(Unsealed { name: name.to_owned(), booked: size, reserved });
            state.usage.errors += 1;
            state.event(Event::new("error").file(name).detail(&format!("cannot seal; it is tried again: {error}")));
        }
    }
}

/// Tries files again that could not be sealed, one after the other until one fails.
pub(super) fn seal_again(shared: &Shared) {
    loop {
        let Some(waiting) = shared.lock().unsealed.pop() else {
            return;
        };
        match repair::reseal(&shared.dir, &waiting.name, shared.disk.as_ref()) {
            Ok(Some(line)) => sealed(shared, line, waiting.booked, waiting.reserved),
            Ok(None) => {
                let mut state = shared.lock();
                state.usage.used = state.usage.used.saturating_sub(waiting.booked);
                state.reserved -= waiting.reserved;
            }
            Err(_) => {
                shared.lock().unsealed.push(waiting);
                return;
            }
        }
    }
}

fn sealed(shared: &Shared, line: IndexLine, booked: u64, reserved: u64) {
    let size = line.size.unwrap_or(0);
    let length = shared.lock().index_len;
    let appended = index::append(shared.disk.as_ref(), &shared.dir, length, &line);
    let mut state = shared.lock();
    state.usage.used = (state.usage.used + size).saturating_sub(booked);
    state.reserved -= reserved;
    state.usage.rotations += 1;
    match appended {
        Ok(length) => {
            state.usage.used += length - state.index_len;
            state.index_len = length;
        }
        Err(error) => {
            state.index_stale = true;
            state.usage.errors += 1;
            state.event(Event::new("error").file(name::INDEX).detail(&error.to_string()));
        }
    }
    let labels = state.metadata.labels_seen.get_or_insert_default();
    labels.extend(line.labels.keys().cloned());
    state.event(Event::new("rotation").file(&line.file).size(line.lines, line.bytes));
    // A file sealed at a second attempt stands before those that came after it: the oldest is evicted first.
    let later = state.index.iter().rev().take_while(|other| other.file > line.file).count();
    let place = state.index.len() - later;
    state.index_stale |= later > 0;
    state.index.insert(place, line);
    let held = held(&state.index);
    state.high_water = state.high_water.max(held);
    state.dirty = true;
}
