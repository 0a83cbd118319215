//! A row on its way from the thread that reads it to the one that has rows in order. The message is decoded and
//! its level known; metadata is as stored, labels are a number where they have one.

use logtap_capture::level::Level;
use logtap_capture::line;

use super::sets::{Known, Remembered};
use crate::pick::Pick;

/// Stands for the number of a set that has none.
const NO_NUMBER: u32 = u32::MAX;

/// Labels of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels<'p> {
    Number(u32),
    /// A JSON object.
    Stored(&'p [u8]),
}

/// A packed row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<'p> {
    /// Of [`Level::ALL`].
    pub(super) level: u8,
    pub(super) labels: Labels<'p>,
    /// A JSON object, or nothing.
    pub(super) meta: &'p [u8],
    pub(super) message: &'p [u8],
}

/// Packs rows; one per thread.
pub(in crate::export) struct Packer<'k> {
    sets: Remembered<'k>,
    scratch: Vec<u8>,
}

impl<'k> Packer<'k> {
    pub(in crate::export) fn new(known: &'k Known) -> Self {
        Self { sets: Remembered::new(known), scratch: Vec::new() }
    }

    /// Appends a row. Returns true if bytes that were no text had to be replaced.
    pub(in crate::export) fn pack(&mut self, out: &mut Vec<u8>, pick: &Pick<'_>, own: bool) -> bool {
        let parts = pick.parts;
        let message = line::decode(&parts.message, &mut self.scratch);
        Packed {
            level: Level::of(message.as_bytes()) as u8,
            labels: self.sets.number(pick.labels).map_or_else(|| Labels::Stored(pick.labels.json()), Labels::Number),
            meta: parts.meta.as_deref().unwrap_or_default(),
            message: message.as_bytes(),
        }
        .write(out);
        pick.is_replaced(own)
    }
}

impl<'p> Packed<'p> {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(13 + self.meta.len() + self.message.len());
        out.push(self.level);
        let (number, stored) = match self.labels {
            Labels::Number(number) => (number, &[][..]),
            Labels::Stored(stored) => (NO_NUMBER, stored),
        };
        out.extend_from_slice(&number.to_le_bytes());
        for length in [stored.len(), self.meta.len()] {
            out.extend_from_slice(&(length as u32).to_le_bytes());
        }
        for part in [stored, self.meta, self.message] {
            out.extend_from_slice(part);
        }
    }

    /// The parts of what [`Packer::pack`] appended; `None` for anything else.
    pub(super) fn read(bytes: &'p [u8]) -> Option<Self> {
        let (&level, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (stored, rest) = rest.split_first_chunk()?;
        let (meta, rest) = rest.split_first_chunk()?;
        let (stored, rest) = rest.split_at_checked(u32::from_le_bytes(*stored) as usize)?;
        let (meta, message) = rest.split_at_checked(u32::from_le_bytes(*meta) as usize)?;
        let labels = match u32::from_le_bytes(*number) {
            NO_NUMBER => Labels::Stored(stored),
            number => Labels::Number(number),
        };
        Some(Self { level, labels, meta, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        for (labels, meta, message) in [
            (Labels::Number(0), "", ""),
            (Labels::Stored(b"{}"), "", "x"),
            (Labels::Stored(b"{\"a\":\"b\"}"), "{\"k\":\"v\"}", "a message"),
        ] {
            let packed = Packed { level: 3, labels, meta: meta.as_bytes(), message: message.as_bytes() };
            let mut bytes = Vec::new();
            packed.write(&mut bytes);
            assert_eq!(Packed::read(&bytes), Some(packed));
            assert_eq!(Packed::read(&bytes[..12]), None);
        }
    }
}
