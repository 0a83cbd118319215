//! Lines put together into requests, the way a forwarder does: many streams per request, closed by
//! size or by age.

use logtap_push::encode;

use crate::generate::Line;

/// When a request is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of log text, at least 1; a request holds at least one line.
    pub bytes: usize,
    /// Lines, at least 1.
    pub lines: usize,
    /// Nanoseconds between the oldest and the newest line.
    pub span_ns: i64,
}

impl Limits {
    /// Promtail's and Alloy's defaults: 1 MiB or one second.
    pub const PROMTAIL: Self = Self { bytes: 1 << 20, lines: usize::MAX, span_ns: 1_000_000_000 };
    /// 1 MiB however long it takes, for benches that want few large requests.
    pub const FULL: Self = Self { bytes: 1 << 20, lines: usize::MAX, span_ns: i64::MAX };
    /// One request per line, as the simplest clients send.
    pub const ONE_LINE: Self = Self { bytes: 1, lines: 1, span_ns: 0 };
}

/// The lines of one request. Owned, so that it can wait in memory.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    streams: Vec<BatchStream>,
    text: usize,
    lines: usize,
}

/// One stream of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchStream {
    /// Name and value of every label.
    pub labels: Vec<(String, String)>,
    /// The lines in order.
    pub lines: Vec<BatchLine>,
}

/// One line of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchLine {
    /// Nanoseconds since 1970-01-01 UTC.
    pub ns: i64,
    /// The text.
    pub text: String,
    /// Structured metadata.
    pub meta: Vec<(String, String)>,
}

impl Batch {
    /// A batch without lines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch with one stream; the lines are a millisecond apart from `first_ns` on.
    #[must_use]
    pub fn of(labels: &[(&str, &str)], first_ns: i64, texts: &[&str]) -> Self {
        let mut batch = Self::new();
        let labels = owned(labels);
        for (at, text) in texts.iter().enumerate() {
            batch.add(&labels, first_ns + at as i64 * 1_000_000, text, &[]);
        }
        batch
    }

    /// Adds a line to the stream with these labels, which is made if there is none.
    pub fn add(&mut self, labels: &[(String, String)], ns: i64, text: &str, meta: &[(&str, &str)]) {
        let last = self.streams.len().saturating_sub(1);
        let found = match self.streams.last() {
            Some(stream) if stream.labels == labels => Some(last),
            _ => self.streams.iter().position(|stream| stream.labels == labels),
        };
        let at = found.unwrap_or_else(|| {
            self.streams.push(BatchStream { labels: labels.to_vec(), lines: Vec::new() });
            self.streams.len() - 1
        });
        let line = BatchLine { ns, text: text.to_owned(), meta: owned(meta) };
        self.streams[at].lines.push(line);
        self.text += text.len();
        self.lines += 1;
    }

    /// The streams in order of their first line.
    #[must_use]
    pub fn streams(&self) -> &[BatchStream] {
        &self.streams
    }

    /// Number of lines.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Bytes of log text.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.text
    }

    /// Calls `write` with the batch in the form that the project's encoder takes.
    pub fn encode<T>(&self, write: impl FnOnce(&[encode::Stream<'_>]) -> T) -> T {
        let labels: Vec<_> = self.streams.iter().map(|stream| borrowed(&stream.labels)).collect();
        let all = || self.streams.iter().flat_map(|stream| &stream.lines);
        let meta: Vec<_> = all().map(|line| borrowed(&line.meta)).collect();
        let lines: Vec<_> =
            all().zip(&meta).map(|(line, meta)| encode::Line { ns: line.ns, text: &line.text, meta }).collect();
        let mut rest = lines.as_slice();
        let mut streams = Vec::with_capacity(self.streams.len());
        for (stream, labels) in self.streams.iter().zip(&labels) {
            let (lines, later) = rest.split_at(stream.lines.len());
            rest = later;
            streams.push(encode::Stream { labels, lines, sequence: None });
        }
        write(&streams)
    }
}

/// Collects lines until a request is full.
#[derive(Debug)]
pub struct Batcher {
    limits: Limits,
    open: Batch,
    oldest: i64,
}

impl Batcher {
    /// Starts with an empty request.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, open: Batch::new(), oldest: i64::MAX }
    }

    /// Adds a line. Returns the request that had no place for it any more, if so.
    pub fn push(&mut self, line: &Line<'_>) -> Option<Batch> {
        let full = self.open.lines > 0
            && (self.open.text + line.text.len() > self.limits.bytes
                || self.open.lines >= self.limits.lines
                || line.ts_ns.saturating_sub(self.oldest) > self.limits.span_ns);
        let closed = full.then(|| std::mem::take(&mut self.open));
        if full {
            self.oldest = i64::MAX;
        }
        self.oldest = self.oldest.min(line.ts_ns);
        self.open.add(line.labels, line.ts_ns, line.text, &[]);
        closed
    }

    /// The last request, if any line waits.
    #[must_use]
    pub fn finish(self) -> Option<Batch> {
        (self.open.lines > 0).then_some(self.open)
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests;
