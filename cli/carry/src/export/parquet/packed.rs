//! A row on its way from the thread that reads it to the one that has rows in order. The message is decoded and
//! its level known; labels and metadata are as stored, since most rows share theirs with others.

use logtap_capture::level::Level;
use logtap_capture::line;

use crate::pick::Pick;

/// A packed row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<'p> {
    /// Of [`Level::ALL`].
    pub(super) level: u8,
    /// A JSON object.
    pub(super) labels: &'p [u8],
    /// A JSON object, or nothing.
    pub(super) meta: &'p [u8],
    pub(super) message: &'p [u8],
}

/// Appends a row. Returns true if bytes that were no text had to be replaced.
pub(in crate::export) fn pack(out: &mut Vec<u8>, pick: &Pick<'_>, own: bool, scratch: &mut Vec<u8>) -> bool {
    let parts = pick.parts;
    let labels = if own { &*parts.labels } else { pick.labels.json() };
    let message = line::decode(&parts.message, scratch);
    Packed {
        level: Level::of(message.as_bytes()) as u8,
        labels,
        meta: parts.meta.as_deref().unwrap_or_default(),
        message: message.as_bytes(),
    }
    .write(out);
    !(own && parts.ts.is_some()) && std::str::from_utf8(pick.stored).is_err()
}

impl<'p> Packed<'p> {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(9 + self.labels.len() + self.meta.len() + self.message.len());
        out.push(self.level);
        for length in [self.labels.len(), self.meta.len()] {
            out.extend_from_slice(&(length as u32).to_le_bytes());
        }
        for part in [self.labels, self.meta, self.message] {
            out.extend_from_slice(part);
        }
    }

    /// The parts of what [`pack`] appended; `None` for anything else.
    pub(super) fn read(bytes: &'p [u8]) -> Option<Self> {
        let (&level, rest) = bytes.split_first()?;
        let (labels, rest) = rest.split_first_chunk()?;
        let (meta, rest) = rest.split_first_chunk()?;
        let (labels, rest) = rest.split_at_checked(u32::from_le_bytes(*labels) as usize)?;
        let (meta, message) = rest.split_at_checked(u32::from_le_bytes(*meta) as usize)?;
        Some(Self { level, labels, meta, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        for (labels, meta, message) in [("{}", "", ""), ("{\"a\":\"b\"}", "{\"k\":\"v\"}", "a message")] {
            let packed =
                Packed { level: 3, labels: labels.as_bytes(), meta: meta.as_bytes(), message: message.as_bytes() };
            let mut bytes = Vec::new();
            packed.write(&mut bytes);
            assert_eq!(Packed::read(&bytes), Some(packed));
            assert_eq!(Packed::read(&bytes[..8]), None);
        }
    }
}
