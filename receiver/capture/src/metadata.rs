//! `metadata.json`: the one object about a capture, in the published v1 schema
//! plus keys of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{self, Disk};
use crate::lost::Lost;
use crate::origin::Origin;
use crate::{name, time};

/// Evictions listed one by one; older ones remain in the totals only.
pub const MAX_EVICTIONS: usize = 400;

/// Content of `metadata.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the format: 1.
    pub version: u32,
    /// `jsonl`
    pub format: String,
    /// Start of the first session, RFC 3339.
    pub started: String,
    /// End of the last session; absent while a receiver runs and after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Data lines written in all sessions, gap marks and evicted lines included.
    #[serde(default)]
    pub total_lines: u64,
    /// Bytes of those lines, uncompressed.
    #[serde(default)]
    pub total_bytes: u64,
    /// Names of all labels seen.
    #[serde(default)]
    pub labels_seen: Option<BTreeSet<String>>,
    /// Present only if every line of the capture went through redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<Redaction>,
    /// Identifies the capture for bookmarks, uploads and signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_id: Option<String>,
    /// Program that wrote last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The cap on the directory, bytes, in the last session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_disk: Option<u64>,
    /// Lines received and accounted for, in all sessions.
    #[serde(default)]
    pub counters: Counters,
    /// Lines lost before they reached a file, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
    /// Lines that never came, by reason, as gap marks of numbered senders say.
    #[serde(default, skip_serializing_if = "Lost::is_empty")]
    pub lost: Lost,
    /// Lines that could not be read, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, u64>,
    /// Lines kept in a changed form, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub altered: BTreeMap<String, u64>,
    /// Sum of everything deleted to make room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evicted: Option<Evicted>,
    /// The last evictions, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evictions: Vec<Eviction>,
    /// How it was made, if no receiver wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
}

/// received = written + dropped + rejected + in_flight, in lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Lines that senders sent.
    #[serde(default)]
    pub received: u64,
    /// Of those, lines that reached a file.
    #[serde(default)]
    pub written: u64,
    /// Handed to the writer, outcome open.
    #[serde(default)]
    pub in_flight: u64,
    /// Marks: of lost lines, and of sources that ended.
    #[serde(default)]
    pub marks: u64,
}

/// State of redaction, as in v1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// True if lines were redacted.
    pub enabled: bool,
    /// Names of the rules.
    #[serde(default)]
    pub patterns: Vec<String>,
}

/// A data file deleted to make room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eviction {
    /// Name of the file.
    pub file: String,
    /// Its data lines.
    pub lines: u64,
    /// Bytes of those lines, uncompressed.
    pub bytes: u64,
    /// Smallest `ts`.
    pub from: String,
    /// Largest `ts`.
    pub to: String,
}

/// Sum of evictions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// Number of files.
    pub files: u64,
    /// Number of lines.
    pub lines: u64,
    /// Bytes of lines, uncompressed.
    pub bytes: u64,
}

/// Why metadata could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The file cannot be read.
    #[error("cannot read metadata.json: {0}")]
    Io(#[from] io::Error),
    /// The file is no JSON object of the known form.
    #[error("metadata.json is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A later format.
    #[error("the capture has format version {0}; this logtap reads version 1")]
    Version(u32),
}

impl Metadata {
    /// Metadata of a capture that starts now (`ns` since 1970).
    #[must_use]
    pub fn started_at(ns: i64) -> Self {
        Self {
            version: 1,
            format: "jsonl".to_owned(),
            started: time::format(ns),
            stopped: None,
            total_lines: 0,
            total_bytes: 0,
            labels_seen: None,
            redaction: None,
            capture_id: None,
            tool: None,
            max_disk: None,
            counters: Counters::default(),
            dropped: BTreeMap::new(),
            lost: Lost::default(),
            rejected: BTreeMap::new(),
            altered: BTreeMap::new(),
            evicted: None,
            evictions: Vec::new(),
            origin: None,
        }
    }

    /// Reads a capture's metadata; `None` if the directory has none.
    ///
    /// # Errors
    /// If it exists and cannot be read or understood.
    pub fn read(dir: &Path) -> Result<Option<Self>, MetadataError> {
        match std::fs::read(dir.join(name::METADATA)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => Self::parse(&other?).map(Some),
        }
    }

    /// Understands the bytes of `metadata.json`.
    ///
    /// # Errors
    /// If they cannot be understood.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let metadata: Self = serde_json::from_slice(bytes)?;
        if metadata.version != 1 {
            return Err(MetadataError::Version(metadata.version));
        }
        Ok(metadata)
    }

    /// Replaces `metadata.json` atomically.
    ///
    /// # Errors
    /// Any error of the system; the old content stays.
    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> io::Result<()> {
        disk::replace(disk, &dir.join(name::METADATA), &self.to_json())
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// End of the last session; `None` while running, after a crash, and for 1.x's year 1.
    #[must_use]
    pub fn stopped_ns(&self) -> Option<i64> {
        time::parse(self.stopped.as_deref()?.as_bytes())
    }

    /// Adds an eviction to list and sum.
    pub fn evict(&mut self, eviction: Eviction) {
        let sum = self.evicted.get_or_insert_default();
        sum.files += 1;
        sum.lines += eviction.lines;
        sum.bytes += eviction.bytes;
        self.evictions.push(eviction);
        if self.evictions.len() > MAX_EVICTIONS {
            self.evictions.remove(0);
        }
    }

    /// Undoes the newest eviction if it names `file` and could not be carried out.
    pub(crate) fn take_back_eviction(&mut self, file: &str) {
        if let Some(eviction) = self.evictions.pop_if(|newest| newest.file == file)
            && let Some(sum) = &mut self.evicted
        {
            sum.files -= 1;
            sum.lines -= eviction.lines;
            sum.bytes -= eviction.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_1x_wrote() {
        let text = r#"{"version":1,"format":"jsonl","started":"2026-11-22T16:08:40.123638584Z","stopped":"0001-01-01T00:00:00Z","total_lines":0,"total_bytes":0,"labels_seen":null,"redaction":null}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(metadata.stopped_ns(), None);
        assert_eq!(metadata.redaction, None);
    }

    #[test]
    fn evictions_are_bounded_and_their_sum_is_not() {
        let mut metadata = Metadata::started_at(0);
        for n in 0..MAX_EVICTIONS + 5 {
            metadata.evict(Eviction {
                file: n.to_string(),
                lines: 2,
                bytes: 3,
                from: String::new(),
                to: String::new(),
            });
        }
        assert_eq!(metadata.evictions.len(), MAX_EVICTIONS);
        assert_eq!(metadata.evictions[0].file, "5");
        assert_eq!(metadata.evicted.unwrap().lines, 2 * (MAX_EVICTIONS as u64 + 5));
    }
}
