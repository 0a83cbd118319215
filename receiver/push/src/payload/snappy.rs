//! Snappy, in the block form that Loki clients send and the framed form that some send by mistake.

use super::inflate;
use super::sniff::Layer;
use crate::error::DecodeError;

/// Snappy cannot pack better than about 1:21 (a three-byte copy makes at most 64 bytes).
const BEST_RATIO: usize = 22;

pub(super) fn framed(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    inflate::read(snap::read::FrameDecoder::new(bytes), bytes.len(), cap)
}

/// A block, when the bytes are one and its content passes `fits`.
pub(super) fn block(bytes: &[u8], cap: usize, fits: fn(&[u8]) -> bool) -> Result<Option<Layer>, DecodeError> {
    let Ok(size) = snap::raw::decompress_len(bytes) else {
        return Ok(None);
    };
    if size > cap {
        // Only the head is unpacked, to tell a bomb from bytes that are no snappy at all.
        return match prefix(bytes, 64) {
            Some(head) if fits(&head) => Err(DecodeError::TooLarge { limit: cap }),
            _ => Ok(None),
        };
    }
    if size <= bytes.len().saturating_mul(BEST_RATIO) {
        let mut out = vec![0; size];
        if snap::raw::Decoder::new().decompress(bytes, &mut out).is_ok() {
            return Ok(fits(&out).then_some(Layer { bytes: out, cut: false }));
        }
    }
    Ok(None)
}

/// What a damaged block unpacks to before the damage, when that passes `fits`.
pub(super) fn salvage(bytes: &[u8], cap: usize, fits: fn(&[u8]) -> bool) -> Option<Layer> {
    let size = snap::raw::decompress_len(bytes).ok().filter(|&size| size <= cap)?;
    prefix(bytes, size)
        .filter(|head| !head.is_empty() && head.len() < size && fits(head))
        .map(|bytes| Layer { bytes, cut: true })
}

/// Unpacks a damaged block as far as it goes, and no further than `most` bytes.
fn prefix(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let mut rest = bytes.get(start..)?;
    let mut out: Vec<u8> = Vec::new();
    while let Some((&tag, after)) = rest.split_first()
        && out.len() < most
    {
        rest = after;
        let high = usize::from(tag >> 2);
        let (len, width) = match tag & 3 {
            0 if high < 60 => (high + 1, 0),
            0 => (0, high - 59),
            1 => ((high & 7) + 4, 1),
            2 => (high + 1, 2),
            _ => (high + 1, 4),
        };
        let Some((number, after)) = rest.split_at_checked(width) else {
            break;
        };
        let number = number.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
        rest = after;
        if tag & 3 == 0 {
            let len = if width == 0 { len } else { number + 1 };
            let len = len.min(most - out.len());
            out.extend_from_slice(&rest[..len.min(rest.len())]);
            rest = rest.get(len..).unwrap_or_default();
        } else {
            let offset = if width == 1 { number | usize::from(tag >> 5) << 8 } else { number };
            if offset == 0 || offset > out.len() {
                // The first copy of a real block always has something to copy from.
                return Some(out);
            }
            for _ in 0..len.min(most - out.len()) {
                out.push(out[out.len() - offset]);
            }
        }
    }
    Some(out)
}
