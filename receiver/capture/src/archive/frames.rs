//! Unpacked bytes of a file in zstd frames with a seek table, read at any place: a frame is unpacked when
//! bytes of it are wanted, and the last ones are kept.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::decode::Decoder;
use crate::read_at::{Identity, ReadAt};
use crate::seek_table;

/// Frames that are kept unpacked. Threads that read a file read neighbours.
const KEPT: usize = 4;
/// Frames that are unpacked at once, at most; ours have 4 MiB.
const LARGEST: u32 = 32 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct Frames {
    file: File,
    /// In order, without those that hold nothing.
    table: Vec<Frame>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Where it stands in the file, and its length there.
    at: u64,
    packed: u32,
    /// Where its bytes begin among those of all frames, and how many there are.
    from: u64,
    plain: u32,
}

/// Newest first.
#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<(usize, Arc<Vec<u8>>)>,
    packed: Vec<u8>,
    decoder: Decoder,
}

impl Frames {
    /// `None` if the file has no table, or frames that are too large to be unpacked at once.
    pub(super) fn open(file: &File) -> io::Result<Option<Self>> {
        let Some(sizes) = seek_table::read(file, file.length()?)? else { return Ok(None) };
        let (mut at, mut from, mut table) = (0, 0, Vec::with_capacity(sizes.len()));
        for (packed, plain) in sizes {
            if packed > LARGEST || plain > LARGEST {
                return Ok(None);
            }
            if plain > 0 {
                table.push(Frame { at, packed, from, plain });
            }
            at += u64::from(packed);
            from += u64::from(plain);
        }
        Ok(Some(Self { file: file.try_clone()?, table, kept: Mutex::default() }))
    }

    fn unpacked(&self, number: usize) -> io::Result<Arc<Vec<u8>>> {
        // Unpacking is copying, mostly: what is in an archive is packed already. One thread at a time does.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { frames, packed, decoder } = &mut *kept;
        if let Some(at) = frames.iter().position(|(known, _)| *known == number) {
            let found = frames.remove(at).ok_or(io::ErrorKind::NotFound)?;
            let bytes = found.1.clone();
            frames.push_front(found);
            return Ok(bytes);
        }
        let Frame { at, packed: length, plain, .. } = self.table[number];
        packed.resize(length as usize, 0);
        self.file.read_exact_at(packed, at)?;
        let mut bytes = Vec::new();
        decoder
            .frame(packed, plain as usize, &mut bytes)
            .map_err(|error| io::Error::other(format!("the archive is damaged at byte {at}: {error}")))?;
        let bytes = Arc::new(bytes);
        frames.truncate(KEPT - 1);
        frames.push_front((number, bytes.clone()));
        Ok(bytes)
    }
}

impl ReadAt for Frames {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let number = self.table.partition_point(|frame| frame.from + u64::from(frame.plain) <= at);
        let Some(frame) = self.table.get(number).filter(|_| !buffer.is_empty()) else { return Ok(0) };
        let bytes = self.unpacked(number)?;
        let bytes = &bytes[(at - frame.from) as usize..];
        let count = buffer.len().min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.table.last().map_or(0, |last| last.from + u64::from(last.plain)))
    }

    fn identity(&self) -> io::Result<Identity> {
        self.file.identity()
    }
}
