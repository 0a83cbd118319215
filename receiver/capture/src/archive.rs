//! A capture in one file: a tar archive, plain or in zstd, whose members are read where they stand.
//!
//! An archive may come from anybody. Only plain files with names of their own are taken out of it, nothing
//! is believed that was not compared, and what it claims decides about no memory.

mod entries;
mod frames;
mod medium;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::read_at::{Identity, ReadAt, Reader};
use crate::{discard, name};
use medium::Medium;

pub use entries::{Entry, read};

/// How the names of archives end.
const ENDS: [&str; 2] = [".tar.zst", ".tar"];
/// Most bytes of a member that is read into memory.
const MOST: u64 = 1 << 30;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is damaged, or holds what no capture does.
    #[error("{0}")]
    Refused(String),
    /// It can only be read from front to back, and there is no room to unpack it.
    #[error("it has no table to find its files by, and there is no room to unpack it in {}", .0.display())]
    NoRoom(PathBuf),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ArchiveError {
    /// Bytes of an archive cannot be read, or are none.
    #[must_use]
    pub fn damaged(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => Self::Io(error),
            _ => Self::Refused(format!("it is damaged or no archive: {error}")),
        }
    }
}

/// An opened archive.
#[derive(Debug)]
pub struct Archive {
    medium: Medium,
    members: Vec<Member>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    at: u64,
    size: u64,
}

/// True for a file that an archive's name stands for.
#[must_use]
pub fn is_named(path: &Path) -> bool {
    ENDS.iter().any(|end| name::of(path).ends_with(end))
}

/// True for the name of a file that a capture may consist of.
#[must_use]
pub fn is_member(name: &str) -> bool {
    discard::is_own(name) && name != name::LOCK
}

/// True if the first file in it stands where those of our archives stand.
#[must_use]
pub fn is_ours(file: &dyn ReadAt) -> bool {
    let Ok(source) = crate::pipe::Decoded::new(Reader::new(file)) else { return false };
    let mut first = None;
    let found = read(source, |entry, _| {
        first = Some(entry.path.starts_with("capture"));
        Err(ArchiveError::Refused(String::new()))
    });
    found.is_err() && first == Some(true)
}

impl Archive {
    /// Opens an archive and looks at the headers of all members. One that can be read at any place (plain,
    /// or in zstd with a seek table, as ours are) is left where it is; another is unpacked into a file
    /// without a name in the system's directory for temporary files, which vanishes with the process.
    ///
    /// # Errors
    /// If it is damaged, or holds a link, a path that leads elsewhere, or a name twice.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let medium = Medium::open(path)?;
        let length = medium.length()?;
        let mut members: Vec<Member> = Vec::new();
        entries::walk(Reader::new(&medium), |entry| {
            if entry.at.checked_add(entry.size).is_none_or(|end| end > length) {
                return Err(ArchiveError::Refused(format!("it is damaged: it ends within {}", entry.name)));
            }
            members.push(Member { name: entry.name.to_owned(), at: entry.at, size: entry.size });
            Ok(())
        })?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { medium, members })
    }

    /// Names of the files in it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Bytes of all files in it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.members.iter().map(|member| member.size).sum()
    }

    /// A file in it, if there is one of this name.
    #[must_use]
    pub fn file(self: &Arc<Self>, name: &str) -> Option<Arc<dyn ReadAt>> {
        let at = self.members.binary_search_by(|member| member.name.as_str().cmp(name)).ok()?;
        Some(Arc::new(Part { archive: self.clone(), member: at }))
    }

    /// All bytes of a file in it.
    ///
    /// # Errors
    /// If there is none (`NotFound`), it is larger than anything but data, or reading fails.
    pub fn read(self: &Arc<Self>, name: &str) -> io::Result<Vec<u8>> {
        let file = self.file(name).ok_or(io::ErrorKind::NotFound)?;
        if file.length()? > MOST {
            return Err(io::Error::other(format!("{name} has more than {MOST} bytes")));
        }
        let mut bytes = Vec::new();
        Reader::new(&*file).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A member as a file.
#[derive(Debug)]
struct Part {
    archive: Arc<Archive>,
    member: usize,
}

impl ReadAt for Part {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let Member { at: begin, size, .. } = &self.archive.members[self.member];
        let left = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX);
        let want = buffer.len().min(left);
        if want == 0 {
            return Ok(0);
        }
        self.archive.medium.read_at(&mut buffer[..want], begin + at)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.archive.members[self.member].size)
    }

    fn identity(&self) -> io::Result<Identity> {
        Ok(self.archive.medium.identity()?.part(self.archive.members[self.member].at))
    }
}

#[cfg(test)]
mod tests;
