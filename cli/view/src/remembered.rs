//! What is kept of a view of a capture until the next one: its flags and its marks. Whoever starts the
//! view keeps it, beside and not inside the capture, which others may share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of what is kept.
const VERSION: u32 = 1;

/// A view and its marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// 1; what has another one is not understood.
    pub version: u32,
    /// Flags of `logtap open` that show the view again.
    pub view: Vec<String>,
    /// Lines by the letters that lead to them.
    pub marks: BTreeMap<char, Place>,
}

/// A line, whatever file it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its time, nanoseconds since 1970.
    pub ts: i64,
    /// Lines of that time before it.
    pub skip: u32,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { version: VERSION, view: Vec::new(), marks: BTreeMap::new() }
    }
}

impl Remembered {
    /// Reads what was kept; nothing if it is damaged or of another version.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok().filter(|one: &Self| one.version == VERSION)
    }

    /// As it is kept.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
