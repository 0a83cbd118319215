//! The numbers of a stream's entries.
//!
//! ```text
//! Sequence { 1 source: string, 2 first: u64, 3 Mark }
//! Mark     { 1 kind: 1 gap, 2 end; of a gap: 2 lost: u64, 3 reason: string, 4 from: i64, 5 to: i64, 6 numbers: u64 }
//! ```

use super::{Field, Message};
use crate::sequence::{Gap, Mark, Sequence};

/// Reads them; `None` where they break a rule, or are of a kind that a later sender means something by.
pub(crate) fn read(bytes: &[u8]) -> Option<Sequence<'_>> {
    let mut message = Message::new(bytes);
    let (mut source, mut first, mut mark) = ("", 0, None);
    while let Some((number, field)) = message.next().ok()? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => source = std::str::from_utf8(bytes).ok()?,
            (2, Field::Varint(value)) => first = value,
            (3, Field::Bytes(bytes)) => mark = Some(read_mark(bytes)?),
            (_, Field::Cut(_)) => return None,
            _ => {}
        }
    }
    Some(Sequence { source, first, mark }).filter(Sequence::is_valid)
}

fn read_mark(bytes: &[u8]) -> Option<Mark<'_>> {
    let mut message = Message::new(bytes);
    let mut kind = 0;
    let mut gap = Gap { lost: None, reason: "", from: 0, to: 0, numbers: 1 };
    while let Some((number, field)) = message.next().ok()? {
        match (number, field) {
            (1, Field::Varint(value)) => kind = value,
            (2, Field::Varint(value)) => gap.lost = Some(value),
            (3, Field::Bytes(bytes)) => gap.reason = std::str::from_utf8(bytes).ok()?,
            (4, Field::Varint(value)) => gap.from = value.cast_signed(),
            (5, Field::Varint(value)) => gap.to = value.cast_signed(),
            (6, Field::Varint(value)) => gap.numbers = value,
            (_, Field::Cut(_)) => return None,
            _ => {}
        }
    }
    match kind {
        1 => Some(Mark::Gap(gap)),
        2 => Some(Mark::End),
        _ => None,
    }
}
