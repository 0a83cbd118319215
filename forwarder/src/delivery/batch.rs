//! Lines of several containers on their way into one request.

use std::rc::Rc;

use logtap_push::encode::{Line, Stream, snappy};

use crate::source::{Piece, Record};

/// Bytes of text from which a batch is full.
const FULL: usize = 1 << 20;
/// What a line costs beside its text.
const LINE: usize = 32;

/// Lines in the order of their containers' logs.
#[derive(Debug, Default)]
pub(super) struct Batch {
    streams: Vec<(Rc<str>, Vec<Record>)>,
    bytes: usize,
}

impl Batch {
    pub(super) fn add(&mut self, piece: Piece) {
        self.bytes += piece.records.iter().map(|record| record.text.len() + LINE).sum::<usize>();
        match self.streams.iter_mut().find(|(container, _)| *container == piece.container) {
            Some((_, records)) => records.extend(piece.records),
            None => self.streams.push((piece.container, piece.records)),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= FULL
    }

    pub(super) fn lines(&self) -> u64 {
        self.streams.iter().map(|(_, records)| records.len() as u64).sum()
    }

    /// A Loki push; every container is a stream with `labels` and its own name.
    pub(super) fn encode(&self, labels: &[(&'static str, String)]) -> Vec<u8> {
        let labels: Vec<Vec<(&str, &str)>> = self
            .streams
            .iter()
            .map(|(container, _)| {
                let fixed = labels.iter().map(|(name, value)| (*name, value.as_str()));
                fixed.chain([("container", &**container)]).collect()
            })
            .collect();
        let lines: Vec<Vec<Line<'_>>> =
            self.streams.iter().map(|(_, records)| records.iter().map(line).collect()).collect();
        let streams: Vec<Stream<'_>> =
            labels.iter().zip(&lines).map(|(labels, lines)| Stream { labels, lines, sequence: None }).collect();
        snappy(&streams)
    }

    /// The first half of the lines and the second.
    pub(super) fn halves(self) -> (Self, Self) {
        let mut left = self.lines().div_ceil(2);
        let (mut first, mut second) = (Self::default(), Self::default());
        for (container, mut records) in self.streams {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(records.len());
            left -= here as u64;
            let rest = records.split_off(here);
            for (half, records) in [(&mut first, records), (&mut second, rest)] {
                if !records.is_empty() {
                    half.add(Piece { container: Rc::clone(&container), records });
                }
            }
        }
        (first, second)
    }
}

fn line(record: &Record) -> Line<'_> {
    Line { ns: record.ns, text: &record.text, meta: &[] }
}

#[cfg(test)]
mod tests;
