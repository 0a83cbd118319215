//! Captures, read and written from the published format alone: the judge of the project's own
//! reader and writer, so it shares no code with either.

mod build;
mod files;
mod meta;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use build::CaptureBuilder;
pub use files::{data_files, raw_bytes, zstd_cat};
pub use meta::{IndexLine, Metadata, Redaction, index, metadata};

/// A data line.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Record {
    /// The time as it is written, RFC 3339.
    pub ts: String,
    /// The labels; absent means none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The message.
    pub msg: String,
    /// Structured metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<BTreeMap<String, String>>,
    /// Receive time, where it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rx: Option<String>,
}

impl Record {
    /// A record with labels.
    #[must_use]
    pub fn new(ts: &str, labels: &[(&str, &str)], msg: &str) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { ts: ts.to_owned(), labels: labels.collect(), msg: msg.to_owned(), ..Self::default() }
    }

    /// Whether this is a mark for lost lines.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.labels.get("logtap").is_some_and(|value| value == "gap")
    }

    /// Whether no container wrote it: a mark for lost lines, or for a source that ended.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.is_gap() || self.labels.get("logtap").is_some_and(|value| value == "end")
    }
}

/// Everything that the data files of a capture hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// The records, gap marks included, in file and line order.
    pub records: Vec<Record>,
    /// The files read, in name order.
    pub files: Vec<DataFile>,
    /// Whole lines that are no records, as `file: line`.
    pub bad: Vec<String>,
}

/// What one data file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Name without folder.
    pub name: String,
    /// Whole lines.
    pub lines: usize,
    /// Bytes, decompressed.
    pub bytes: usize,
    /// Why the file does not end as it should: `zstd`'s message, or a line without line feed.
    pub torn: Option<String>,
}

impl Capture {
    /// Reads every data file of a folder with `zstd -dc`. A torn file counts as far as it goes.
    ///
    /// # Errors
    /// When the folder cannot be read or `zstd` is not installed.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut capture = Self::default();
        for path in data_files(dir)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (text, mut torn) =
                if name.ends_with(".zst") { zstd_cat(&path)? } else { (std::fs::read(&path)?, None) };
            let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            if whole < text.len() && torn.is_none() {
                torn = Some(format!("{} bytes after the last line feed", text.len() - whole));
            }
            let mut lines = 0;
            for line in text[..whole].split_inclusive(|&byte| byte == b'\n') {
                lines += 1;
                match serde_json::from_slice(line) {
                    Ok(record) => capture.records.push(record),
                    Err(error) => {
                        let line = String::from_utf8_lossy(line);
                        capture.bad.push(format!("{name}: {error}: {}", line.trim_end()));
                    }
                }
            }
            capture.files.push(DataFile { name, lines, bytes: text.len(), torn });
        }
        Ok(capture)
    }

    /// The records that are log lines.
    pub fn logs(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| !record.is_mark())
    }

    /// The marks for lost lines.
    pub fn gaps(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.is_gap())
    }

    /// Every message with the number of times it occurs, gap marks left out.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for record in self.logs() {
            *counts.entry(record.msg.as_str()).or_insert(0) += 1;
        }
        counts
    }

    /// Whether every file ends as it should and every line is a record.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.bad.is_empty() && self.files.iter().all(|file| file.torn.is_none())
    }
}
