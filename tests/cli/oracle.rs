//! What grep must find, worked out without any code of the project: `zstd`,
//! `serde_json` and `regex`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::data_files;

pub(crate) struct Stored {
    /// The line as stored.
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Stored {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.value["labels"][name].as_str().unwrap_or("")
    }

    pub(crate) fn ts(&self) -> &str {
        self.value["ts"].as_str().unwrap()
    }

    pub(crate) fn matches(&self, regex: &regex::Regex) -> bool {
        let labels = self.value["labels"].as_object().unwrap();
        regex.is_match(self.value["msg"].as_str().unwrap())
            || labels.values().any(|value| regex.is_match(value.as_str().unwrap()))
    }
}

/// Every stored line of each file.
pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<Stored>)> {
    data_files(dir)
        .into_iter()
        .map(|path| {
            let output = Command::new("zstd").arg("-dcq").arg(&path).output().unwrap();
            assert!(output.status.success());
            let text = String::from_utf8(output.stdout).unwrap();
            let stored = |line: &str| Stored { text: line.to_owned(), value: serde_json::from_str(line).unwrap() };
            (path.display().to_string(), text.lines().map(stored).collect())
        })
        .collect()
}

/// Every stored line.
pub(crate) fn all(dir: &Path) -> Vec<Stored> {
    files(dir).into_iter().flat_map(|(_, lines)| lines).collect()
}
