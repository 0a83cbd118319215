//! Putting lines in order of time in bounded memory. Lines that nothing
//! earlier can follow are handed on at once; when too many wait, they go to
//! temporary files as sorted runs, which are merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// Bytes that may wait in memory.
const MAX_WAITING: usize = 64 << 20;
/// What a waiting line takes besides its text.
const OVERHEAD: usize = 96;

/// A line on its way. Ordered by time, then by its number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// Its time.
    pub(super) ts: i64,
    /// Its number in the order of reading.
    seq: u64,
    /// False for context.
    pub(super) hit: bool,
    /// Rendered.
    pub(super) text: Box<[u8]>,
}

/// Sorts lines by time.
#[derive(Debug)]
pub(super) struct Sorter {
    waiting: BinaryHeap<Reverse<Item>>,
    bytes: usize,
    limit: usize,
    runs: Vec<File>,
    seq: u64,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::with_limit(MAX_WAITING)
    }
}

impl Sorter {
    fn with_limit(limit: usize) -> Self {
        Self { waiting: BinaryHeap::new(), bytes: 0, limit, runs: Vec::new(), seq: 0 }
    }

    /// Takes a line.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub(super) fn add(&mut self, ts: i64, hit: bool, text: &[u8]) -> io::Result<()> {
        self.bytes += text.len() + OVERHEAD;
        self.waiting.push(Reverse(Item { ts, seq: self.seq, hit, text: text.into() }));
        self.seq += 1;
        if self.bytes > self.limit {
            self.spill()?;
        }
        Ok(())
    }

    /// The next line in order, given that no line before `bound` will be added any more.
    pub(super) fn next_before(&mut self, bound: i64) -> Option<Item> {
        if !self.runs.is_empty() || self.waiting.peek()?.0.ts > bound {
            return None;
        }
        let Reverse(item) = self.waiting.pop()?;
        self.bytes -= item.text.len() + OVERHEAD;
        Some(item)
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut run = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
        while let Some(Reverse(item)) = self.waiting.pop() {
            run.write_all(&item.ts.to_le_bytes())?;
            run.write_all(&item.seq.to_le_bytes())?;
            run.write_all(&[u8::from(item.hit)])?;
            run.write_all(&(item.text.len() as u64).to_le_bytes())?;
            run.write_all(&item.text)?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        self.runs.push(run);
        self.bytes = 0;
        Ok(())
    }

    /// Hands out everything that is left, in order, until `each` returns false.
    ///
    /// # Errors
    /// If a temporary file cannot be read, or any error of `each`.
    pub(super) fn finish<E: From<io::Error>>(mut self, mut each: impl FnMut(Item) -> Result<bool, E>) -> Result<(), E> {
        let mut runs: Vec<BufReader<File>> =
            self.runs.drain(..).map(|run| BufReader::with_capacity(32 << 10, run)).collect();
        let mut heads = BinaryHeap::new();
        for (at, run) in runs.iter_mut().enumerate() {
            heads.extend(read_item(run)?.map(|item| Reverse((item, at))));
        }
        let memory = runs.len();
        heads.extend(self.waiting.pop().map(|Reverse(item)| Reverse((item, memory))));
        while let Some(Reverse((item, at))) = heads.pop() {
            let next = match runs.get_mut(at) {
                Some(run) => read_item(run)?,
                None => self.waiting.pop().map(|Reverse(item)| item),
            };
            heads.extend(next.map(|item| Reverse((item, at))));
            if !each(item)? {
                break;
            }
        }
        Ok(())
    }
}

fn read_item(run: &mut impl Read) -> io::Result<Option<Item>> {
    let mut head = [0; 25];
    match run.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let mut text = vec![0; word(17) as usize].into_boxed_slice();
    run.read_exact(&mut text)?;
    Ok(Some(Item { ts: word(0).cast_signed(), seq: word(8), hit: head[16] == 1, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_order_with_and_without_spilling() {
        let mut random = fastrand::Rng::with_seed(7);
        let lines: Vec<(i64, String)> = (0..2000).map(|n| (random.i64(-50..50), format!("line {n}"))).collect();
        let mut expected = lines.clone();
        expected.sort_by_key(|(ts, _)| *ts);
        for limit in [300, 20_000, MAX_WAITING] {
            let mut sorter = Sorter::with_limit(limit);
            for (ts, text) in &lines {
                sorter.add(*ts, true, text.as_bytes()).unwrap();
            }
            let mut seen = Vec::new();
            sorter
                .finish(|item| {
                    seen.push((item.ts, String::from_utf8(item.text.to_vec()).unwrap()));
                    Ok::<_, io::Error>(true)
                })
                .unwrap();
            assert_eq!(seen, expected);
        }
    }
}
