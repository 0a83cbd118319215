//! The files of a capture and their sums.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use logtap_capture::folder::Folder;
use logtap_capture::name;
use logtap_capture::read_at::{ReadAt as _, Reader};
use sha2::{Digest as _, Sha256};

use crate::statement::STATEMENT;

/// Sums of all files, in the form that `sha256sum -c` reads. 1.x wrote it under this name.
pub const MANIFEST: &str = "manifest.sha256";

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// A file as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// Its name in the directory.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Why a directory has no sums.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A capture has plain files only.
    #[error("{} is no file: a capture consists of files alone", .0.display())]
    NoFile(PathBuf),
    /// A name that no statement can hold.
    #[error("{} has a name that is no text", .0.display())]
    NoText(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Files that no signature covers: what it signs, and the lock that comes with a receiver.
const ASIDE: [&str; 2] = [name::LOCK, STATEMENT];

/// Names of the files that a signature covers, in order; it does not cover the `signatures` themselves.
///
/// # Errors
/// If the directory cannot be read, or holds anything but files with names that are text.
pub fn names(folder: &Folder, signatures: &[&str]) -> Result<Vec<String>, FilesError> {
    let is_aside = |name: &str| ASIDE.contains(&name) || signatures.contains(&name);
    let dir = match folder {
        Folder::Directory(dir) => dir,
        // It has plain files with names alone.
        Folder::Archive(archive) => {
            return Ok(archive.names().filter(|name| !is_aside(name)).map(str::to_owned).collect());
        }
    };
    let failed = |source| FilesError::Io { path: dir.clone(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|_| FilesError::NoText(entry.path()))?;
        if is_aside(&name) {
            continue;
        }
        // A link is not followed: what it leads to is no part of the capture.
        if !entry.file_type().map_err(failed)?.is_file() {
            return Err(FilesError::NoFile(entry.path()));
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

/// Sums of files, in the order of their names, read on `threads` threads.
///
/// # Errors
/// The first that cannot be read.
pub fn sums(folder: &Folder, names: &[String], threads: usize) -> Result<Vec<Summed>, FilesError> {
    // The largest first: one that is begun last would leave all threads but one without work.
    let size = |name: &str| folder.file(name).and_then(|file| file.length()).unwrap_or(0);
    let mut names: Vec<(u64, &String)> = names.iter().map(|name| (size(name), name)).collect();
    names.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let next = AtomicUsize::new(0);
    let all: Mutex<Vec<Result<Summed, FilesError>>> = Mutex::new(Vec::with_capacity(names.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, names.len().max(1)) {
            scope.spawn(|| {
                let mut piece = vec![0; PIECE];
                while let Some((_, name)) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let summed = sum(folder, name, &mut piece);
                    all.lock().unwrap_or_else(PoisonError::into_inner).push(summed);
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut all = all.into_iter().collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn sum(folder: &Folder, name: &str, piece: &mut [u8]) -> Result<Summed, FilesError> {
    let failed = |source| FilesError::Io { path: name.into(), source };
    let file = folder.file(name).map_err(failed)?;
    let mut file = Reader::new(&file);
    let (mut hash, mut size) = (Sha256::new(), 0);
    loop {
        let read = match file.read(piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        hash.update(&piece[..read]);
        size += read as u64;
    }
    Ok(Summed { name: name.to_owned(), sha256: hex(&hash.finalize()), size })
}

/// The sum of bytes at hand, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The manifest of these files: a line each, as `sha256sum` writes it. A name with a backslash or a
/// newline is escaped as `sha256sum` does, the line then begins with a backslash.
#[must_use]
pub fn manifest(files: &[Summed]) -> String {
    let line = |file: &Summed| {
        let escaped = file.name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == file.name { "" } else { "\\" };
        format!("{mark}{}  {escaped}\n", file.sha256)
    };
    files.iter().map(line).collect()
}
