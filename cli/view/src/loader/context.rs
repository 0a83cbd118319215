//! The lines around hits: those before and behind a line that passes, which would be seen without what keeps them
//! out. A line is shown if a hit is near enough to it, wherever reading began, so that every way there shows the same.

use std::time::Instant;

use super::{BUDGET, Loader};
use crate::archive::{Archive, Direction, Key};
use crate::filter::Sieve;
use crate::row::Row;

impl Loader {
    /// Adds the lines around hits, in no order, and some twice: [`in_order`] mends that. `hits` come in the order in
    /// which they were found; if one answer cannot take all, the place of the last that has its lines is returned as
    /// well. `most`: rows after which there is an end.
    pub(super) fn surround(
        &mut self,
        archive: &Archive,
        sieve: &Sieve,
        hits: Vec<Row>,
        most: usize,
    ) -> std::io::Result<(Vec<Row>, Option<Key>)> {
        let Some((lines, beside)) = sieve.around() else { return Ok((hits, None)) };
        let (began, Self { cache, hits: own, beside: others }) = (Instant::now(), self);
        let (mut all, mut last, mut cut) = (Vec::new(), None, None);
        for hit in hits {
            if last.is_some() && (all.len() >= most || began.elapsed() > BUDGET) {
                cut = last;
                break;
            }
            for direction in [Direction::Backward, Direction::Forward] {
                let mut left = lines;
                let from = (hit.key, false);
                others.walk(cache, archive, beside, from, direction, |judge, key, line| {
                    if let Some(row) = judge.row(beside, key, line) {
                        // Of hits that are near, not all have been found yet.
                        all.push(Row { context: !own.passes(sieve, line), ..row });
                        left -= 1;
                    }
                    left == 0
                })?;
            }
            last = Some(hit.key);
            all.push(hit);
        }
        Ok((all, cut))
    }
}

/// Rows in order of the capture, each once.
pub(super) fn in_order(rows: &mut Vec<Row>) {
    rows.sort_by_key(|row| row.key);
    rows.dedup_by_key(|row| row.key);
}
