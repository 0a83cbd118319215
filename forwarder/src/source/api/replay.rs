//! Lines that a stream brings a second time.
//!
//! A kubelet that follows a log opens the file again, from its beginning, whenever a file of that name
//! appears: also when it has put the file aside, the runtime did not answer, and it put the file back,
//! and twice where two new files came before it looked. The lines then come again, in their order, up
//! to the last one. A line that is earlier than the one before it is looked for among those that the
//! stream has brought; a clock that was set back shows lines that are not among them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};

/// Bytes of a line's text that tell it from others of the same time.
pub(super) const START: usize = 64;
/// Lines in a block.
const BLOCK: usize = 256;
/// Most blocks. Their lines are more than a file of 10 MiB can hold, the kubelet's default limit, for
/// a line takes 41 bytes there beside its text. 2 MiB of memory.
const BLOCKS: usize = 1024;

/// What a stream has brought.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// A print of each line, the oldest first.
    prints: VecDeque<u64>,
    /// The earliest and the latest time in each block of them.
    blocks: VecDeque<(i64, i64)>,
    /// The last line that was new.
    last: Option<i64>,
    /// Where the next line is expected while lines come again.
    again: Option<usize>,
}

impl Replay {
    /// Whether this line was there before; `start` is the beginning of its text, [`START`] bytes of it
    /// if there are as many.
    pub(super) fn is_known(&mut self, ns: i64, start: &[u8]) -> bool {
        let print = print(ns, start);
        let expected = self.again.take().filter(|at| self.prints.get(*at) == Some(&print));
        let steps_back = self.last.is_some_and(|last| ns < last);
        let found = expected.or_else(|| if steps_back { self.find(ns, print) } else { None });
        match found {
            Some(at) => self.again = Some(at + 1),
            None => self.keep(ns, print),
        }
        found.is_some()
    }

    fn find(&self, ns: i64, print: u64) -> Option<usize> {
        let blocks = self.blocks.iter().enumerate().rev();
        let mut fitting = blocks.filter(|(_, (from, to))| (*from..=*to).contains(&ns));
        fitting.find_map(|(block, _)| {
            let end = self.prints.len().min((block + 1) * BLOCK);
            (block * BLOCK..end).rev().find(|at| self.prints[*at] == print)
        })
    }

    fn keep(&mut self, ns: i64, print: u64) {
        self.last = Some(ns);
        if !self.prints.len().is_multiple_of(BLOCK)
            && let Some((from, to)) = self.blocks.back_mut()
        {
            (*from, *to) = (ns.min(*from), ns.max(*to));
        } else {
            if self.blocks.len() == BLOCKS {
                self.blocks.pop_front();
                self.prints.drain(..BLOCK);
            }
            self.blocks.push_back((ns, ns));
        }
        self.prints.push_back(print);
    }
}

fn print(ns: i64, start: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_i64(ns);
    hasher.write(start);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn new(replay: &mut Replay, lines: &[(i64, &str)]) -> Vec<usize> {
        (0..lines.len()).filter(|at| !replay.is_known(lines[*at].0, lines[*at].1.as_bytes())).collect()
    }

    #[test]
    fn a_file_that_is_served_again_brings_nothing_new() {
        let mut replay = Replay::default();
        let file = [(2, "b"), (3, "c"), (3, "c"), (5, "d")];
        assert_eq!(new(&mut replay, &[(1, "a")]), [0]);
        assert_eq!(new(&mut replay, &file), [0, 1, 2, 3]);
        assert_eq!(new(&mut replay, &file), [0; 0]);
        assert_eq!(new(&mut replay, &[(2, "b"), (3, "c"), (2, "b"), (3, "c"), (3, "c")]), [0; 0], "and once more");
        assert_eq!(new(&mut replay, &[(5, "d"), (6, "e")]), [1]);
    }

    #[test]
    fn lines_of_one_time_are_all_read() {
        assert_eq!(new(&mut Replay::default(), &[(1, "a"), (1, "a"), (1, "a")]), [0, 1, 2]);
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let mut replay = Replay::default();
        assert_eq!(new(&mut replay, &[(10, "a"), (11, "b"), (5, "a"), (10, "b"), (4, "x")]), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut replay = Replay::default();
        for ns in 0..1_000_000 {
            assert!(!replay.is_known(ns, b"x"));
        }
        assert!(replay.prints.len() <= BLOCK * BLOCKS && replay.blocks.len() <= BLOCKS);
        assert!(replay.is_known(1_000_000 - (BLOCK * (BLOCKS - 1)) as i64, b"x"));
        assert!(!replay.is_known(0, b"x"));
    }

    proptest! {
        /// Whatever is served again from wherever, each line is new once.
        #[test]
        fn each_line_is_new_once(
            steps in prop::collection::vec(-2i64..5, 1..2000),
            jumps in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0), 0..6),
        ) {
            let mut ns = 0;
            let lines: Vec<(i64, String)> = steps.iter().enumerate().map(|(at, step)| {
                ns += step;
                (ns, at.to_string())
            }).collect();
            let mut jumps: Vec<(usize, usize)> = jumps.iter().map(|(at, back)| {
                let at = (at * lines.len() as f64) as usize;
                (at, (back * at as f64) as usize)
            }).collect();
            jumps.sort_unstable();
            let (mut replay, mut read) = (Replay::default(), Vec::new());
            for at in 0..lines.len() {
                while let Some((_, back)) = jumps.first().copied().filter(|(when, _)| *when == at) {
                    jumps.remove(0);
                    // The kubelet's block begins with an earlier line, and that is what it is known by.
                    if at > 0 && lines[back].0 < lines[at - 1].0 {
                        for (ns, text) in &lines[back..at] {
                            prop_assert!(replay.is_known(*ns, text.as_bytes()));
                        }
                    }
                }
                let (ns, text) = &lines[at];
                if !replay.is_known(*ns, text.as_bytes()) {
                    read.push(at);
                }
            }
            prop_assert_eq!(read, (0..lines.len()).collect::<Vec<_>>());
        }
    }
}
