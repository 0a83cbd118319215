//! A capture that lines are taken from: its files, opened once so that all of a run sees the same bytes,
//! and what identifies it.

use std::path::Path;

use logtap_capture::chunk::Span;
use logtap_capture::origin;
use logtap_capture::read_at::Reader;
use logtap_capture::reader::{Capture, OpenedFile};
use logtap_capture::survey::Collector;
use logtap_capture::{discard, disk, name, pipe, stream};
use sha2::{Digest, Sha256};

use crate::CarryError;

/// An opened capture.
#[derive(Debug)]
pub struct Source {
    /// Where it is and what was in it.
    pub capture: Capture,
    pub(crate) files: Vec<OpenedFile>,
    /// Paths of `files`, for messages.
    pub(crate) names: Vec<String>,
    /// Files that vanished between listing and opening.
    pub(crate) gone: Vec<String>,
    /// Metadata, index and signatures, as they were when the source was opened.
    pub(crate) small: Vec<(String, Vec<u8>)>,
    pub(crate) origin: origin::Source,
}

impl Source {
    /// Opens every file. A receiver may be writing: what it wrote until now is read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn open(capture: Capture) -> Result<Self, CarryError> {
        let (mut files, mut names, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for file in &capture.files {
            let opened = file.open().map_err(|source| CarryError::Read { path: file.path.clone(), source })?;
            match opened {
                Some(opened) => {
                    files.push(opened);
                    names.push(file.path.display().to_string());
                }
                None => gone.push(file.path.display().to_string()),
            }
        }
        let small = small_files(&capture)?;
        let digest = digest(&small);
        let id = match capture.metadata.as_ref().and_then(|metadata| metadata.capture_id.clone()) {
            Some(id) => id,
            None => content_id(&capture)?,
        };
        let origin = origin::Source::of(id, digest, capture.metadata.as_ref());
        Ok(Self { capture, files, names, gone, small, origin })
    }

    /// The directory, or the archive.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.capture.dir
    }

    /// What identifies the capture.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.origin.capture_id
    }

    /// Compressed bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }

    /// Range of `ts` of all lines; files without an index are read for it.
    ///
    /// # Errors
    /// If reading fails.
    pub fn range(&self) -> Result<Span, CarryError> {
        let mut range = Span::default();
        for (opened, name) in self.files.iter().zip(&self.names) {
            if let Some(index) = &opened.index {
                index.frames.iter().filter(|info| info.ts.from != i64::MIN).for_each(|info| range.merge(info.ts));
                continue;
            }
            let mut collector = Collector::default();
            let read = stream::read(opened, |lines| {
                collector.add(lines);
                true
            });
            read.map_err(|source| CarryError::Read { path: name.into(), source })?;
            range.merge(collector.summary.ts);
        }
        Ok(range)
    }

    /// True if a receiver may be writing this file.
    pub(crate) fn is_growing(&self, file: usize) -> bool {
        self.capture.live && self.files[file].index.is_none()
    }
}

/// Everything that a capture consists of beside its lines: not the audit log, which names clients.
fn small_files(capture: &Capture) -> Result<Vec<(String, Vec<u8>)>, CarryError> {
    let failed = |source| CarryError::Read { path: capture.dir.clone(), source };
    let mut small = Vec::new();
    for name in capture.folder.names().map_err(failed)? {
        let wanted = discard::is_own(&name) && !name::is_data(&name) && name != name::LOCK;
        if !wanted || disk::is_temporary(&name) || name.starts_with("audit") {
            continue;
        }
        if let Some(bytes) = capture.folder.read(&name).map_err(failed)? {
            small.push((name, bytes));
        }
    }
    Ok(small)
}

/// SHA-256 of metadata and index; either may be missing.
fn digest(small: &[(String, Vec<u8>)]) -> String {
    let mut hash = Sha256::new();
    for file in [name::METADATA, name::INDEX] {
        let bytes = small.iter().find(|(name, _)| name == file).map_or(&[][..], |(_, bytes)| bytes);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}

/// For captures without an id, those of 1.x: a digest of the first file's name and first line.
fn content_id(capture: &Capture) -> Result<String, CarryError> {
    let mut hash = Sha256::new();
    if let Some(first) = capture.files.first() {
        let failed = |source| CarryError::Read { path: first.path.clone(), source };
        let name = first.name.trim_end_matches(".zst");
        hash.update(name.as_bytes());
        let file = capture.folder.file(&first.name).map_err(failed)?;
        pipe::read(Reader::new(&file), |lines| {
            hash.update(lines.split(|byte| *byte == b'\n').next().unwrap_or_default());
            false
        })
        .map_err(failed)?;
    }
    Ok(short_id(hash))
}

/// An id made of content.
pub(crate) fn short_id(hash: Sha256) -> String {
    hex(&hash.finalize()[..16])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
