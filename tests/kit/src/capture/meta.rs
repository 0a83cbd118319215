//! `metadata.json` and `index.jsonl` as published; keys beyond version 1 are kept aside.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `metadata.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Format version, 1.
    pub version: u32,
    /// `jsonl`.
    pub format: String,
    /// RFC 3339.
    pub started: String,
    /// RFC 3339; absent while running. Version 1 of the Go tool writes year 1 instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Data lines.
    #[serde(default)]
    pub total_lines: u64,
    /// Bytes of data lines before compression.
    #[serde(default)]
    pub total_bytes: u64,
    /// Names of labels; the Go tool writes null.
    #[serde(default)]
    pub labels_seen: Option<Vec<String>>,
    /// Present when redaction was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<Redaction>,
    /// Every other key.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Which redaction was on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Whether it was on.
    pub enabled: bool,
    /// Names of the rules.
    #[serde(default)]
    pub patterns: Vec<String>,
}

impl Metadata {
    /// Lines dropped, over all reasons.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let reasons = self.more.get("dropped").and_then(Value::as_object);
        reasons.map_or(0, |reasons| reasons.values().filter_map(Value::as_u64).sum())
    }

    /// Whether the capture was closed.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.as_deref().is_some_and(|text| !text.starts_with("0001-"))
    }
}

/// A line of `index.jsonl`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexLine {
    /// Name of the data file.
    pub file: String,
    /// Smallest time in it.
    pub from: String,
    /// Largest time in it.
    pub to: String,
    /// Data lines.
    pub lines: u64,
    /// Bytes of data lines before compression.
    pub bytes: u64,
    /// For each label its values with their number of lines.
    #[serde(default)]
    pub labels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Every other key.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Reads `metadata.json`.
///
/// # Errors
/// When it is missing or not as published.
pub fn metadata(dir: &Path) -> io::Result<Metadata> {
    Ok(serde_json::from_slice(&std::fs::read(dir.join("metadata.json"))?)?)
}

/// Reads `index.jsonl`; no file means no lines.
///
/// # Errors
/// When it cannot be read or a line is not as published.
pub fn index(dir: &Path) -> io::Result<Vec<IndexLine>> {
    let text = match std::fs::read_to_string(dir.join("index.jsonl")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
