//! Finds out what bytes are: a packed layer, or one of the formats a route takes.
//!
//! Magic numbers come first. Snappy blocks have none, and their first byte (a length) can be `{` or
//! a space, so JSON is only believed when its first two tokens fit, and a snappy block only when
//! it decodes to exactly its declared length and its content is plausible.

use super::{Format, Headers, Route, inflate, snappy};
use crate::error::DecodeError;
use crate::proto;

/// What the headers claim.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hints {
    proto: bool,
    deflate: bool,
    snappy: bool,
}

/// One encoding taken off.
pub(super) struct Layer {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: bool,
}

/// What bytes turned out to be.
pub(super) enum Guess {
    Plain(Format),
    Unpacked(Layer),
    Unknown,
}

impl Hints {
    pub(super) fn of(headers: Headers<'_>) -> Self {
        let kind = headers.content_type.unwrap_or_default().to_ascii_lowercase();
        let packing = headers.content_encoding.unwrap_or_default().to_ascii_lowercase();
        let snappy = packing.contains("snappy") || kind.contains("snappy");
        Self { proto: kind.contains("protobuf") || snappy, deflate: packing.contains("deflate"), snappy }
    }
}

/// Whether a content encoding's name is one of those supported.
pub(super) fn known(name: &str) -> bool {
    let names = ["", "identity", "gzip", "x-gzip", "deflate", "snappy", "x-snappy-framed", "zstd"];
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

pub(super) fn guess(bytes: &[u8], route: Route, hints: Hints, cap: usize) -> Result<Guess, DecodeError> {
    let plain_json = match route {
        Route::Loki => Format::LokiJson,
        Route::Otlp => Format::OtlpJson,
        Route::Raw => Format::Raw,
    };
    if bytes.is_empty() {
        return Ok(Guess::Plain(plain_json));
    }
    if let Some(layer) = magic(bytes, cap)? {
        return Ok(Guess::Unpacked(layer));
    }
    if !hints.proto && starts_json(bytes) {
        return Ok(Guess::Plain(plain_json));
    }
    if route != Route::Raw || hints.snappy {
        if route == Route::Otlp && proto::plausible(bytes) {
            return Ok(Guess::Plain(Format::OtlpProto));
        }
        if let Some(layer) = snappy::block(bytes, cap, fits)? {
            return Ok(Guess::Unpacked(layer));
        }
        if route == Route::Loki && proto::complete(bytes) {
            return Ok(Guess::Plain(Format::LokiProto));
        }
        if let Some(layer) = snappy::salvage(bytes, cap, fits) {
            return Ok(Guess::Unpacked(layer));
        }
    }
    if let Some(layer) = zlib(bytes, cap)? {
        return Ok(Guess::Unpacked(layer));
    }
    let starts_json = starts_json(bytes);
    if hints.deflate
        && !starts_json
        && let Some(layer) = inflate::raw_deflate(bytes, cap)?
    {
        return Ok(Guess::Unpacked(layer));
    }
    Ok(match route {
        Route::Raw => Guess::Plain(Format::Raw),
        Route::Loki if (hints.proto || !starts_json) && proto::plausible(bytes) => Guess::Plain(Format::LokiProto),
        _ if starts_json || only_blank(bytes) => Guess::Plain(plain_json),
        _ => Guess::Unknown,
    })
}

fn magic(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => inflate::gzip(bytes, cap),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => inflate::zstd(bytes, cap),
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => snappy::framed(bytes, cap),
        _ => Ok(None),
    }
}

/// A zlib header is two bytes that are a multiple of 31, with method 8 and a window of 32 KiB or less.
fn zlib(bytes: &[u8], cap: usize) -> Result<Option<Layer>, DecodeError> {
    match *bytes {
        [first, second, ..]
            if first & 0x0f == 8
                && first >> 4 <= 7
                && (u16::from(first) << 8 | u16::from(second)).is_multiple_of(31) =>
        {
            inflate::zlib(bytes, cap)
        }
        _ => Ok(None),
    }
}

/// Whether unpacked bytes look like anything that any route takes.
fn fits(bytes: &[u8]) -> bool {
    bytes.is_empty()
        || starts_json(bytes)
        || proto::plausible(bytes)
        || bytes.starts_with(&[0x1f, 0x8b])
        || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn starts_json(bytes: &[u8]) -> bool {
    let bytes = crate::json::without_bom(bytes);
    let mut tokens = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    match tokens.next() {
        Some(b'{') => matches!(tokens.next(), None | Some(b'"' | b'}')),
        Some(b'[') => matches!(tokens.next(), None | Some(b'{' | b'[' | b']')),
        _ => false,
    }
}

fn only_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}
