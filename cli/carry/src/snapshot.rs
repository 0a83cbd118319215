//! A capture as one file: a tar archive in seekable zstd, whose bytes depend on the capture's alone, and
//! back again. Anything that unpacks `tar --zstd` unpacks it.

mod frames;
mod unpack;

use std::io::{self, Read};
use std::sync::Arc;

use logtap_capture::disk::Disk;
use logtap_capture::index::IndexLine;
use logtap_capture::name;
use logtap_capture::read_at::ReadAt;
use logtap_capture::reader::Cut;
use logtap_capture::target::Target;

use crate::export::Place;
use crate::{CarryError, Control, Source};
use frames::Frames;

pub use unpack::{Unpacked, unpack};

/// The folder that all files of an archive stand in.
const FOLDER: &str = "capture/";

/// What an archive has become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packed {
    /// Files in it.
    pub files: u64,
    /// Bytes of the archive.
    pub size: u64,
}

/// A file of a capture as it was when its source was opened: what an archive or an upload consists of.
#[derive(Debug)]
pub enum Member<'s> {
    /// A small file's bytes.
    Bytes(Vec<u8>),
    /// A data file as it was then.
    File(&'s Arc<dyn ReadAt>, Cut),
}

/// Packs metadata, index, signatures and data files. `audit.jsonl`, which names clients, stays behind.
/// Of a file that grows, what it has when packing begins is packed.
///
/// # Errors
/// If the capture cannot be read or the archive not be written; there is none then.
pub fn pack(source: &Source, target: Target, disk: Arc<dyn Disk>, control: Control<'_>) -> Result<Packed, CarryError> {
    let members = members(source)?;
    let path = target.path().to_owned();
    let failed = |source| CarryError::Write { path: path.clone(), source };
    let mut out = Place::File(target, disk).begin()?;
    let mut archive = tar::Builder::new(Frames::new(out.writer())?);
    for (name, member) in &members {
        control.check()?;
        let size = match member {
            Member::Bytes(bytes) => bytes.len() as u64,
            Member::File(_, cut) => cut.length + cut.tail.len() as u64,
        };
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        let name = format!("{FOLDER}{name}");
        match member {
            Member::Bytes(bytes) => archive.append_data(&mut header, name, &bytes[..]).map_err(failed)?,
            Member::File(file, cut) => {
                let reader = Watched { file: *file, at: 0, length: cut.length, control }.chain(cut.tail);
                archive.append_data(&mut header, name, reader).map_err(|error| cancelled(error, control, failed))?;
            }
        }
    }
    archive.into_inner().and_then(Frames::finish).map_err(failed)?;
    control.check()?;
    let size = match out.finish()? {
        Some(path) => std::fs::metadata(path)?.len(),
        None => 0,
    };
    Ok(Packed { files: members.len() as u64, size })
}

fn cancelled(error: io::Error, control: Control<'_>, failed: impl Fn(io::Error) -> CarryError) -> CarryError {
    control.check().err().unwrap_or_else(|| failed(error))
}

/// All files but `audit.jsonl`, in order of their names. They fit each other although a receiver may go on.
///
/// # Errors
/// If a file that grows cannot be read.
pub fn members(source: &Source) -> Result<Vec<(String, Member<'_>)>, CarryError> {
    let mut members: Vec<(String, Member<'_>)> = Vec::new();
    for (opened, path) in source.files.iter().zip(&source.names) {
        let name = name::of(path.as_ref()).to_owned();
        // Compressed since it was listed: it is opened under its new name.
        let name = if opened.compressed && !name::is_compressed(&name) { name + ".zst" } else { name };
        let cut = if source.capture.live {
            opened.cut().map_err(|source| CarryError::Read { path: path.into(), source })?
        } else {
            Cut { length: opened.length, tail: &[] }
        };
        members.push((name, Member::File(&opened.file, cut)));
    }
    for (name, bytes) in &source.small {
        let bytes = if name == name::INDEX { index_of(bytes, &members) } else { bytes.clone() };
        members.push((name.clone(), Member::Bytes(bytes)));
    }
    members.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(members)
}

/// The lines of an index that belong to what is packed: a receiver may have gone on since.
fn index_of(bytes: &[u8], members: &[(String, Member<'_>)]) -> Vec<u8> {
    let packed = |line: &&[u8]| {
        serde_json::from_slice::<IndexLine>(line).is_ok_and(|line| members.iter().any(|(name, _)| *name == line.file))
    };
    bytes.split_inclusive(|byte| *byte == b'\n').filter(packed).flatten().copied().collect()
}

/// A file up to the length it had, read while somebody watches.
struct Watched<'f> {
    file: &'f dyn ReadAt,
    at: u64,
    length: u64,
    control: Control<'f>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.control.check().is_err() {
            return Err(io::Error::other("cancelled"));
        }
        let want = buffer.len().min(usize::try_from(self.length - self.at).unwrap_or(usize::MAX));
        let got = self.file.read_at(&mut buffer[..want], self.at)?;
        if got == 0 && want > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a data file has become shorter meanwhile"));
        }
        self.at += got as u64;
        (self.control.progress)(got as u64);
        Ok(got)
    }
}
