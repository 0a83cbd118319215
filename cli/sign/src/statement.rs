//! What is signed: an in-toto statement (v1, <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>)
//! whose subjects are the capture's files, and whose predicate repeats what the capture says of itself.
//! The same capture gives the same bytes.

use std::collections::BTreeMap;

use logtap_capture::metadata::Metadata;
use serde::{Deserialize, Serialize};

use crate::files::Summed;

/// The file that holds it.
pub const STATEMENT: &str = "statement.json";
/// Type of an in-toto statement.
const TYPE: &str = "https://in-toto.io/Statement/v1";
/// Type of the predicate. Its version changes when a key changes its meaning or goes.
const PREDICATE: &str = "https://logtap.io/capture/v1";

/// An in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Says that it is one.
    #[serde(rename = "_type")]
    kind: String,
    /// The files.
    pub subject: Vec<Subject>,
    /// What the predicate is.
    predicate_type: String,
    /// What the capture says of itself.
    pub predicate: Predicate,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name in the directory.
    pub name: String,
    /// Its sums.
    pub digest: Digests,
}

/// Sums of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// What the capture says of itself in its metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Predicate {
    /// Names the capture.
    pub capture_id: Option<String>,
    /// When it began, RFC 3339.
    pub started: String,
    /// When it ended; absent after a crash.
    pub stopped: Option<String>,
    /// Data lines that were written, deleted ones included.
    pub lines: u64,
    /// Marks of lost lines and of sources that ended.
    pub marks: u64,
    /// Lines lost before they reached a file, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Lines of files that were deleted to make room.
    pub evicted: u64,
    /// Rules by which every line was redacted; absent if not all were.
    pub redaction: Option<Vec<String>>,
}

/// Why a statement cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It is no such object.
    #[error("statement.json is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// It states something else.
    #[error("statement.json is of type {0}, which this logtap does not know")]
    Type(String),
}

impl Statement {
    /// About these files and what is said of them.
    #[must_use]
    pub fn new(files: &[Summed], metadata: &Metadata) -> Self {
        let subject =
            |file: &Summed| Subject { name: file.name.clone(), digest: Digests { sha256: file.sha256.clone() } };
        let redaction = metadata.redaction.as_ref().filter(|redaction| redaction.enabled);
        Self {
            kind: TYPE.to_owned(),
            subject: files.iter().map(subject).collect(),
            predicate_type: PREDICATE.to_owned(),
            predicate: Predicate {
                capture_id: metadata.capture_id.clone(),
                started: metadata.started.clone(),
                stopped: metadata.stopped.clone(),
                lines: metadata.total_lines,
                marks: metadata.counters.marks,
                dropped: metadata.dropped.clone(),
                evicted: metadata.evicted.as_ref().map_or(0, |evicted| evicted.lines),
                redaction: redaction.map(|redaction| redaction.patterns.clone()),
            },
        }
    }

    /// Its bytes, which are what is signed.
    ///
    /// # Errors
    /// None that can happen: it is text and numbers.
    pub fn bytes(&self) -> Result<Vec<u8>, StatementError> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is none about a capture.
    pub fn read(bytes: &[u8]) -> Result<Self, StatementError> {
        let read: Self = serde_json::from_slice(bytes)?;
        match (read.kind.as_str(), read.predicate_type.as_str()) {
            (TYPE, PREDICATE) => Ok(read),
            (TYPE, other) | (other, _) => Err(StatementError::Type(other.to_owned())),
        }
    }
}
