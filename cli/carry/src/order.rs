//! Lines of many units in order of time, in bounded memory.
//!
//! Units are decoded in the order of their earliest line. A line is handed out once no unit that is still
//! to come can hold an earlier one. Where time is so much out of order that too many lines wait, they are
//! written to a nameless file beside the target, in order, and read again at the end.

mod spill;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::CarryError;
use spill::Run;

/// Bytes of waiting lines beyond which they are spilled.
const BUDGET: usize = 96 << 20;
/// What a line takes besides its bytes.
const ENTRY: usize = std::mem::size_of::<Entry>();

/// Where a line stands: its time, its unit, its place in it. Lines without a time come first.
pub(crate) type Key = (i64, u32, u64);

/// Lines of one piece, in order of time.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    sorted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    ts: i64,
    /// Place in the piece.
    number: u32,
    start: u32,
    end: u32,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), entries: Vec::new(), sorted: true }
    }

    /// An empty one, in memory that others are done with.
    pub(crate) fn again(done: &Done) -> Self {
        let last = done.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(batch) = last { batch } else { Self::new() }
    }

    /// Adds a line that `write` appends, with its newline.
    pub(crate) fn push(&mut self, ts: Option<i64>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len() as u32;
        write(&mut self.bytes);
        let ts = ts.unwrap_or(i64::MIN);
        self.sorted &= self.entries.last().is_none_or(|last| last.ts <= ts);
        let (number, end) = (self.entries.len() as u32, self.bytes.len() as u32);
        self.entries.push(Entry { ts, number, start, end });
    }

    /// Puts the lines in order, once all are there.
    pub(crate) fn sort(&mut self) {
        if !self.sorted {
            self.entries.sort_unstable_by_key(|entry| (entry.ts, entry.number));
            self.sorted = true;
        }
    }

    /// Number of its lines.
    pub(crate) fn lines(&self) -> u64 {
        self.entries.len() as u64
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * ENTRY
    }
}

/// Batches whose lines were handed out. Their memory is used again, since to get it from the system anew for each
/// piece takes a twentieth of the whole time.
#[derive(Debug, Default)]
pub(crate) struct Done(Mutex<Vec<Batch>>);

impl Done {
    /// Batches kept.
    const MOST: usize = 8;

    fn keep(&self, mut batch: Batch) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::MOST {
            batch.bytes.clear();
            batch.entries.clear();
            batch.sorted = true;
            kept.push(batch);
        }
    }
}

/// Lines that wait: a piece in memory, or what was spilled.
#[derive(Debug)]
enum Waiting {
    Batch { batch: Batch, next: usize, unit: u32, base: u64 },
    Run(Box<Run>),
}

impl Waiting {
    /// The next line's place; `None` at the end.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Batch { batch, next, unit, base } => {
                batch.entries.get(*next).map(|entry| (entry.ts, *unit, base + u64::from(entry.number)))
            }
            Self::Run(run) => run.key(),
        }
    }

    fn line(&self) -> &[u8] {
        match self {
            Self::Batch { batch, next, .. } => {
                batch.entries.get(*next).map_or(&[], |entry| &batch.bytes[entry.start as usize..entry.end as usize])
            }
            Self::Run(run) => run.line(),
        }
    }

    fn advance(&mut self) -> Result<(), CarryError> {
        match self {
            Self::Batch { next, .. } => *next += 1,
            Self::Run(run) => run.advance()?,
        }
        Ok(())
    }
}

/// Brings lines in order.
#[derive(Debug)]
pub(crate) struct Order {
    heap: BinaryHeap<Reverse<(Key, usize)>>,
    waiting: Vec<Option<Waiting>>,
    free: Vec<usize>,
    held: usize,
    budget: usize,
    /// Where lines are spilled.
    beside: PathBuf,
    done: Arc<Done>,
}

impl Order {
    /// `beside`: a directory with room.
    pub(crate) fn new(beside: PathBuf) -> Self {
        Self {
            heap: BinaryHeap::new(),
            waiting: Vec::new(),
            free: Vec::new(),
            held: 0,
            budget: BUDGET,
            beside,
            done: Arc::default(),
        }
    }

    /// Where batches go when they are done.
    pub(crate) fn done(&self) -> Arc<Done> {
        self.done.clone()
    }

    /// Adds lines of a unit; `base` is the number of its lines that came before.
    ///
    /// # Errors
    /// If lines have to be spilled and cannot.
    pub(crate) fn add(&mut self, batch: Batch, unit: u32, base: u64) -> Result<(), CarryError> {
        self.held += batch.size();
        self.wait(Waiting::Batch { batch, next: 0, unit, base });
        if self.held > self.budget { self.spill() } else { Ok(()) }
    }

    fn wait(&mut self, waiting: Waiting) {
        let Some(key) = waiting.key() else {
            if let Waiting::Batch { batch, .. } = waiting {
                self.held -= batch.size();
                self.done.keep(batch);
            }
            return;
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.waiting.push(None);
            self.waiting.len() - 1
        });
        self.waiting[slot] = Some(waiting);
        self.heap.push(Reverse((key, slot)));
    }

    /// Hands out every line whose time is before `bound`, in order; all of them if there is no bound.
    ///
    /// # Errors
    /// If spilled lines cannot be read, or whatever `each` fails at.
    pub(crate) fn drain(
        &mut self,
        bound: Option<i64>,
        mut each: impl FnMut(Key, &[u8]) -> Result<(), CarryError>,
    ) -> Result<(), CarryError> {
        let before = |key: Key| bound.is_none_or(|bound| key.0 < bound);
        while let Some(Reverse((first, slot))) = self.heap.peek().copied() {
            if !before(first) {
                return Ok(());
            }
            self.heap.pop();
            let Some(mut waiting) = self.waiting[slot].take() else { continue };
            let next = self.heap.peek().map(|Reverse((key, _))| *key);
            // Neighbours mostly stand in one piece.
            while let Some(key) = waiting.key().filter(|key| before(*key) && next.is_none_or(|next| *key < next)) {
                each(key, waiting.line())?;
                waiting.advance()?;
            }
            self.free.push(slot);
            self.wait(waiting);
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), CarryError> {
        let mut writer = spill::Writer::new(&self.beside)?;
        let runs: Vec<usize> =
            (0..self.waiting.len()).filter(|slot| matches!(self.waiting[*slot], Some(Waiting::Run(_)))).collect();
        let kept: Vec<Waiting> = runs.into_iter().filter_map(|slot| self.waiting[slot].take()).collect();
        self.heap.retain(|Reverse((_, slot))| self.waiting[*slot].is_some());
        self.drain(None, |key, line| writer.write(key, line))?;
        self.waiting.clear();
        self.free.clear();
        self.held = 0;
        for run in kept {
            self.wait(run);
        }
        self.wait(Waiting::Run(Box::new(writer.finish()?)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shuffled lines come in order, whether they fit into memory or not.
    #[test]
    fn in_order_with_and_without_spilling() {
        for budget in [1 << 30, 40_000] {
            let mut order = Order::new(std::env::temp_dir());
            order.budget = budget;
            let mut state = 1_u64;
            let mut keys = Vec::new();
            for unit in 0..50 {
                let mut batch = Batch::new();
                for number in 0..200_u64 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let ts = (state >> 60) as i64;
                    keys.push((ts, unit, number));
                    batch.push(Some(ts), |out| out.extend_from_slice(format!("{ts} {unit} {number}\n").as_bytes()));
                }
                batch.sort();
                order.add(batch, unit, 0).unwrap();
            }
            keys.sort_unstable();
            let mut found = Vec::new();
            let mut each = |key: Key, line: &[u8]| {
                assert_eq!(line, format!("{} {} {}\n", key.0, key.1, key.2).as_bytes());
                found.push(key);
                Ok(())
            };
            order.drain(Some(3), &mut each).unwrap();
            order.drain(None, &mut each).unwrap();
            assert!(found == keys);
        }
    }
}
