//! What is behind a link: a list of a capture's files, each with an address that anybody can read it at.

use serde::{Deserialize, Serialize};

use crate::ManifestError;
use crate::manifest::{Entry, check_all};

/// The value of `format`.
const FORMAT: &str = "logtap-share";

/// What is behind a link, version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareList {
    /// `logtap-share`
    pub format: String,
    /// 1
    pub version: u32,
    /// Id of the capture.
    pub capture_id: String,
    /// When the addresses end, RFC 3339.
    pub expires: String,
    /// Files in order of their names.
    pub files: Vec<SharedFile>,
}

/// A file that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// What it is.
    #[serde(flatten)]
    pub entry: Entry,
    /// Where it is.
    pub url: String,
}

impl ShareList {
    /// A list of this version.
    #[must_use]
    pub fn new(capture_id: String, expires: String, files: Vec<SharedFile>) -> Self {
        Self { format: FORMAT.to_owned(), version: 1, capture_id, expires, files }
    }

    /// The bytes of the object.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads and checks.
    ///
    /// # Errors
    /// If the bytes are no list, of a later version, or ask for a file that is not a capture's.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let damaged =
            || ManifestError::Damaged("what is behind the link is no list of a capture's files, or damaged".to_owned());
        let list: Self = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if list.format != FORMAT {
            return Err(damaged());
        }
        if list.version != 1 {
            return Err(ManifestError::Refused(format!(
                "the list has version {}; this logtap reads version 1",
                list.version
            )));
        }
        let entries: Vec<Entry> = list.files.iter().map(|file| file.entry.clone()).collect();
        check_all(&entries)?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::is_safe;

    #[test]
    fn what_is_written_is_read() {
        let file = SharedFile { entry: Entry::new("a.jsonl", 3, &"0f".repeat(32), 7), url: "https://a/b?c".to_owned() };
        let list = ShareList::new("id".to_owned(), "2026-01-15T10:32:00Z".to_owned(), vec![file.clone()]);
        assert_eq!(ShareList::parse(&list.bytes()).unwrap(), list);
        let twice = ShareList { files: vec![file.clone(), file], ..list.clone() };
        assert!(matches!(ShareList::parse(&twice.bytes()), Err(ManifestError::Refused(_))));
        let later = ShareList { version: 2, ..list };
        assert!(matches!(ShareList::parse(&later.bytes()), Err(ManifestError::Refused(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in "\\PC{0,12}") {
            drop(ShareList::parse(&bytes));
            let entry = Entry::new(&name, 1, &"0f".repeat(32), 7);
            let list = ShareList::new("id".to_owned(), String::new(), vec![SharedFile { entry, url: name }]);
            if let Ok(read) = ShareList::parse(&list.bytes()) {
                prop_assert!(read.files.iter().all(|file| is_safe(&file.entry.path)));
            }
        }
    }
}
