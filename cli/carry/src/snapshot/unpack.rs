//! Unpacking: only files that a capture consists of, only into the one directory that was named.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use logtap_capture::archive::{self, ArchiveError, Entry};
use logtap_capture::disk::Disk;
use logtap_capture::lock::Lock;
use logtap_capture::pipe::Decoded;
use logtap_capture::reader::{Capture, OpenError};
use logtap_capture::target::Target;

use crate::{CarryError, Control};

/// Bytes copied in one piece.
const COPY: usize = 1 << 20;

/// What an unpacked archive has become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub size: u64,
}

/// Unpacks an archive into a directory.
///
/// # Errors
/// If it holds anything but a capture's files, cannot be read, or the directory not be written; nothing is
/// left then.
pub fn unpack(
    archive: &Path,
    target: &Target,
    disk: &Arc<dyn Disk>,
    control: Control<'_>,
) -> Result<Unpacked, CarryError> {
    let lock = target.begin_directory(disk)?;
    let done = fill(archive, &target.growing(), disk.as_ref(), control);
    match done.and_then(|done| check(archive, &target.growing()).map(|()| done)) {
        Ok(done) => {
            if let Err(error) = target.finish_directory(disk.as_ref(), lock) {
                if let Ok(lock) = Lock::take(&target.growing()) {
                    target.abandon_directory(disk.as_ref(), lock);
                }
                return Err(error.into());
            }
            Ok(done)
        }
        Err(error) => {
            target.abandon_directory(disk.as_ref(), lock);
            Err(error)
        }
    }
}

fn refused(archive: &Path, why: String) -> CarryError {
    CarryError::Archive { path: archive.to_owned(), why }
}

fn fill(archive: &Path, into: &Path, disk: &dyn Disk, control: Control<'_>) -> Result<Unpacked, CarryError> {
    let failed = |source| CarryError::Read { path: archive.to_owned(), source };
    let source = Decoded::new(File::open(archive).map_err(failed)?).map_err(failed)?;
    let mut done = Unpacked::default();
    let filled = archive::read(source, |entry, bytes| {
        let Entry { path, name, size, .. } = entry;
        control.check()?;
        if !archive::is_member(name) {
            return Err(ArchiveError::Refused(format!("{} in it is not a capture's", path.display())).into());
        }
        let written = write(&into.join(name), bytes, disk, control)?;
        if written != *size {
            return Err(ArchiveError::Refused(format!("it is damaged: it ends within {name}")).into());
        }
        done.files += 1;
        done.size += written;
        (control.progress)(written);
        Ok(())
    });
    filled.map(|()| done).map_err(|failure: Failure| match failure {
        Failure::Archive(error) => refused(archive, error.to_string()),
        Failure::Carry(error) => error,
    })
}

/// Why a directory was not filled.
enum Failure {
    Archive(ArchiveError),
    Carry(CarryError),
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<CarryError> for Failure {
    fn from(error: CarryError) -> Self {
        Self::Carry(error)
    }
}

/// Writes a file and returns its bytes.
fn write(place: &Path, bytes: &mut dyn Read, disk: &dyn Disk, control: Control<'_>) -> Result<u64, Failure> {
    let written = |source| CarryError::Write { path: place.to_owned(), source };
    let file = disk.create_new(place).map_err(written)?;
    let (mut buffer, mut at) = (vec![0; COPY], 0);
    loop {
        control.check()?;
        let got = bytes.read(&mut buffer).map_err(ArchiveError::damaged)?;
        if got == 0 {
            break;
        }
        file.write_all_at(&buffer[..got], at).map_err(written)?;
        at += got as u64;
    }
    file.sync().map_err(written)?;
    Ok(at)
}

/// What was unpacked is a capture.
fn check(archive: &Path, dir: &Path) -> Result<(), CarryError> {
    match Capture::open(dir) {
        Ok(_) => Ok(()),
        Err(OpenError::NotACapture(_) | OpenError::NotFound(_)) => {
            Err(refused(archive, "there is no capture in it".to_owned()))
        }
        Err(error) => Err(refused(archive, error.to_string())),
    }
}
