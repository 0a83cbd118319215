//! File names of a capture directory: which are data, and how a new one is made.

use std::path::Path;

use crate::time;

/// One JSON object about the capture.
pub const METADATA: &str = "metadata.json";
/// One line per sealed data file.
pub const INDEX: &str = "index.jsonl";
/// One line per server event.
pub const AUDIT: &str = "audit.jsonl";
/// Held locked by the one writer.
pub const LOCK: &str = ".logtap.lock";

const COMPRESSED: &str = ".jsonl.zst";
const PLAIN: &str = ".jsonl";

/// True for files that hold log lines, those of Go logtap 1.x and its tools included.
///
/// `audit*.jsonl` is never data: 1.x writes it into the same folder, and its
/// `merge` copies it as `audit-m001.jsonl`.
#[must_use]
pub fn is_data(name: &str) -> bool {
    (name.ends_with(COMPRESSED) || name.ends_with(PLAIN))
        && name != INDEX
        && !name.starts_with("audit")
        && !name.starts_with('.')
}

/// True for data files made of zstd frames.
#[must_use]
pub fn is_compressed(name: &str) -> bool {
    name.ends_with(COMPRESSED)
}

/// A data file's name: the UTC second it was opened in and a number that keeps it unique.
///
/// Names only ever grow, also when the clock steps back or the old file is
/// gone, so that order by name is order of writing and no evicted name returns.
#[derive(Debug, Clone, Default)]
pub struct Names {
    last: String,
}

impl Names {
    /// No later name may be smaller than or equal to `name`.
    pub fn saw(&mut self, name: &str) {
        let stem = name.split('.').next().unwrap_or_default();
        if stem.len() >= STEM && stem > self.last.as_str() && is_stem(stem) {
            self.last = stem.to_owned();
        }
    }

    /// The next name at `now` (nanoseconds since 1970).
    pub fn next(&mut self, now: i64) -> String {
        let second = time::format_compact(now);
        let stem = if self.last.get(..second.len()).is_some_and(|last| last >= second.as_str()) {
            let number: u64 = self.last[SECOND_WIDTH + 1..].parse().unwrap_or(0);
            format!("{}-{:03}", &self.last[..SECOND_WIDTH], number + 1)
        } else {
            format!("{second}-000")
        };
        self.last.clone_from(&stem);
        stem + COMPRESSED
    }
}

/// `2026-11-22T103201`
const SECOND_WIDTH: usize = 17;
/// `2026-11-22T103201-000`
const STEM: usize = SECOND_WIDTH + 4;

fn is_stem(stem: &str) -> bool {
    let bytes = stem.as_bytes();
    bytes[SECOND_WIDTH] == b'-' && bytes[10] == b'T' && bytes[SECOND_WIDTH + 1..].iter().all(u8::is_ascii_digit)
}

/// The file name of a path as text; empty if it is no UTF-8.
#[must_use]
pub fn of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_data() {
        for name in ["2026-11-22T103201-000.jsonl.zst", "2026-11-22T103201-000.jsonl", "export-000.jsonl"] {
            assert!(is_data(name), "{name}");
        }
        for name in
            ["index.jsonl", "audit.jsonl", "audit-m001.jsonl", "metadata.json", "x.jsonl.zst.tmp", ".hidden.jsonl"]
        {
            assert!(!is_data(name), "{name}");
        }
    }

    #[test]
    fn names_only_grow() {
        let mut names = Names::default();
        names.saw("2026-11-22T103201-004.jsonl.zst");
        names.saw("2026-11-22T103201-002.jsonl");
        names.saw("export-000.jsonl");
        let second = time::parse(b"2026-11-22T10:32:01Z").unwrap();
        assert_eq!(names.next(second), "2026-11-22T103201-005.jsonl.zst");
        assert_eq!(names.next(second - 5_000_000_000), "2026-11-22T103201-006.jsonl.zst");
        assert_eq!(names.next(second + time::SECOND), "2026-11-22T103202-000.jsonl.zst");
        names.saw("2026-11-22T103202-999.jsonl.zst");
        assert_eq!(names.next(second), "2026-11-22T103202-1000.jsonl.zst");
        assert_eq!(names.next(second + 2 * time::SECOND), "2026-11-22T103203-000.jsonl.zst");
    }
}
