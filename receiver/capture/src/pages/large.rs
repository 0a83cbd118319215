//! A frame too large to be decoded in one go: its bytes are decoded in steps, and go on from where the last
//! part ended, so that reading part after part decodes the frame once.

use std::io;

use super::{Cutter, Page, STRIDE};
use crate::decode::Decoder;
use crate::read_at::{Identity, ReadAt};

/// A large frame, decoded up to some point.
#[derive(Debug)]
pub(super) struct Large {
    place: Place,
    read: u64,
    end: u64,
    decoder: Decoder,
    packed: Vec<u8>,
    used: usize,
    /// Decoded bytes that may be asked for again, from this offset in the frame on.
    kept: Vec<u8>,
    kept_at: u64,
}

/// Which frame of which file.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    file: Identity,
    at: u64,
}

fn place(file: &dyn ReadAt, at: u64) -> io::Result<Place> {
    Ok(Place { file: file.identity()?, at })
}

impl Large {
    fn new(file: &dyn ReadAt, at: u64, size: u64) -> io::Result<Self> {
        Ok(Self {
            place: place(file, at)?,
            read: at,
            end: at + size,
            decoder: Decoder::default(),
            packed: Vec::new(),
            used: 0,
            kept: Vec::new(),
            kept_at: 0,
        })
    }

    /// Decoded bytes of a whole frame that does not tell them.
    pub(super) fn length(file: &dyn ReadAt, at: u64, size: u64) -> io::Result<u64> {
        let mut frame = Self::new(file, at, size)?;
        while frame.step(file)? {
            frame.forget(u64::MAX);
        }
        Ok(frame.kept_at)
    }

    /// The lines that begin in a range of the frame of a page. `known` is the frame read last, if any.
    pub(super) fn part(
        known: &mut Option<Self>,
        file: &dyn ReadAt,
        page: &Page,
        from: u64,
        to: u64,
    ) -> io::Result<Vec<u8>> {
        let first = from.saturating_sub(1);
        let here = place(file, page.at)?;
        let mut frame = match known.take().filter(|frame| frame.place == here && frame.kept_at <= first) {
            Some(frame) => frame,
            None => Self::new(file, page.at, page.size)?,
        };
        frame.forget(first);
        let mut cutter = Cutter { from, to, at: frame.kept_at, lines: Vec::new() };
        let mut wanted = cutter.add(&frame.kept);
        while wanted {
            let seen = frame.kept.len();
            if !frame.step(file)? {
                break;
            }
            wanted = cutter.add(&frame.kept[seen..]);
            frame.forget(first);
        }
        // The next part begins with the last byte of this one.
        frame.forget(to.saturating_sub(1));
        *known = Some(frame);
        Ok(cutter.finish())
    }

    /// Decodes further; false at the end.
    fn step(&mut self, file: &dyn ReadAt) -> io::Result<bool> {
        loop {
            if self.used == self.packed.len() {
                self.packed.resize(STRIDE.min((self.end - self.read) as usize), 0);
                let count = file.read_at(&mut self.packed, self.read)?;
                self.packed.truncate(count);
                (self.read, self.used) = (self.read + count as u64, 0);
            }
            let before = self.kept.len();
            // What is decoded may wait inside the decoder after its input is used up.
            self.used += self.decoder.piece(&self.packed[self.used..], &mut self.kept, before + STRIDE)?;
            if self.kept.len() > before {
                return Ok(true);
            }
            if self.packed.is_empty() || (self.used == self.packed.len() && self.read == self.end) {
                return Ok(false);
            }
        }
    }

    /// Gives up what was decoded before an offset.
    fn forget(&mut self, before: u64) {
        let gone = before.saturating_sub(self.kept_at).min(self.kept.len() as u64);
        self.kept.drain(..gone as usize);
        self.kept_at += gone;
    }
}
