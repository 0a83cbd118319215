//! `audit.jsonl`: one line per server event, bounded by keeping its newer half.

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::disk::{self, Disk};
use crate::{name, time};

/// Bytes at which the older half is cut off.
pub const MAX_AUDIT: u64 = 1 << 20;

/// Events kept for [`Audit::take_recent`].
const MAX_RECENT: usize = 256;

/// Something that happened to the receiver or the capture. The caller redacts what it puts in.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Event {
    /// When, RFC 3339.
    pub timestamp: String,
    /// What: `start`, `stop`, `rotation`, `eviction`, `error`, …
    pub event: String,
    /// File it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Sender's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Lines concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// Bytes concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// More, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Event {
    /// An event that happens now.
    #[must_use]
    pub fn new(event: &str) -> Self {
        Self {
            timestamp: time::format(time::now()),
            event: event.to_owned(),
            file: None,
            remote_ip: None,
            lines: None,
            bytes: None,
            detail: None,
        }
    }

    /// Names the file.
    #[must_use]
    pub fn file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// Names the sender.
    #[must_use]
    pub fn remote(mut self, address: &str) -> Self {
        self.remote_ip = Some(address.to_owned());
        self
    }

    /// States lines and bytes.
    #[must_use]
    pub fn size(mut self, lines: u64, bytes: u64) -> Self {
        self.lines = Some(lines);
        self.bytes = Some(bytes);
        self
    }

    /// Says more in words.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned());
        self
    }
}

/// The audit file of a session.
#[derive(Debug)]
pub(crate) struct Audit {
    length: u64,
    recent: Vec<Event>,
}

impl Audit {
    pub(crate) fn open(dir: &Path) -> Self {
        Self { length: std::fs::metadata(dir.join(name::AUDIT)).map_or(0, |data| data.len()), recent: Vec::new() }
    }

    pub(crate) fn take_recent(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.recent)
    }

    pub(crate) fn remember(&mut self, events: &[Event]) {
        let room = MAX_RECENT.saturating_sub(self.recent.len());
        // What senders cause can come thousandfold, and must not crowd out the rest.
        self.recent.extend(events.iter().filter(|event| event.remote_ip.is_none()).take(room).cloned());
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn set_length(&mut self, length: u64) {
        self.length = length;
    }
}

/// Appends events at `length` and returns the new length.
///
/// # Errors
/// Any error of the system.
pub(crate) fn append(disk: &dyn Disk, dir: &Path, length: u64, events: &[Event]) -> io::Result<u64> {
    let mut bytes = Vec::new();
    for event in events {
        bytes.extend_from_slice(&serde_json::to_vec(event).unwrap_or_default());
        bytes.push(b'\n');
    }
    let path = dir.join(name::AUDIT);
    if length + bytes.len() as u64 > MAX_AUDIT {
        let old = std::fs::read(&path)?;
        let half = old.len() / 2;
        let from = memchr::memchr(b'\n', &old[half..]).map_or(old.len(), |at| half + at + 1);
        let kept = [&old[from..], &bytes].concat();
        disk::replace(disk, &path, &kept)?;
        return Ok(kept.len() as u64);
    }
    let file = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create_new(&path)?,
        other => other?,
    };
    file.write_all_at(&bytes, length)?;
    Ok(length + bytes.len() as u64)
}
