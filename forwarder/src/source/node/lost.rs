//! How many lines files hold that may be removed before they are read: counted while they are there.

use std::collections::BTreeMap;
use std::io;

use super::file::Reading;
use super::folder::Entry;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Lines of files that wait to be read, by the time at which they were put aside.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<String, Option<u64>>);

impl Counts {
    /// Counts the files that were not counted before.
    pub(super) fn note(&mut self, waiting: &[&Entry]) {
        for entry in waiting {
            if !self.0.contains_key(&entry.stamp) {
                // Each file is there as it was written until the next one is put aside; packed ones take long.
                let lines = if entry.packed { None } else { count(entry).ok().flatten() };
                self.0.insert(entry.stamp.clone(), lines);
            }
        }
    }

    /// How many lines are in the files between two of them; an empty stamp is the file that is written.
    /// `None` where one of them was never counted.
    pub(super) fn between(&mut self, after: &str, before: &str) -> Option<u64> {
        let inside = |stamp: &String| stamp.as_str() > after && (before.is_empty() || stamp.as_str() < before);
        let all: Vec<Option<u64>> = self.0.iter().filter(|(stamp, _)| inside(stamp)).map(|(_, lines)| *lines).collect();
        self.0.retain(|stamp, _| !before.is_empty() && stamp.as_str() >= before);
        // A file that was never seen is in no count.
        if all.is_empty() { None } else { all.into_iter().sum() }
    }
}

/// Lines that end in a file.
fn count(entry: &Entry) -> io::Result<Option<u64>> {
    let Some(mut reading) = Reading::open(entry, &[], 0)? else { return Ok(None) };
    let (mut buffer, mut lines, mut filled) = (vec![0; CHUNK], 0, 0);
    loop {
        let read = reading.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(Some(lines));
        }
        filled += read;
        let mut begin = 0;
        while let Some(end) = memchr::memchr(b'\n', &buffer[begin..filled]) {
            lines += u64::from(!is_partial(&buffer[begin..begin + end]));
            begin += end + 1;
        }
        if begin == 0 && filled == CHUNK {
            begin = CHUNK;
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
    }
}

/// Whether a line of the file goes on, without a look at its time.
fn is_partial(line: &[u8]) -> bool {
    let tags = line.splitn(4, |byte| *byte == b' ').nth(2).unwrap_or_default();
    tags == b"P" || tags.starts_with(b"P:")
}
