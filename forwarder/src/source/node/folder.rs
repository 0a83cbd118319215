//! The files of a container: `LIFE.log` is written, `LIFE.log.STAMP` was written before it, and the
//! kubelet packs all but the newest of those into `LIFE.log.STAMP.gz`. A life is how often the
//! container was started again before it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) life: u64,
    /// Whether it is the one that is written; it is the last of its life.
    pub(super) is_current: bool,
    /// When it was put aside; empty for the one that is written.
    pub(super) stamp: String,
    /// Packed files come behind plain ones of the same name.
    pub(super) packed: bool,
    pub(super) path: PathBuf,
}

/// All files, in the order in which they were written, each once.
pub(super) fn list(dir: &Path) -> io::Result<Vec<Entry>> {
    let mut all: Vec<Entry> =
        fs::read_dir(dir)?.flatten().filter_map(|one| entry(dir, one.file_name().to_str()?)).collect();
    all.sort_unstable();
    // While the kubelet packs a file it is there in both forms, and whole in the plain one.
    all.dedup_by(|later, first| later.life == first.life && later.stamp == first.stamp);
    Ok(all)
}

/// Where a life's present file is.
pub(super) fn current(dir: &Path, life: u64) -> PathBuf {
    dir.join(format!("{life}.log"))
}

fn entry(dir: &Path, name: &str) -> Option<Entry> {
    let (life, rest) = name.split_once(".log")?;
    let life = life.parse().ok()?;
    let path = dir.join(name);
    if rest.is_empty() {
        return Some(Entry { life, is_current: true, stamp: String::new(), packed: false, path });
    }
    let stamp = rest.strip_prefix('.')?;
    let (stamp, packed) = stamp.strip_suffix(".gz").map_or((stamp, false), |stamp| (stamp, true));
    // Half-packed files end in `.tmp`.
    let is_stamp = !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_stamp.then(|| Entry { life, is_current: false, stamp: stamp.to_owned(), packed, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_in_which_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "0.log.20260101-000000.gz",
            "0.log.20260101-000010",
            "0.log.20260101-000010.gz",
            "0.log",
            "2.log.20260101-000020",
            "2.log",
            "10.log",
        ];
        for other in ["0.log.20260101-000010.tmp", "app.log", "x", "3.log.gz"].iter().chain(&names) {
            fs::write(dir.path().join(other), "").unwrap();
        }
        let found: Vec<String> = list(dir.path())
            .unwrap()
            .iter()
            .map(|one| one.path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let expected: Vec<&str> = names.iter().copied().filter(|name| *name != "0.log.20260101-000010.gz").collect();
        assert_eq!(found, expected);
    }
}
