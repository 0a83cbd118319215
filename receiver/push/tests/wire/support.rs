//! Decodes a body into owned values, and builds bodies the way senders do.

use std::io::Write;

use logtap_push::{DecodeError, Entry, Format, Headers, Labels, Limits, Report, Route, Sink, TsFix, unwrap};

pub(crate) type Pairs = Vec<(String, String)>;

/// One line as it was handed over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Got {
    pub(crate) labels: Pairs,
    pub(crate) ns: Option<i64>,
    pub(crate) fix: Option<TsFix>,
    pub(crate) original: Option<String>,
    pub(crate) line: String,
    pub(crate) meta: Pairs,
}

/// A whole body as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) lines: Vec<Got>,
    pub(crate) report: Report,
    pub(crate) format: Format,
    pub(crate) len: usize,
}

#[derive(Default)]
struct Collect {
    labels: Pairs,
    lines: Vec<Got>,
}

impl Sink for Collect {
    fn stream(&mut self, labels: Labels<'_>) {
        self.labels = labels.parse().pairs;
    }
    fn entry(&mut self, entry: Entry<'_>) {
        self.lines.push(Got {
            labels: self.labels.clone(),
            ns: entry.ts.ns,
            fix: entry.ts.fix,
            original: entry.ts.original.map(str::to_owned),
            line: entry.line.to_owned(),
            meta: entry.meta.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        });
    }
}

impl Seen {
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|got| got.line.as_str()).collect()
    }
    /// Nothing was lost or changed.
    pub(crate) fn untouched(&self) {
        assert_eq!((self.report.rejected.total(), self.report.altered.total()), (0, 0), "{self:?}");
    }
}

pub(crate) fn decode(
    body: &[u8],
    route: Route,
    content_type: &str,
    content_encoding: &str,
) -> Result<Seen, DecodeError> {
    let headers = Headers {
        content_type: (!content_type.is_empty()).then_some(content_type),
        content_encoding: (!content_encoding.is_empty()).then_some(content_encoding),
    };
    let payload = unwrap(body, route, headers, &Limits::default())?;
    let mut sink = Collect::default();
    let report = payload.visit(&mut sink)?;
    assert_eq!(report.lines, sink.lines.len() as u64);
    Ok(Seen { lines: sink.lines, report, format: payload.format(), len: payload.len() })
}

/// A Loki push that must be readable.
pub(crate) fn push(body: &[u8], content_type: &str, content_encoding: &str) -> Seen {
    decode(body, Route::Loki, content_type, content_encoding).expect("readable")
}

/// A JSON push that must be readable.
pub(crate) fn json(body: &str) -> Seen {
    push(body.as_bytes(), "application/json", "")
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Loki's messages with byte strings, since senders put any bytes into strings.
pub(crate) mod proto {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Request {
        #[prost(message, repeated, tag = "1")]
        pub(crate) streams: Vec<Stream>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Stream {
        #[prost(bytes = "vec", tag = "1")]
        pub(crate) labels: Vec<u8>,
        #[prost(message, repeated, tag = "2")]
        pub(crate) entries: Vec<Entry>,
        #[prost(uint64, tag = "3")]
        pub(crate) hash: u64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Entry {
        #[prost(message, optional, tag = "1")]
        pub(crate) timestamp: Option<Stamp>,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) line: Vec<u8>,
        #[prost(message, repeated, tag = "3")]
        pub(crate) metadata: Vec<Pair>,
        #[prost(message, repeated, tag = "4")]
        pub(crate) parsed: Vec<Pair>,
    }
    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(crate) struct Stamp {
        #[prost(int64, tag = "1")]
        pub(crate) seconds: i64,
        #[prost(int32, tag = "2")]
        pub(crate) nanos: i32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Pair {
        #[prost(bytes = "vec", tag = "1")]
        pub(crate) name: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) value: Vec<u8>,
    }
}

/// One entry at a fixed instant.
pub(crate) fn proto_entry(line: &[u8], metadata: &[(&str, &str)]) -> proto::Entry {
    let pair =
        |(name, value): &(&str, &str)| proto::Pair { name: name.as_bytes().to_vec(), value: value.as_bytes().to_vec() };
    proto::Entry {
        timestamp: Some(proto::Stamp { seconds: 1_795_342_423, nanos: 272_123_400 }),
        line: line.to_vec(),
        metadata: metadata.iter().map(pair).collect(),
        parsed: Vec::new(),
    }
}

/// A request of one stream, without snappy.
pub(crate) fn proto_plain(labels: &str, entries: Vec<proto::Entry>) -> Vec<u8> {
    let labels = labels.as_bytes().to_vec();
    let stream = proto::Stream { labels, entries, hash: 7 };
    prost::Message::encode_to_vec(&proto::Request { streams: vec![stream] })
}

/// A request of one stream as a snappy block.
pub(crate) fn proto_snappy(labels: &str, lines: &[&str]) -> Vec<u8> {
    let entries = lines.iter().map(|line| proto_entry(line.as_bytes(), &[])).collect();
    snappy(&proto_plain(labels, entries))
}

pub(crate) fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("small")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}
