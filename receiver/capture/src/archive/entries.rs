//! What stands in an archive, one after the other: files with names of their own, and nothing else.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Read, Seek};
use std::path::{Component, PathBuf};
use std::rc::Rc;

use super::ArchiveError;
use crate::name;

/// Most bytes of headers of one entry: long names and other extensions are read into memory.
const HEADERS: u64 = 1 << 20;

/// A file in an archive.
#[derive(Debug)]
pub struct Entry<'e> {
    /// Its path.
    pub path: PathBuf,
    /// The last part of its path.
    pub name: &'e str,
    /// Its bytes, as its header says.
    pub size: u64,
    pub(super) at: u64,
}

/// Reads an archive from front to back and hands over each file, of which `each` reads all that there is;
/// where the archive is cut, that is less than its size.
///
/// # Errors
/// Those of `each`; and if the archive is damaged, or holds a link, a path that leads elsewhere, or a name twice.
pub fn read<E: From<ArchiveError>>(
    source: impl Read,
    mut each: impl FnMut(&Entry<'_>, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let bound = Rc::new(Bound::default());
    let mut archive = tar::Archive::new(Bounded { source, bound: bound.clone() });
    let entries = archive.entries().map_err(ArchiveError::damaged)?;
    visit(entries, &bound, |entry, bytes| {
        bound.left.set(u64::MAX);
        each(entry, bytes)
    })
}

/// As [`read`], for headers alone: what is between them is passed over.
pub(super) fn walk(
    source: impl Read + Seek,
    mut each: impl FnMut(&Entry<'_>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let bound = Rc::new(Bound::default());
    let mut archive = tar::Archive::new(Bounded { source, bound: bound.clone() });
    let entries = archive.entries_with_seek().map_err(ArchiveError::damaged)?;
    visit(entries, &bound, |entry, _| each(entry))
}

fn visit<'a, R: Read + 'a, E: From<ArchiveError>>(
    mut entries: tar::Entries<'a, R>,
    bound: &Bound,
    mut each: impl FnMut(&Entry<'_>, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let refused = |why: String| E::from(ArchiveError::Refused(why));
    let torn = |error| E::from(ArchiveError::damaged(error));
    let mut names = BTreeSet::new();
    loop {
        bound.left.set(HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(torn)?;
        let path = entry.path().map_err(torn)?.into_owned();
        let kind = entry.header().entry_type();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(refused(format!("{} in it leads elsewhere", path.display())));
        }
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            return Err(refused(format!("{} in it is no file", path.display())));
        }
        let name = name::of(&path).to_owned();
        if name.is_empty() {
            return Err(refused(format!("{} in it has a name that is no text", path.display())));
        }
        if !names.insert(name.clone()) {
            return Err(refused(format!("{name} is in it twice")));
        }
        let found = Entry { path, name: &name, size: entry.size(), at: entry.raw_file_position() };
        each(&found, &mut entry)?;
    }
    // An archive ends with a block of zeros.
    if bound.ran_out.get() { Err(refused("it is damaged or no archive: it has no end".to_owned())) } else { Ok(()) }
}

/// What is known of the reading of an archive while the archive is read.
#[derive(Default)]
struct Bound {
    /// Bytes that may be read before somebody looks again.
    left: Cell<u64>,
    /// The source has no more.
    ran_out: Cell<bool>,
}

/// A source of which only so much may be read before somebody looks again.
struct Bounded<R> {
    source: R,
    bound: Rc<Bound>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.bound.left.get()).unwrap_or(usize::MAX));
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the headers of an entry are too large"));
        }
        let count = self.source.read(&mut buffer[..most])?;
        self.bound.left.set(self.bound.left.get() - count as u64);
        self.bound.ran_out.set(count == 0 && most > 0);
        Ok(count)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}
