//! Compares what a statement says with the files that are there.

use std::collections::{BTreeMap, BTreeSet};

use logtap_capture::folder::Folder;
use serde::Serialize;

use crate::files::{self, FilesError};
use crate::statement::Statement;

/// What is not as it was signed; nothing if all is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// Files whose bytes are others.
    pub mismatches: Vec<Mismatch>,
    /// Files that were signed and are not there.
    pub missing: Vec<String>,
    /// Files that are there and were not signed.
    pub extra: Vec<String>,
}

/// A file whose bytes are others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Its name.
    pub file: String,
    /// The sum that was signed.
    pub expected: String,
    /// The sum of what is there.
    pub actual: String,
}

impl Differences {
    /// True if every file is as it was signed, and there is no other.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mismatches.is_empty() && self.missing.is_empty() && self.extra.is_empty()
    }
}

/// Compares what there is with a statement that the file `signature` signs, on `threads` threads.
///
/// # Errors
/// If a file cannot be read, or something in the directory is no file.
pub fn compare(
    folder: &Folder,
    statement: &Statement,
    signature: &str,
    threads: usize,
) -> Result<Differences, FilesError> {
    let there = files::names(folder, &[signature])?;
    let signed: BTreeMap<&str, &str> =
        statement.subject.iter().map(|file| (file.name.as_str(), file.digest.sha256.as_str())).collect();
    let known: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let missing = signed.keys().filter(|name| !known.contains(*name)).map(|name| (*name).to_owned()).collect();
    let (common, extra): (Vec<String>, Vec<String>) =
        there.iter().cloned().partition(|name| signed.contains_key(name.as_str()));
    let mut found = Differences { missing, extra, ..Differences::default() };
    for file in files::sums(folder, &common, threads)? {
        let expected = signed[file.name.as_str()];
        if file.sha256 != expected {
            found.mismatches.push(Mismatch { file: file.name, expected: expected.to_owned(), actual: file.sha256 });
        }
    }
    Ok(found)
}
