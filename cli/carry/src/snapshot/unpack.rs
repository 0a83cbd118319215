//! Unpacking, without trusting the archive: only files that a capture consists of, only into the one
//! directory that was named.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};
use std::sync::Arc;

use logtap_capture::discard;
use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::lock::Lock;
use logtap_capture::name;
use logtap_capture::pipe::Decoded;
use logtap_capture::reader::{Capture, OpenError};
use logtap_capture::target::Target;

use crate::{CarryError, Control, Source};

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

/// Opens an archive as a source. It is unpacked into the system's directory for temporary files, from where
/// its names are removed at once.
///
/// # Errors
/// As [`unpack`].
pub fn open_archive(archive: &Path, control: Control<'_>) -> Result<Source, CarryError> {
    let folder = tempfile::Builder::new().prefix("logtap-").tempdir()?;
    fill(archive, folder.path(), &RealDisk, control)?;
    check(archive, folder.path())?;
    let capture = Capture::open(folder.path()).map_err(|error| refused(archive, error.to_string()))?;
    let mut source = Source::open(capture)?;
    archive.clone_into(&mut source.capture.dir);
    Ok(source)
}

fn refused(archive: &Path, why: String) -> CarryError {
    CarryError::Archive { path: archive.to_owned(), why }
}

fn fill(archive: &Path, into: &Path, disk: &dyn Disk, control: Control<'_>) -> Result<Unpacked, CarryError> {
    let failed = |source| CarryError::Read { path: archive.to_owned(), source };
    let source = Decoded::new(File::open(archive).map_err(failed)?).map_err(failed)?;
    let mut members = tar::Archive::new(source);
    let (mut names, mut done) = (BTreeSet::new(), Unpacked::default());
    let torn = |error: io::Error| refused(archive, format!("it is damaged or no archive: {error}"));
    for member in members.entries().map_err(torn)? {
        control.check()?;
        let mut member = member.map_err(torn)?;
        let path = member.path().map_err(torn)?.into_owned();
        let kind = member.header().entry_type();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(refused(archive, format!("{} in it leads elsewhere", path.display())));
        }
        if kind.is_dir() {
            continue;
        }
        let name = name::of(&path).to_owned();
        if !kind.is_file() {
            return Err(refused(archive, format!("{} in it is no file", path.display())));
        }
        if !discard::is_own(&name) || name == name::LOCK {
            return Err(refused(archive, format!("{} in it is not a capture's", path.display())));
        }
        if !names.insert(name.clone()) {
            return Err(refused(archive, format!("{name} is in it twice")));
        }
        let place = into.join(&name);
        let written = |source| CarryError::Write { path: place.clone(), source };
        let file = disk.create_new(&place).map_err(written)?;
        let mut buffer = vec![0; COPY];
        let mut at = 0;
        loop {
            control.check()?;
            let got = member.read(&mut buffer).map_err(torn)?;
            if got == 0 {
                break;
            }
            file.write_all_at(&buffer[..got], at).map_err(written)?;
            at += got as u64;
        }
        if at != member.size() {
            return Err(refused(archive, format!("it ends within {name}")));
        }
        file.sync().map_err(written)?;
        done.files += 1;
        done.size += at;
        (control.progress)(at);
    }
    Ok(done)
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
