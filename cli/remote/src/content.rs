//! What is uploaded: pieces of a capture, held open since the cut was made, and their sums.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use logtap_capture::read_at::ReadAt;
use logtap_manifest::{Entry, is_safe};
use sha2::{Digest as _, Sha256};

use crate::RemoteError;
use crate::run::Control;

/// Bytes sent in one part, unless that would be too many parts. S3 takes no less than 5 MiB, a session of
/// Google's only multiples of 256 KiB.
const PART: u64 = 8 << 20;
/// S3 takes no more than 10,000 parts.
const MAX_PARTS: u64 = 9_000;

/// A file of a capture.
#[derive(Debug)]
pub struct Piece {
    /// Its name in the capture.
    pub name: String,
    /// Its bytes.
    pub content: Content,
}

/// Bytes that do not change any more.
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// A file up to a length, and what follows it.
    File(Arc<dyn ReadAt>, u64, &'static [u8]),
}

/// Sums over some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) size: u64,
    /// SHA-256, hexadecimal.
    pub(crate) sha256: String,
    pub(crate) crc32c: u32,
    /// CRC-32C of each part.
    pub(crate) parts: Vec<u32>,
}

impl Sums {
    /// What a manifest says of a file with these sums.
    pub(crate) fn entry(&self, path: &str) -> Entry {
        Entry::new(path, self.size, &self.sha256, self.crc32c)
    }
}

impl Content {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, length, tail) => length + tail.len() as u64,
        }
    }

    /// Bytes `at..at + length`.
    pub(crate) fn read(&self, at: u64, length: u64) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.slice(at as usize..(at + length) as usize)),
            Self::File(file, end, tail) => {
                let end = *end;
                let mut buffer = vec![0; length as usize];
                let here = length.min(end.saturating_sub(at));
                file.read_exact_at(&mut buffer[..here as usize], at)?;
                let from = (at + here).saturating_sub(end) as usize;
                let rest = (length - here) as usize;
                buffer[here as usize..].copy_from_slice(&tail[from..from + rest]);
                Ok(buffer.into())
            }
        }
    }
}

impl Piece {
    /// Bytes of each part but the last.
    pub(crate) fn part(&self) -> u64 {
        let least = self.content.size().div_ceil(MAX_PARTS);
        PART.max(least.next_multiple_of(1 << 20))
    }

    /// Offsets and lengths of the parts; an empty file has one.
    pub(crate) fn parts(&self) -> Vec<(u64, u64)> {
        let (size, part) = (self.content.size(), self.part());
        (0..size.div_ceil(part).max(1)).map(|n| (n * part, part.min(size - n * part))).collect()
    }

    /// Reads all of it.
    pub(crate) fn sum(&self, control: &Control<'_>) -> Result<Sums, RemoteError> {
        if !is_safe(&self.name) {
            return Err(RemoteError::Refused(format!(
                "{:?} is a name that is not uploaded; rename the file",
                self.name
            )));
        }
        let (mut hash, mut crc32c, mut parts) = (Sha256::new(), 0, Vec::new());
        for (at, length) in self.parts() {
            control.check()?;
            let bytes = self.read(at, length)?;
            hash.update(&bytes);
            crc32c = crc32c::crc32c_append(crc32c, &bytes);
            parts.push(crc32c::crc32c(&bytes));
        }
        Ok(Sums { size: self.content.size(), sha256: hex(&hash.finalize()), crc32c, parts })
    }

    /// Part number `n`, counted from 0, which has the sum that it had.
    pub(crate) fn summed_part(&self, n: usize, sums: &Sums) -> Result<Bytes, RemoteError> {
        let (at, length) = self.parts()[n];
        let bytes = self.read(at, length)?;
        if sums.parts.get(n) == Some(&crc32c::crc32c(&bytes)) {
            Ok(bytes)
        } else {
            Err(RemoteError::Changed(self.name.clone()))
        }
    }

    fn read(&self, at: u64, length: u64) -> Result<Bytes, RemoteError> {
        self.content.read(at, length).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => RemoteError::Changed(self.name.clone()),
            _ => RemoteError::Local { path: PathBuf::from(&self.name), source },
        })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn parts_cover_a_file() {
        let sparse = |length| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(length).unwrap();
            Piece { name: "x.jsonl".to_owned(), content: Content::File(Arc::new(file), length, &[]) }
        };
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART, 100 << 30, 5 << 40] {
            let piece = sparse(length);
            let parts = piece.parts();
            assert_eq!(parts.iter().map(|(_, length)| length).sum::<u64>(), length);
            assert!(parts.len() <= 10_000, "S3 takes no more");
            assert!(parts.windows(2).all(|two| two[0].0 + two[0].1 == two[1].0 && two[0].1 % (256 << 10) == 0));
        }
    }

    #[test]
    fn a_change_shows() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 1000], 0).unwrap();
        let other = file.try_clone().unwrap();
        let piece = Piece { name: "x.jsonl".to_owned(), content: Content::File(Arc::new(file), 1000, &[1, 0, 0]) };
        let control = Control { cancelled: &false.into(), progress: &|_| () };
        let sums = piece.sum(&control).unwrap();
        let bytes = piece.summed_part(0, &sums).unwrap();
        assert_eq!((bytes.len(), &bytes[998..]), (1003, &[7, 7, 1, 0, 0][..]));
        assert_eq!(piece.content.read(1001, 2).unwrap()[..], [0, 0]);
        other.write_all_at(&[8; 10], 1000).unwrap();
        assert!(piece.summed_part(0, &sums).is_ok(), "a file may grow");
        other.write_all_at(&[8], 500).unwrap();
        assert!(matches!(piece.summed_part(0, &sums), Err(RemoteError::Changed(_))));
        other.set_len(900).unwrap();
        assert!(matches!(piece.summed_part(0, &sums), Err(RemoteError::Changed(_))));
    }
}
