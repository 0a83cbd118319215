//! Reading many frames on several threads while the results come out in
//! order, in bounded memory. What the index rules out is never decoded.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::block_index::FrameInfo;
use crate::decode::Decoder;
use crate::read_at::ReadAt as _;
use crate::reader::OpenedFile;
use crate::stream::{self, Damage};

/// Results that wait for their turn, per thread.
const AHEAD: usize = 4;

/// A piece of a file that is read on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One frame of a sealed file.
    Frame {
        /// Position in the list of files.
        file: usize,
        /// Position in the file's block index.
        frame: usize,
    },
    /// A whole file without a block index.
    Stream {
        /// Position in the list of files.
        file: usize,
    },
}

impl Unit {
    /// Position in the list of files.
    #[must_use]
    pub fn file(self) -> usize {
        match self {
            Self::Frame { file, .. } | Self::Stream { file } => file,
        }
    }
}

/// Units of the opened files in order; `keep` says which frames are wanted.
pub fn plan(files: &[OpenedFile], mut keep: impl FnMut(usize, &FrameInfo) -> bool) -> Vec<Unit> {
    let mut units = Vec::new();
    for (file, opened) in files.iter().enumerate() {
        match &opened.index {
            Some(index) => units.extend(
                index
                    .frames
                    .iter()
                    .enumerate()
                    .filter(|(_, info)| keep(file, info))
                    .map(|(frame, _)| Unit::Frame { file, frame }),
            ),
            None => units.push(Unit::Stream { file }),
        }
    }
    units
}

/// Decodes the units on `threads` threads; `work` turns each piece of whole
/// lines into a result, `emit` gets the results in order and returns false to stop.
/// Returns the damage found, per file.
///
/// # Errors
/// The first error of reading, or of `emit`.
pub fn run<W, T: Send, E: From<io::Error> + Send>(
    files: &[OpenedFile],
    units: &[Unit],
    threads: usize,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, Unit, &[u8]) -> T + Sync,
    mut emit: impl FnMut(Unit, T) -> Result<bool, E>,
) -> Result<Vec<Damage>, E> {
    let queue = Queue::new(units.len());
    let next = AtomicUsize::new(0);
    let threads = threads.clamp(1, units.len().max(1));
    let mut damage = vec![Damage::default(); files.len()];
    let result = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut state = worker();
                let mut reader = FrameReader::default();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&unit) = units.get(at) else { return };
                    let turn = Turn { queue: &queue, at };
                    let outcome = read_unit(files, unit, &mut reader, |lines| {
                        queue.push(at, threads, work(&mut state, unit, lines))
                    });
                    turn.queue.done(at, outcome);
                }
            });
        }
        let result = drain(&queue, units, &mut damage, &mut emit);
        queue.stop();
        result
    });
    result.map(|()| damage)
}

fn drain<T, E: From<io::Error>>(
    queue: &Queue<T>,
    units: &[Unit],
    damage: &mut [Damage],
    emit: &mut impl FnMut(Unit, T) -> Result<bool, E>,
) -> Result<(), E> {
    for (at, &unit) in units.iter().enumerate() {
        loop {
            match queue.take(at) {
                Taken::Result(result) => {
                    if !emit(unit, result)? {
                        return Ok(());
                    }
                }
                Taken::Done(outcome) => {
                    let found = outcome?;
                    let total = &mut damage[unit.file()];
                    total.torn_bytes += found.torn_bytes;
                    total.damaged_bytes += found.damaged_bytes;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Reads frames into buffers that are kept.
#[derive(Debug, Default)]
pub struct FrameReader {
    decoder: Decoder,
    compressed: Vec<u8>,
    lines: Vec<u8>,
}

impl FrameReader {
    /// The lines of one frame.
    ///
    /// # Errors
    /// If reading fails or the frame is damaged (`InvalidData`).
    pub fn read(&mut self, opened: &OpenedFile, info: &FrameInfo) -> io::Result<&[u8]> {
        self.compressed.resize(info.size as usize, 0);
        opened.file.read_exact_at(&mut self.compressed, info.at)?;
        self.decoder.frame(&self.compressed, info.bytes as usize, &mut self.lines)?;
        Ok(&self.lines)
    }
}

fn read_unit(
    files: &[OpenedFile],
    unit: Unit,
    reader: &mut FrameReader,
    mut each: impl FnMut(&[u8]) -> bool,
) -> io::Result<Damage> {
    match unit {
        Unit::Stream { file } => stream::read(&files[file], each),
        Unit::Frame { file, frame } => {
            let opened = &files[file];
            let Some(info) = opened.index.as_ref().and_then(|index| index.frames.get(frame)) else {
                return Ok(Damage::default());
            };
            match reader.read(opened, info) {
                Ok(lines) => {
                    each(lines);
                    Ok(Damage::default())
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Ok(Damage { torn_bytes: 0, damaged_bytes: info.size })
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// Results in order of their units. A thread that is ahead waits, the one whose turn it is never does.
struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
}

struct QueueState<T> {
    slots: Vec<Slot<T>>,
    turn: usize,
    waiting: usize,
    stopped: bool,
}

struct Slot<T> {
    results: VecDeque<T>,
    outcome: Option<io::Result<Damage>>,
}

/// A unit that a thread works on. Should the thread panic, nobody waits for the
/// unit, and the panic goes on when the threads are joined.
struct Turn<'q, T> {
    queue: &'q Queue<T>,
    at: usize,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queue.done(self.at, Err(io::Error::other("a reading thread panicked")));
        }
    }
}

enum Taken<T> {
    Result(T),
    Done(io::Result<Damage>),
}

impl<T> Queue<T> {
    fn new(units: usize) -> Self {
        let slots = (0..units).map(|_| Slot { results: VecDeque::new(), outcome: None }).collect();
        Self { state: Mutex::new(QueueState { slots, turn: 0, waiting: 0, stopped: false }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if nobody wants more.
    fn push(&self, at: usize, threads: usize, result: T) -> bool {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return false;
            }
            let own = state.slots[at].results.len();
            let room = if at == state.turn { own < AHEAD } else { own < AHEAD && state.waiting < AHEAD * threads };
            if room {
                break;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.slots[at].results.push_back(result);
        state.waiting += 1;
        drop(state);
        self.changed.notify_all();
        true
    }

    fn done(&self, at: usize, outcome: io::Result<Damage>) {
        self.lock().slots[at].outcome = Some(outcome);
        self.changed.notify_all();
    }

    fn take(&self, at: usize) -> Taken<T> {
        let mut state = self.lock();
        if state.turn != at {
            state.turn = at;
            self.changed.notify_all();
        }
        loop {
            if let Some(result) = state.slots[at].results.pop_front() {
                state.waiting -= 1;
                drop(state);
                self.changed.notify_all();
                return Taken::Result(result);
            }
            if let Some(outcome) = state.slots[at].outcome.take() {
                return Taken::Done(outcome);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_in_a_thread_does_not_hang_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let opened = [OpenedFile { file: std::sync::Arc::new(file), length: 3, compressed: false, index: None }];
        let work = |_: &mut (), _, _: &[u8]| -> () { panic!("on purpose") };
        drop(run(&opened, &[Unit::Stream { file: 0 }], 2, || (), work, |_, ()| Ok::<_, io::Error>(true)));
    }
}
