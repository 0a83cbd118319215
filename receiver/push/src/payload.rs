//! From a request body to a payload of known format: content encodings off, format found.
//!
//! Headers are hints. Senders leave them out, name the wrong encoding, or mean raw DEFLATE where
//! others mean zlib, so every decision is checked against the bytes.

mod inflate;
mod snappy;
mod sniff;

use std::borrow::Cow;

use crate::error::DecodeError;
use crate::report::{Reject, Report};
use crate::sink::Sink;
use crate::{json, otlp, proto};
use sniff::{Guess, Hints};

/// The kind of endpoint a body was posted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// [`crate::PUSH_PATH`] and [`crate::LEGACY_PUSH_PATH`].
    Loki,
    /// [`crate::OTLP_PATH`].
    Otlp,
    /// [`crate::RAW_PATH`].
    Raw,
}

/// The two request headers that say something about the body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `Content-Type`, as sent.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`, as sent.
    pub content_encoding: Option<&'a str>,
}

/// How much a body may grow.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes of any unpacked layer.
    pub decompressed: usize,
}

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Loki push JSON, v1 and v0.
    LokiJson,
    /// Loki push protobuf.
    LokiProto,
    /// OTLP logs, protobuf.
    OtlpProto,
    /// OTLP logs, JSON.
    OtlpJson,
    /// Newline-delimited JSON objects.
    Raw,
}

/// A body without content encodings.
#[derive(Debug, Clone)]
pub struct Payload<'b> {
    bytes: Cow<'b, [u8]>,
    format: Format,
    /// An encoding ended too early; `bytes` is what came out before that.
    cut: bool,
}

/// Encodings that are taken off one after the other before giving up.
const MAX_LAYERS: usize = 3;

impl Default for Limits {
    fn default() -> Self {
        Self { decompressed: 64 << 20 }
    }
}

/// Removes content encodings and finds out what the payload is.
///
/// # Errors
/// [`DecodeError::TooLarge`] when a layer unpacks to more than the limit, which is noticed before
/// that much is allocated; other errors when the bytes are nothing that the route takes.
pub fn unwrap<'b>(
    body: &'b [u8],
    route: Route,
    headers: Headers<'_>,
    limits: &Limits,
) -> Result<Payload<'b>, DecodeError> {
    let cap = limits.decompressed;
    let hints = Hints::of(headers);
    let mut bytes = Cow::Borrowed(body);
    let mut cut = false;
    for layer in 0..=MAX_LAYERS {
        match sniff::guess(&bytes, route, hints, cap)? {
            Guess::Plain(_) if bytes.len() > cap => {
                return Err(DecodeError::TooLarge { limit: cap });
            }
            Guess::Plain(format) => return Ok(Payload { bytes, format, cut }),
            Guess::Unpacked(_) if layer == MAX_LAYERS => break,
            Guess::Unpacked(layer) => {
                cut |= layer.cut;
                bytes = Cow::Owned(layer.bytes);
            }
            Guess::Unknown => return Err(unreadable(route, describe(&bytes, headers))),
        }
    }
    Err(DecodeError::TooManyLayers { limit: MAX_LAYERS })
}

impl Payload<'_> {
    /// What the bytes are.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes without content encodings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Hands every line over.
    ///
    /// # Errors
    /// [`DecodeError::Unreadable`] when the bytes are damaged and no line was found before the
    /// damage. The sink has then seen no entry.
    pub fn visit<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<Report, DecodeError> {
        let bytes = self.bytes.as_ref();
        let mut report = Report::default();
        let damage = match self.format {
            _ if bytes.is_empty() => None,
            Format::LokiJson => json::push::visit(bytes, sink, &mut report).err(),
            Format::Raw => json::raw::visit(bytes, sink, &mut report).err(),
            Format::LokiProto => proto::push::visit(bytes, sink, &mut report).err(),
            Format::OtlpProto => otlp::proto::visit(bytes, sink, &mut report).err(),
            Format::OtlpJson => otlp::json::visit(bytes, sink, &mut report).err(),
        };
        let damage = damage.or(self.cut.then_some(Damage::Cut));
        let route = self.format.route();
        if let Some(damage) = damage {
            if report.lines == 0 && report.rejected.total() == 0 {
                return Err(unreadable(route, damage.describe().to_owned()));
            }
            report.rejected.add(Reject::Truncated, 1);
        } else if route == Route::Raw && report.lines == 0 && report.rejected.total() > 0 {
            return Err(unreadable(route, "no line is a JSON object".to_owned()));
        }
        Ok(report)
    }
}

impl Format {
    fn route(self) -> Route {
        match self {
            Self::LokiJson | Self::LokiProto => Route::Loki,
            Self::OtlpJson | Self::OtlpProto => Route::Otlp,
            Self::Raw => Route::Raw,
        }
    }
}

/// Why reading stopped before the end of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The bytes end inside a value.
    Cut,
    /// The bytes are not well-formed.
    Bad,
}

impl Damage {
    fn describe(self) -> &'static str {
        match self {
            Self::Cut => "it ends in the middle and no complete line comes before that",
            Self::Bad => "it is not well-formed",
        }
    }
}

fn unreadable(route: Route, why: String) -> DecodeError {
    let expected = match route {
        Route::Loki => "Loki push JSON or snappy protobuf",
        Route::Otlp => "OTLP logs in protobuf or JSON",
        Route::Raw => "newline-delimited JSON objects",
    };
    DecodeError::Unreadable { expected, why }
}

/// Names the encoding when it is one that is not supported, else the first bytes.
fn describe(bytes: &[u8], headers: Headers<'_>) -> String {
    if let Some(named) = headers.content_encoding
        && let Some(unknown) = named.split(',').map(str::trim).find(|name| !sniff::known(name))
    {
        let name: String = unknown.chars().take(32).flat_map(char::escape_default).collect();
        return format!("content-encoding {name} is not one of gzip, deflate, snappy, zstd");
    }
    format!("it begins with {}", bytes[..bytes.len().min(8)].escape_ascii())
}
