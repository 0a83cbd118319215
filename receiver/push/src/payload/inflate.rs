//! The streaming decompressors, stopped at the cap.
//!
//! Each gives back what came out before any damage, so that a cut body can be salvaged, or nothing
//! when nothing came out (the bytes were something else).

use std::io::Read;

use super::sniff::Layer;
use crate::error::DecodeError;

/// Output is grown by at least this many bytes at a time.
const STEP: usize = 64 << 10;

pub(super) fn gzip(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    read(flate2::bufread::MultiGzDecoder::new(bytes), bytes.len(), cap)
}

pub(super) fn zlib(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    read(flate2::bufread::ZlibDecoder::new(bytes), bytes.len(), cap)
}

pub(super) fn raw_deflate(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    read(flate2::bufread::DeflateDecoder::new(bytes), bytes.len(), cap)
}

pub(super) fn zstd(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    let Ok(mut decoder) = zstd::stream::read::Decoder::with_buffer(bytes) else {
        return Ok(None);
    };
    // A window is allocated whole, so it may not be larger than the cap (8 MiB is the least that
    // every decoder must take).
    let window = cap.max(1).next_power_of_two().ilog2().clamp(23, 27);
    if decoder.window_log_max(window).is_err() {
        return Ok(None);
    }
    read(decoder, bytes.len(), cap)
}

/// Reads to the end. Never holds more than `cap` and one byte.
pub(super) fn read(mut from: impl Read, packed: usize, cap: usize) -> Result<Option<Layer>, DecodeError> {
    let mut out = Vec::new();
    let mut filled = 0;
    let cut = loop {
        if filled == out.len() {
            if filled > cap {
                return Err(DecodeError::TooLarge { limit: cap });
            }
            let more = filled.max(packed.saturating_mul(4)).max(STEP);
            let size = filled.saturating_add(more).min(cap.saturating_add(1));
            out.reserve_exact(size - filled);
            out.resize(size, 0);
        }
        match from.read(&mut out[filled..]) {
            Ok(0) => break false,
            Ok(n) => filled += n,
            Err(_) => break true,
        }
    };
    if filled > cap {
        return Err(DecodeError::TooLarge { limit: cap });
    }
    out.truncate(filled);
    Ok((!cut || filled > 0).then_some(Layer { bytes: out, cut }))
}
