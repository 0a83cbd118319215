//! Captures written by hand in the layout of version 1, for tests of readers.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{IndexLine, Metadata, Record};

/// Writes a capture file by file.
#[derive(Debug)]
pub struct CaptureBuilder {
    dir: PathBuf,
    index: Vec<IndexLine>,
    lines: u64,
    bytes: u64,
    first: Option<String>,
}

impl CaptureBuilder {
    /// Starts in a folder, which is made if missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), index: Vec::new(), lines: 0, bytes: 0, first: None })
    }

    /// Writes a rotated file, one zstd frame, with its index line. `name` without `.jsonl.zst`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sealed(&mut self, name: &str, records: &[Record]) -> io::Result<&mut Self> {
        let text = self.text(records)?;
        let file = format!("{name}.jsonl.zst");
        std::fs::write(self.dir.join(&file), zstd::bulk::compress(&text, 3)?)?;
        let mut labels: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (name, value) in records.iter().flat_map(|record| &record.labels) {
            *labels.entry(name.clone()).or_default().entry(value.clone()).or_default() += 1;
        }
        // All times that tests write by hand are UTC with the same number of digits, so that text
        // order is time order.
        let times = || records.iter().map(|record| record.ts.clone());
        self.index.push(IndexLine {
            file,
            from: times().min().unwrap_or_default(),
            to: times().max().unwrap_or_default(),
            lines: records.len() as u64,
            bytes: text.len() as u64,
            labels,
            more: Default::default(),
        });
        Ok(self)
    }

    /// Writes the file that was active when the receiver was killed: plain, not in the index.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn active(&mut self, name: &str, records: &[Record]) -> io::Result<&mut Self> {
        let text = self.text(records)?;
        std::fs::write(self.dir.join(format!("{name}.jsonl")), text)?;
        Ok(self)
    }

    /// Writes any file as it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<&mut Self> {
        std::fs::write(self.dir.join(name), bytes)?;
        Ok(self)
    }

    /// Writes index and metadata of a capture that was closed properly.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn stopped(&mut self, at: &str) -> io::Result<()> {
        let mut index = Vec::new();
        for line in &self.index {
            serde_json::to_writer(&mut index, line)?;
            index.push(b'\n');
        }
        self.file("index.jsonl", &index)?;
        self.metadata(Some(at), self.lines, self.bytes)
    }

    /// Writes the metadata of a Go capture that was killed: year 1, no totals; no index.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn killed(&mut self) -> io::Result<()> {
        self.metadata(Some("0001-01-01T00:00:00Z"), 0, 0)
    }

    fn metadata(&mut self, stopped: Option<&str>, lines: u64, bytes: u64) -> io::Result<()> {
        let metadata = Metadata {
            version: 1,
            format: "jsonl".to_owned(),
            started: self.first.clone().unwrap_or_else(|| "2026-01-15T10:00:00Z".to_owned()),
            stopped: stopped.map(str::to_owned),
            total_lines: lines,
            total_bytes: bytes,
            ..Metadata::default()
        };
        self.file("metadata.json", &serde_json::to_vec_pretty(&metadata)?)?;
        Ok(())
    }

    fn text(&mut self, records: &[Record]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record)?;
            text.push(b'\n');
        }
        self.first = self.first.take().or_else(|| records.first().map(|record| record.ts.clone()));
        self.lines += records.len() as u64;
        self.bytes += text.len() as u64;
        Ok(text)
    }
}
