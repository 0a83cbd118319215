//! The ways in which senders speak: format, compression and headers together.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use logtap_push::{LEGACY_PUSH_PATH, OTLP_PATH, PUSH_PATH, RAW_PATH, encode as wire};

use super::otlp;
use crate::batches::Batch;
use crate::generate::{Clock, write_string};

/// A way to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// Promtail: snappy protobuf without `Content-Encoding`.
    ProtoSnappy,
    /// Alloy, Vector: the same with `Content-Encoding: snappy`.
    ProtoSnappyWithEncoding,
    /// Snappy protobuf inside gzip.
    ProtoGzip,
    /// Old `tracing-loki`: snappy protobuf called `application/x-snappy`.
    ProtoXSnappy,
    /// Snappy protobuf without any `Content-Type`.
    ProtoUntyped,
    /// JSON of the v1 schema.
    JsonV1,
    /// The same with a charset in the content type.
    JsonV1Charset,
    /// JSON v1 in gzip.
    JsonV1Gzip,
    /// JSON v1 in raw deflate, as Loki means it.
    JsonV1Deflate,
    /// JSON v1 in zlib, as the HTTP standard means deflate.
    JsonV1Zlib,
    /// JSON v1 in zstd.
    JsonV1Zstd,
    /// JSON of the v0 schema at the legacy path.
    JsonV0,
    /// JSON of the v0 schema at the v1 path, as `python-logging-loki` can be told to.
    JsonV0AtV1,
    /// Lines of `{ts,labels,msg}`.
    Raw,
    /// Lines of `{ts,labels,msg}` in gzip.
    RawGzip,
    /// OTLP/HTTP in protobuf.
    OtlpProto,
    /// OTLP/HTTP in protobuf and gzip, as exporters send by default.
    OtlpProtoGzip,
    /// OTLP/HTTP in JSON.
    OtlpJson,
}

/// A request body and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Where to post it.
    pub path: &'static str,
    /// `Content-Type`, if any.
    pub content_type: Option<&'static str>,
    /// `Content-Encoding`, if any.
    pub content_encoding: Option<&'static str>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// The headers, ready for [`super::LokiClient::post`].
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, &'static str)> {
        let kind = self.content_type.map(|value| ("Content-Type", value));
        let encoding = self.content_encoding.map(|value| ("Content-Encoding", value));
        kind.into_iter().chain(encoding).collect()
    }
}

impl Dialect {
    /// Every dialect, with its name on the command line.
    pub const ALL: [(&'static str, Self); 18] = [
        ("proto", Self::ProtoSnappy),
        ("proto-snappy", Self::ProtoSnappyWithEncoding),
        ("proto-gzip", Self::ProtoGzip),
        ("proto-x-snappy", Self::ProtoXSnappy),
        ("proto-untyped", Self::ProtoUntyped),
        ("json", Self::JsonV1),
        ("json-charset", Self::JsonV1Charset),
        ("json-gzip", Self::JsonV1Gzip),
        ("json-deflate", Self::JsonV1Deflate),
        ("json-zlib", Self::JsonV1Zlib),
        ("json-zstd", Self::JsonV1Zstd),
        ("json-v0", Self::JsonV0),
        ("json-v0-at-v1", Self::JsonV0AtV1),
        ("raw", Self::Raw),
        ("raw-gzip", Self::RawGzip),
        ("otlp", Self::OtlpProto),
        ("otlp-gzip", Self::OtlpProtoGzip),
        ("otlp-json", Self::OtlpJson),
    ];

    /// The dialect of a name in [`Dialect::ALL`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(have, _)| *have == name).map(|(_, dialect)| *dialect)
    }

    /// Whether the dialect can carry structured metadata.
    #[must_use]
    pub fn has_metadata(self) -> bool {
        !matches!(self, Self::JsonV0 | Self::JsonV0AtV1)
    }

    fn path(self) -> &'static str {
        match self {
            Self::JsonV0 => LEGACY_PUSH_PATH,
            Self::Raw | Self::RawGzip => RAW_PATH,
            Self::OtlpProto | Self::OtlpProtoGzip | Self::OtlpJson => OTLP_PATH,
            _ => PUSH_PATH,
        }
    }

    fn content_type(self) -> Option<&'static str> {
        Some(match self {
            Self::ProtoUntyped => return None,
            Self::ProtoXSnappy => "application/x-snappy",
            Self::ProtoSnappy
            | Self::ProtoSnappyWithEncoding
            | Self::ProtoGzip
            | Self::OtlpProto
            | Self::OtlpProtoGzip => "application/x-protobuf",
            Self::JsonV1Charset => "application/json; charset=utf-8",
            Self::Raw | Self::RawGzip => "application/x-ndjson",
            _ => "application/json",
        })
    }

    fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::ProtoSnappyWithEncoding => Some("snappy"),
            Self::ProtoGzip | Self::JsonV1Gzip | Self::RawGzip | Self::OtlpProtoGzip => Some("gzip"),
            Self::JsonV1Deflate | Self::JsonV1Zlib => Some("deflate"),
            Self::JsonV1Zstd => Some("zstd"),
            _ => None,
        }
    }
}

/// Writes a batch in a dialect.
#[must_use]
pub fn encode(dialect: Dialect, batch: &Batch) -> Body {
    use Dialect as D;
    let plain = match dialect {
        D::ProtoSnappy | D::ProtoSnappyWithEncoding | D::ProtoGzip | D::ProtoXSnappy | D::ProtoUntyped => {
            batch.encode(wire::snappy)
        }
        D::JsonV0 | D::JsonV0AtV1 => batch.encode(wire::json_v0),
        D::Raw | D::RawGzip => raw(batch),
        D::OtlpProto | D::OtlpProtoGzip => otlp::proto(batch),
        D::OtlpJson => otlp::json(batch),
        _ => batch.encode(wire::json_v1),
    };
    let fast = Compression::fast();
    let bytes = match dialect {
        D::JsonV1Deflate => squeeze(DeflateEncoder::new(Vec::new(), fast), &plain, DeflateEncoder::finish),
        D::JsonV1Zlib => squeeze(ZlibEncoder::new(Vec::new(), fast), &plain, ZlibEncoder::finish),
        D::JsonV1Zstd => zstd::bulk::compress(&plain, 1).expect("compressing memory cannot fail"),
        _ if dialect.content_encoding() == Some("gzip") => {
            squeeze(GzEncoder::new(Vec::new(), fast), &plain, GzEncoder::finish)
        }
        _ => plain,
    };
    Body {
        path: dialect.path(),
        content_type: dialect.content_type(),
        content_encoding: dialect.content_encoding(),
        bytes,
    }
}

fn squeeze<W: Write>(mut encoder: W, plain: &[u8], finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(plain).expect("writing to memory cannot fail");
    finish(encoder).expect("writing to memory cannot fail")
}

fn raw(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.text_bytes() * 2);
    let (mut clock, mut stamp) = (Clock::new(), String::new());
    for stream in batch.streams() {
        for line in &stream.lines {
            clock.set(line.ns);
            stamp.clear();
            clock.nanos(&mut stamp);
            out.extend_from_slice(format!("{{\"ts\":\"{stamp}\",\"labels\":").as_bytes());
            object(&stream.labels, &mut out);
            out.extend_from_slice(b",\"msg\":");
            write_string(&line.text, &mut out);
            if !line.meta.is_empty() {
                out.extend_from_slice(b",\"meta\":");
                object(&line.meta, &mut out);
            }
            out.extend_from_slice(b"}\n");
        }
    }
    out
}

fn object(pairs: &[(String, String)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_string(value, out);
    }
    out.push(b'}');
}
