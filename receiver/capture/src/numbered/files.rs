//! Where each data file's lines stand in the count of all lines that the capture ever held.

use std::io;
use std::path::Path;

use crate::metadata::Metadata;
use crate::reader::DataFile;
use crate::{index, name, stream};

/// A data file that is there, and how many lines came before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    /// Lines of all earlier files, evicted ones too.
    pub(super) before: u64,
    /// Its own lines; unknown for the last file, which may be growing.
    pub(super) lines: Option<u64>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    /// Lines of all earlier files.
    pub(super) before: u64,
    /// Number of its last line, as far as it was read.
    pub(super) last: u64,
}

/// A file that is there or was.
#[derive(Debug)]
struct Entry {
    name: String,
    lines: Option<u64>,
    there: bool,
}

/// All data files in order, those before a `known` one left out.
///
/// # Errors
/// If the directory or a file in it cannot be read.
pub(super) fn places(dir: &Path, known: Option<&Known>) -> io::Result<Vec<Place>> {
    let (mut entries, evicted_earlier) = entries(dir)?;
    let mut before = evicted_earlier;
    if let Some(known) = known {
        entries.retain(|entry| entry.name >= known.name);
        let listed = entries.first().is_some_and(|entry| entry.name == known.name);
        before = if listed { known.before } else { known.last };
    }
    let mut all = Vec::new();
    let count = entries.len();
    for (at, entry) in entries.into_iter().enumerate() {
        let is_last = at + 1 == count;
        let read = known.filter(|known| known.name == entry.name).map(|known| known.last - known.before);
        let lines = match entry.lines.or(read.filter(|_| !is_last)) {
            // Closed, and not sealed yet.
            None if !is_last => Some(count_lines(dir, &entry.name)?),
            lines => lines,
        };
        if entry.there {
            all.push(Place { name: entry.name, before, lines });
        }
        before += lines.unwrap_or_default();
    }
    Ok(all)
}

/// Files by name, and the lines of those that were evicted so long ago that they are not listed.
fn entries(dir: &Path) -> io::Result<(Vec<Entry>, u64)> {
    loop {
        let metadata = metadata(dir)?;
        let names = names(dir)?;
        let index = index::read(dir)?;
        let evicted = |data: &Option<Metadata>| data.as_ref().and_then(|data| data.evicted.clone()).unwrap_or_default();
        let sum = evicted(&metadata);
        // Evicted while this was read: neither list may have had it.
        if evicted(&self::metadata(dir)?) != sum {
            continue;
        }
        let listed = metadata.map(|data| data.evictions).unwrap_or_default();
        let earlier = sum.lines.saturating_sub(listed.iter().map(|one| one.lines).sum());
        let mut entries: Vec<Entry> = names
            .into_iter()
            .filter(|name| !listed.iter().any(|one| one.file == *name))
            .map(|name| {
                let lines = index.iter().find(|line| line.file == name).map(|line| line.lines);
                Entry { name, lines, there: true }
            })
            .collect();
        let gone = listed.into_iter().map(|one| Entry { name: one.file, lines: Some(one.lines), there: false });
        entries.extend(gone);
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        return Ok((entries, earlier));
    }
}

fn metadata(dir: &Path) -> io::Result<Option<Metadata>> {
    Metadata::read(dir).map_err(io::Error::other)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let file = name::of(&path);
        if name::is_data(file) {
            names.push(file.to_owned());
        }
    }
    Ok(names)
}

fn count_lines(dir: &Path, name: &str) -> io::Result<u64> {
    let file = DataFile::named(dir, name);
    let Some(opened) = file.open()? else {
        return Ok(0);
    };
    if let Some(index) = &opened.index {
        return Ok(index.frames.iter().map(|frame| frame.lines).sum());
    }
    let mut lines = 0;
    stream::read(&opened, |piece| {
        lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        true
    })?;
    Ok(lines)
}
