//! From a request body to rendered lines: decoded, redacted before anything
//! else sees them, and summed up for the index.

use std::borrow::Cow;
use std::sync::Arc;

use logtap_capture::chunk::{CHUNK_TARGET, Chunk, ChunkBuilder};
use logtap_push::sequence::Sequence;
use logtap_push::{DecodeError, Entry, Format, Headers, Labels, Limits, Route, Sink};
use logtap_redact::Redactor;

use crate::identity::Pod;
use crate::interner::{self, Interner};
use crate::ledger::Decoded;
use crate::numbers::Numbers;
use crate::redaction::Redaction;

/// Metadata name under which a timestamp that had to be altered is kept as it came.
pub(crate) const ORIGINAL_TS: &str = "original_ts";

/// What every request shares.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) interner: Interner,
    pub(crate) redactor: Option<Arc<Redactor>>,
    pub(crate) rx_always: bool,
}

/// How a request came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) route: Route,
    /// The pod that sent it, where that is known for certain.
    pub(crate) sender: Option<Arc<Pod>>,
    /// When, nanoseconds since 1970.
    pub(crate) rx: i64,
}

/// Lines of one request, ready for the writer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) decoded: Decoded,
}

impl Batch {
    /// Lines that somebody sent; marks are none.
    pub(crate) fn lines(&self) -> u64 {
        self.chunks.iter().map(Chunk::sent_lines).sum()
    }
}

impl Ingest {
    /// A text of our own making that may hold something of a sender's.
    pub(crate) fn redacted(&self, text: &str) -> String {
        Redaction::new(self.redactor.as_deref()).apply(text).to_owned()
    }

    /// Decodes a body that may unpack to `limit` bytes.
    pub(crate) fn decode(
        &self,
        body: &[u8],
        headers: Headers<'_>,
        limit: usize,
        came: &Came,
    ) -> Result<Batch, DecodeError> {
        let payload = logtap_push::unwrap(body, came.route, headers, &Limits { decompressed: limit })?;
        let mut lines = Lines {
            ingest: self,
            redaction: Redaction::new(self.redactor.as_deref()),
            stream: interner::Entry::default(),
            numbers: Numbers::None,
            builder: ChunkBuilder::new(self.rx_always),
            expected: payload.len() * 2,
            batch: Batch::default(),
            rx: came.rx,
            sender: came.sender.as_deref(),
        };
        lines.builder.reserve(lines.expected);
        let report = payload.visit(&mut lines)?;
        lines.cut();
        let Lines { mut batch, redaction, .. } = lines;
        batch.decoded.format = format_name(payload.format());
        batch.decoded.body_bytes = body.len() as u64;
        batch.decoded.rejected = report.rejected.iter().map(|(reason, n)| (reason.name(), n)).collect();
        batch.decoded.altered.extend(report.altered.iter().map(|(reason, n)| (reason.name(), n)));
        batch.decoded.redacted = redaction.hits;
        Ok(batch)
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::LokiJson => "loki_json",
        Format::LokiProto => "loki_protobuf",
        Format::OtlpProto => "otlp_protobuf",
        Format::OtlpJson => "otlp_json",
        Format::Raw => "raw",
    }
}

struct Lines<'i> {
    ingest: &'i Ingest,
    redaction: Redaction<'i>,
    stream: interner::Entry,
    numbers: Numbers,
    builder: ChunkBuilder,
    /// About how many bytes of lines are still to come.
    expected: usize,
    batch: Batch,
    rx: i64,
    sender: Option<&'i Pod>,
}

impl Lines<'_> {
    fn cut(&mut self) {
        if !self.builder.is_empty() {
            let next = ChunkBuilder::new(self.ingest.rx_always);
            let chunk = std::mem::replace(&mut self.builder, next);
            self.expected = self.expected.saturating_sub(chunk.len());
            self.batch.chunks.push(chunk.finish());
        }
    }

    fn push(&mut self, ts: i64, line: &str, meta: &[(Cow<'_, str>, Cow<'_, str>)]) {
        let text = self.redaction.apply(line);
        if let Numbers::Lines { source, next } = &mut self.numbers {
            self.builder.number(source, *next);
            *next += 1;
        }
        self.builder.push(&self.stream.labels, ts, self.rx, text, meta);
    }

    /// An entry that speaks about lines. There is one in its stream.
    fn push_mark(&mut self, ts: i64, text: &str) {
        let Numbers::Mark { source, first, numbers, kind, meta } = std::mem::take(&mut self.numbers) else { return };
        let text = self.redaction.apply(text);
        self.builder.number_mark(&source, first, numbers, kind);
        let labels = self.stream.mark.as_ref().unwrap_or(&self.stream.labels);
        self.builder.push(labels, ts, self.rx, text, &meta);
    }
}

impl Sink for Lines<'_> {
    fn name<'n>(&mut self, name: &'n str) -> Cow<'n, str> {
        self.redaction.apply_name(name, |_| false)
    }

    fn stream(&mut self, labels: Labels<'_>) {
        let entry = self.ingest.interner.intern(labels, self.sender, &mut self.redaction);
        self.batch.decoded.altered.extend(entry.altered.iter().copied());
        self.stream = entry;
        self.numbers = Numbers::None;
    }

    fn sequence(&mut self, sequence: Sequence<'_>) {
        self.numbers = Numbers::new(&sequence, self.sender, self.stream.mark.as_deref());
    }

    fn entry(&mut self, entry: Entry<'_>) {
        let ts = entry.ts.ns.unwrap_or(self.rx);
        if matches!(self.numbers, Numbers::Mark { .. }) {
            return self.push_mark(ts, entry.line);
        }
        if entry.meta.is_empty() && entry.ts.original.is_none() {
            self.push(ts, entry.line, &[]);
        } else {
            let mut meta: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(entry.meta.len() + 1);
            for (at, (name, value)) in entry.meta.iter().enumerate() {
                if !entry.meta[..at].iter().any(|(known, _)| known == name) {
                    let name = self.redaction.apply_name(name, |taken| meta.iter().any(|(known, _)| known == taken));
                    meta.push((name, Cow::Owned(self.redaction.apply(value).to_owned())));
                }
            }
            if let Some(original) = entry.ts.original {
                meta.push((Cow::Borrowed(ORIGINAL_TS), Cow::Owned(self.redaction.apply(original).to_owned())));
            }
            self.push(ts, entry.line, &meta);
        }
        if self.builder.len() >= CHUNK_TARGET {
            self.cut();
            self.builder.reserve(self.expected);
        }
    }
}
