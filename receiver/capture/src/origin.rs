//! Where the lines of a derived capture come from, as its `metadata.json` says. Nothing in it tells
//! of the clock or of a path, so that the same input gives the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lost::Lost;
use crate::metadata::{Evicted, Metadata};

/// How a capture was made from others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The command that made it: `slice` or `merge`.
    pub command: String,
    /// Which lines were wanted; absent if all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Wanted>,
    /// The captures it was made from.
    pub sources: Vec<Source>,
    /// Lines of the sources that repeat others and were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

/// A filter in words; everything in it must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Earliest time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Latest time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Label matchers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Least level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Regular expressions on messages and label values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grep: Vec<String>,
}

/// A capture that lines were taken from, as it was then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// What identifies it.
    pub capture_id: String,
    /// SHA-256 of its `metadata.json` and `index.jsonl`, hexadecimal.
    pub digest: String,
    /// Start of its first session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// End of its last session; absent if it was still growing, or its receiver had been killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Lines that the whole of it held, evicted ones too.
    pub total_lines: u64,
    /// Lines that the whole of it lost before they reached a file, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Lines that never came to it, by reason.
    #[serde(default, skip_serializing_if = "Lost::is_empty")]
    pub lost: Lost,
    /// What was deleted from it to make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evicted: Option<Evicted>,
    /// Where its own lines come from, if it is derived too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Source {
    /// What a capture's metadata, if it has any, says of it.
    #[must_use]
    pub fn of(capture_id: String, digest: String, metadata: Option<&Metadata>) -> Self {
        let data = metadata.cloned().unwrap_or_else(|| Metadata::started_at(0));
        Self {
            capture_id,
            digest,
            started: metadata.map(|data| data.started.clone()),
            stopped: data.stopped_ns().map(crate::time::format),
            total_lines: data.total_lines,
            dropped: data.dropped,
            lost: data.lost,
            evicted: data.evicted,
            origin: data.origin,
        }
    }
}
