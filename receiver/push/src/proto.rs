//! Protobuf, walked by hand: borrowed fields, no check of UTF-8 (senders put any bytes into
//! strings), and a clear difference between an end and a cut.

pub(crate) mod push;
mod sequence;

use crate::payload::Damage;

/// A position in a message.
#[derive(Debug, Clone)]
pub(crate) struct Message<'b> {
    bytes: &'b [u8],
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'b> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'b [u8]),
    /// Declared longer than what is left; these bytes are left.
    Cut(&'b [u8]),
}

impl<'b> Message<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// The next field's number and value, or none at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field<'b>)>, Damage> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Damage::Bad)?;
        if number == 0 {
            return Err(Damage::Bad);
        }
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| Damage::Bad)?;
                match self.bytes.split_at_checked(len) {
                    Some((value, rest)) => {
                        self.bytes = rest;
                        Field::Bytes(value)
                    }
                    None => Field::Cut(std::mem::take(&mut self.bytes)),
                }
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err(Damage::Bad),
        };
        Ok(Some((number, field)))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for (at, &byte) in self.bytes.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.bytes.len() < 10 { Damage::Cut } else { Damage::Bad })
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (value, rest) = self.bytes.split_first_chunk().ok_or(Damage::Cut)?;
        self.bytes = rest;
        Ok(*value)
    }
}

/// Whether bytes look like a Loki push or OTLP request, perhaps cut: a first field 1 (or Loki's
/// `format`, 2) that begins like a message.
pub(crate) fn plausible(bytes: &[u8]) -> bool {
    let mut message = Message::new(bytes);
    let mut first = true;
    loop {
        match message.next() {
            Ok(None) => return !first,
            Ok(Some((1, Field::Bytes(inner) | Field::Cut(inner)))) if first => {
                let known = |tag: u8| matches!(tag & 7, 0..=2 | 5) && (1..=15).contains(&(tag >> 3));
                if inner.first().is_some_and(|&tag| !known(tag)) {
                    return false;
                }
            }
            Ok(Some((1 | 2, Field::Bytes(_) | Field::Cut(_)))) => {}
            Ok(Some((3.., _))) if !first => {}
            Ok(Some(_)) => return false,
            Err(_) => return !first,
        }
        first = false;
    }
}

/// Whether bytes are [`plausible`] and end where their last field ends.
pub(crate) fn complete(bytes: &[u8]) -> bool {
    let mut message = Message::new(bytes);
    loop {
        match message.next() {
            Ok(None) => return plausible(bytes),
            Ok(Some((_, Field::Cut(_)))) | Err(_) => return false,
            Ok(Some(_)) => {}
        }
    }
}
