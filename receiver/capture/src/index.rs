//! `index.jsonl`: one line per sealed data file, in the published v1 schema
//! (`file, from, to, lines, bytes, labels`) plus keys of our own.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::chunk::Span;
use crate::disk::{self, Disk};
use crate::summary::Summary;
use crate::{name, time};

/// Most values listed per label name; the lines of all others stand under [`OTHER`].
pub const MAX_VALUES: usize = 1000;
/// Stands for the label values beyond [`MAX_VALUES`].
pub const OTHER: &str = "__other__";

/// One line of `index.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexLine {
    /// Name of the data file.
    pub file: String,
    /// Smallest `ts`, RFC 3339.
    pub from: String,
    /// Largest `ts`, RFC 3339.
    pub to: String,
    /// Data lines.
    pub lines: u64,
    /// Bytes of the lines, uncompressed.
    pub bytes: u64,
    /// Lines by label name and value.
    #[serde(default)]
    pub labels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Length of the file on disk; absent in 1.x. A different length means that the line is stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// True if the file's end was lost or damaged and repaired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repaired: bool,
}

impl IndexLine {
    /// The line for a file of `size` bytes with this content.
    #[must_use]
    pub fn new(file: &str, size: u64, summary: &Summary) -> Self {
        let ts = if summary.ts.is_empty() { Span::at(0) } else { summary.ts };
        Self {
            file: file.to_owned(),
            from: time::format(ts.from),
            to: time::format(ts.to),
            lines: summary.lines,
            bytes: summary.bytes,
            labels: summary.sets.by_label(MAX_VALUES),
            size: Some(size),
            repaired: false,
        }
    }

    /// Range of `ts`; empty if the stored times cannot be read.
    #[must_use]
    pub fn span(&self) -> Span {
        match (time::parse(self.from.as_bytes()), time::parse(self.to.as_bytes())) {
            (Some(from), Some(to)) => Span { from, to },
            _ => Span::default(),
        }
    }

    fn to_json_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// Reads `index.jsonl`, as [`parse`] understands it.
///
/// # Errors
/// If the file exists and cannot be read.
pub fn read(dir: &Path) -> io::Result<Vec<IndexLine>> {
    match std::fs::read(dir.join(name::INDEX)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => Ok(parse(&other?)),
    }
}

/// The lines of an index; of a file named twice the last line counts. Lines that
/// cannot be read are skipped: the files they meant are then scanned.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<IndexLine> {
    let mut lines: Vec<IndexLine> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(line) = serde_json::from_slice::<IndexLine>(line) {
            lines.retain(|known| known.file != line.file);
            lines.push(line);
        }
    }
    lines
}

/// Appends one line at `length`, the index's length so far, and returns the new length.
///
/// # Errors
/// Any error of the system; a torn line is skipped by [`read`].
pub fn append(disk: &dyn Disk, dir: &Path, length: u64, line: &IndexLine) -> io::Result<u64> {
    let path = dir.join(name::INDEX);
    let file = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create_new(&path)?,
        other => other?,
    };
    let bytes = line.to_json_line();
    file.write_all_at(&bytes, length)?;
    Ok(length + bytes.len() as u64)
}

/// Replaces the whole index atomically and returns its new length.
///
/// # Errors
/// Any error of the system; the old index stays.
pub fn rewrite<'l>(disk: &dyn Disk, dir: &Path, lines: impl Iterator<Item = &'l IndexLine>) -> io::Result<u64> {
    let bytes: Vec<u8> = lines.flat_map(IndexLine::to_json_line).collect();
    disk::replace(disk, &dir.join(name::INDEX), &bytes)?;
    Ok(bytes.len() as u64)
}

/// Keeps the `limit` most frequent values and sums the others up as [`OTHER`].
pub(crate) fn cap_values(values: &mut BTreeMap<String, u64>, limit: usize) {
    if values.len() <= limit {
        return;
    }
    let mut order: Vec<(u64, String)> = values.iter().map(|(value, lines)| (*lines, value.clone())).collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut other = 0;
    for (lines, value) in order.into_iter().skip(limit) {
        values.remove(&value);
        other += lines;
    }
    *values.entry(OTHER.to_owned()).or_default() += other;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_holds_the_rest() {
        let mut values: BTreeMap<String, u64> = (0..20).map(|n| (format!("v{n:02}"), n)).collect();
        cap_values(&mut values, 5);
        assert_eq!(values.len(), 6);
        assert_eq!(values.values().sum::<u64>(), 190);
        assert_eq!(values["v19"], 19);
        assert_eq!(values[OTHER], (0..15).sum::<u64>());
    }
}
