//! One line as the view keeps it.

use std::sync::Arc;

use logtap_capture::labels::Labels;
use logtap_capture::level::Level;

use crate::archive::Key;

/// Characters of a message that are kept; the rest is named by a mark at the end.
const KEPT: usize = 64 << 10;

/// A line of the capture.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its place.
    pub key: Key,
    /// Nanoseconds since 1970, if the line tells.
    pub ts: Option<i64>,
    /// Level, from the message.
    pub level: Level,
    /// Labels.
    pub labels: Labels,
    /// Message; raw text from a log.
    pub message: Arc<str>,
    /// Metadata as a JSON object.
    pub meta: Option<Arc<str>>,
    /// It is there for a line near it, and does not pass itself.
    pub context: bool,
}

impl Row {
    pub(crate) fn new(key: Key, ts: Option<i64>, labels: Labels, mut message: String, meta: Option<&[u8]>) -> Self {
        let level = Level::of(message.as_bytes());
        if message.len() > KEPT {
            let cut = message.floor_char_boundary(KEPT);
            let more = message.len() - cut;
            message.truncate(cut);
            message.push_str(&format!("… ({more} more bytes)"));
        }
        let meta = meta.map(|meta| Arc::from(String::from_utf8_lossy(meta)));
        Self { key, ts, level, labels, message: message.into(), meta, context: false }
    }

    /// The service it is from.
    #[must_use]
    pub fn service(&self) -> &str {
        if self.labels.is_mark() { "logtap" } else { self.labels.service() }
    }
}
