//! The bytes of a tar archive, whatever they are wrapped in.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::ArchiveError;
use super::frames::Frames;
use crate::pipe::Decoded;
use crate::read_at::{Identity, ReadAt, Reader};

/// Bytes unpacked between two looks at the room that is left.
const STEP: usize = 4 << 20;
/// Room that stays free on the disk that an archive is unpacked to: this, or a twentieth of a smaller one.
const RESERVE: u64 = 256 << 20;

/// Where the bytes of the archive itself are.
#[derive(Debug)]
pub(super) enum Medium {
    /// As they stand in a file.
    Plain(File),
    /// In frames with a table.
    Frames(Frames),
}

impl Medium {
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path)?;
        if let Some(frames) = Frames::open(&file)? {
            return Ok(Self::Frames(frames));
        }
        let source = Decoded::new(Reader::new(&file)).map_err(ArchiveError::damaged)?;
        if source.is_compressed() {
            return Ok(Self::Plain(unpack(source)?));
        }
        drop(source);
        Ok(Self::Plain(file))
    }
}

/// Unpacks into a file without a name.
fn unpack(mut source: Decoded<Reader<'_>>) -> Result<File, ArchiveError> {
    let place = std::env::temp_dir();
    let mut file = tempfile::tempfile_in(&place)
        .map_err(|error| io::Error::new(error.kind(), format!("no temporary file in {}: {error}", place.display())))?;
    let full = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => ArchiveError::NoRoom(place.clone()),
        _ => ArchiveError::Io(error),
    };
    let mut piece = Vec::with_capacity(STEP);
    loop {
        piece.clear();
        source.by_ref().take(STEP as u64).read_to_end(&mut piece).map_err(ArchiveError::damaged)?;
        if piece.is_empty() {
            break;
        }
        let disk = rustix::fs::fstatvfs(&file).map_err(io::Error::from)?;
        let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        if free < RESERVE.min(all / 20) + piece.len() as u64 {
            return Err(ArchiveError::NoRoom(place));
        }
        file.write_all(&piece).map_err(full)?;
    }
    Ok(file)
}

impl ReadAt for Medium {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(buffer, at),
            Self::Frames(frames) => frames.read_at(buffer, at),
        }
    }

    fn length(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.length(),
            Self::Frames(frames) => frames.length(),
        }
    }

    fn identity(&self) -> io::Result<Identity> {
        match self {
            Self::Plain(file) => file.identity(),
            Self::Frames(frames) => frames.identity(),
        }
    }
}
