//! `manifest.json`: what an uploaded capture consists of. Where it is, a capture is; it comes last.
//!
//! It is read from places that others can write, so that nothing in it is believed: names come from a
//! short alphabet and are those of a capture's files.

use std::collections::BTreeSet;

use logtap_capture::{discard, disk, name};
use serde::{Deserialize, Serialize};

use crate::ManifestError;

/// Name of the manifest below a capture's place.
pub const MANIFEST: &str = "manifest.json";
/// Bytes that a manifest, or a list behind a link, may have.
pub const MAX_MANIFEST: u64 = 64 << 20;
/// The value of `format`.
const FORMAT: &str = "logtap-manifest";
/// Longest name of a file, bytes.
const MAX_NAME: usize = 128;

/// Content of `manifest.json`, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `logtap-manifest`
    pub format: String,
    /// 1
    pub version: u32,
    /// Id of the capture.
    pub capture_id: String,
    /// Program that uploaded it.
    pub tool: String,
    /// True if every line went through redaction.
    pub redacted: bool,
    /// Files in order of their names.
    pub files: Vec<Entry>,
}

/// A file of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the capture directory.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// CRC-32C, 8 hexadecimal digits.
    pub crc32c: String,
}

impl Entry {
    /// A file with these sums; `sha256` is hexadecimal.
    #[must_use]
    pub fn new(path: &str, size: u64, sha256: &str, crc32c: u32) -> Self {
        Self { path: path.to_owned(), size, sha256: sha256.to_owned(), crc32c: format!("{crc32c:08x}") }
    }

    /// Where its bytes lie below the capture's place. A digest in it means that no name ever stands for
    /// two contents, whoever uploads what at the same time.
    #[must_use]
    pub fn key(&self) -> String {
        format!("files/{}/{}", self.sha256.get(..16).unwrap_or(&self.sha256), self.path)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        if !is_safe(&self.path) {
            return Err(ManifestError::Refused(format!(
                "{:?} is no name of a capture's file; nothing was written",
                self.path
            )));
        }
        if !hex(&self.sha256, 64) || !hex(&self.crc32c, 8) {
            return Err(ManifestError::Damaged(format!("the manifest has no sums for {}", self.path)));
        }
        Ok(())
    }
}

impl Manifest {
    /// A manifest of this version.
    #[must_use]
    pub fn new(capture_id: &str, tool: &str, redacted: bool, mut files: Vec<Entry>) -> Self {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let (format, capture_id, tool) = (FORMAT.to_owned(), capture_id.to_owned(), tool.to_owned());
        Self { format, version: 1, capture_id, tool, redacted, files }
    }

    /// Reads and checks.
    ///
    /// # Errors
    /// If the bytes are no manifest, of a later version, or ask for a file that is not a capture's.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u32,
        }
        let damaged = |why: String| ManifestError::Damaged(format!("{MANIFEST} is damaged, or not logtap's: {why}"));
        let head: Head = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if head.format != FORMAT {
            return Err(damaged(format!("its format is {:?}", head.format)));
        }
        if head.version != 1 {
            let why = format!("the manifest has version {}; this logtap reads version 1", head.version);
            return Err(ManifestError::Refused(why));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        check_all(&manifest.files)?;
        Ok(manifest)
    }

    /// The bytes of the object.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// Every file may be written, each once, and together they are a capture.
pub(crate) fn check_all(files: &[Entry]) -> Result<(), ManifestError> {
    let mut names = BTreeSet::new();
    let mut total = 0_u64;
    for file in files {
        file.check()?;
        // Some file systems do not tell A from a.
        if !names.insert(file.path.to_ascii_lowercase()) {
            return Err(ManifestError::Refused(format!("{} is in the manifest twice; nothing was written", file.path)));
        }
        total =
            total.checked_add(file.size).ok_or_else(|| ManifestError::Refused("its sizes are no sizes".to_owned()))?;
    }
    Ok(())
}

/// True for names that a file of a downloaded capture may have.
#[must_use]
pub fn is_safe(file: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    file.len() <= MAX_NAME
        && file.bytes().all(plain)
        && file.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && discard::is_own(file)
        && file != name::LOCK
        && !disk::is_temporary(file)
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn entry(path: &str) -> Entry {
        Entry { path: path.to_owned(), size: 1, sha256: "0f".repeat(32), crc32c: "0123abcd".to_owned() }
    }

    #[test]
    fn what_is_written_is_read() {
        let manifest = Manifest::new("id", "logtap", true, vec![entry("metadata.json"), entry("a.jsonl.zst")]);
        assert_eq!(manifest.files[0].path, "a.jsonl.zst", "in order");
        assert_eq!(Manifest::parse(&manifest.bytes()).unwrap(), manifest);
        assert_eq!(manifest.files[0].key(), "files/0f0f0f0f0f0f0f0f/a.jsonl.zst");
        let later = String::from_utf8(manifest.bytes()).unwrap().replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(Manifest::parse(later.as_bytes()), Err(ManifestError::Refused(_))));
    }

    #[test]
    fn names_of_a_capture_s_files() {
        for fine in [
            "metadata.json",
            "index.jsonl",
            "2026-11-22T103201-000.jsonl.zst",
            "audit-m001.jsonl",
            "statement.json.sig",
        ] {
            assert!(is_safe(fine), "{fine}");
        }
        assert!(!is_safe(name::LOCK) && !is_safe("x.jsonl.tmp") && !is_safe("notes.txt"));
    }

    proptest! {
        #[test]
        fn a_safe_name_is_one_plain_component(name in "[ -~]{0,20}(\\.jsonl|\\.jsonl\\.zst|\\.sig)?|\\PC{0,20}") {
            if is_safe(&name) {
                let parts: Vec<_> = Path::new(&name).components().collect();
                prop_assert_eq!(parts, [Component::Normal(name.as_ref())]);
                prop_assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', ':', '%']));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), names in proptest::collection::vec("\\PC{0,12}", 0..4)) {
            drop(Manifest::parse(&bytes));
            let manifest = Manifest::new("id", "", true, names.iter().map(|name| entry(name)).collect());
            if let Ok(read) = Manifest::parse(&manifest.bytes()) {
                prop_assert!(read.files.iter().all(|file| is_safe(&file.path)));
            }
        }
    }
}
