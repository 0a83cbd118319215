//! Puts what makes a capture signed into it. The signature goes first and comes last, so that a capture with a
//! signature is one that was signed to the end, whenever the process is killed.

use std::io;
use std::path::Path;

use logtap_capture::disk::{self, Disk};

use crate::SIGNATURES;
use crate::files::MANIFEST;
use crate::statement::STATEMENT;

/// What a signed capture has more.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'s> {
    /// Sums of all files.
    pub manifest: &'s [u8],
    /// What is signed.
    pub statement: &'s [u8],
    /// Name of the file that holds the signature, one of [`SIGNATURES`].
    pub name: &'s str,
    /// The signature.
    pub signature: &'s [u8],
}

/// Removes what a run that was killed left behind; to be done before the files of the capture are listed.
///
/// # Errors
/// Any error of the system.
pub fn clear(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    for name in SIGNATURES.into_iter().chain([MANIFEST, STATEMENT]) {
        remove(disk, &disk::temporary(&dir.join(name)))?;
    }
    Ok(())
}

/// Replaces any signature by this one.
///
/// # Errors
/// The first step that failed; there is no signature then, or the whole new one.
pub fn place(disk: &dyn Disk, dir: &Path, signed: Signed<'_>) -> io::Result<()> {
    for name in SIGNATURES {
        remove(disk, &dir.join(name))?;
    }
    disk::replace(disk, &dir.join(MANIFEST), signed.manifest)?;
    disk::replace(disk, &dir.join(STATEMENT), signed.statement)?;
    disk::replace(disk, &dir.join(signed.name), signed.signature)
}

fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.unlink(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `gc` deletes a directory only if it knows every name in it.
    #[test]
    fn what_is_placed_is_known_to_belong_to_a_capture() {
        for name in SIGNATURES.into_iter().chain([MANIFEST, STATEMENT]) {
            let temporary = disk::temporary(Path::new(name));
            for name in [name, temporary.to_str().unwrap()] {
                assert!(logtap_capture::discard::is_own(name), "{name}");
            }
        }
    }
}
