//! The seek table of the zstd seekable format: a skippable frame at the end of a file that tells how long
//! each frame is, packed and unpacked.

use std::io;

use crate::read_at::ReadAt;

/// Magic number of the table's skippable frame.
const TABLE: u32 = 0x184D_2A5E;
/// Last four bytes of a seekable file.
const SEEKABLE: u32 = 0x8F92_EAB1;
/// Number of frames, descriptor, magic number.
const FOOTER: usize = 9;
/// Compressed and decompressed size of a frame, four bytes each.
const ENTRY: usize = 8;
const HEADER: usize = 8;
/// Tables are believed up to this size, which is enough for terabytes.
const LARGEST: u64 = 64 << 20;

/// Appends the table for frames of these compressed and decompressed sizes.
pub fn write(out: &mut Vec<u8>, frames: impl ExactSizeIterator<Item = (u64, u64)>) {
    let count = frames.len();
    out.extend_from_slice(&TABLE.to_le_bytes());
    out.extend_from_slice(&((count * ENTRY + FOOTER) as u32).to_le_bytes());
    for (packed, plain) in frames {
        out.extend_from_slice(&(packed as u32).to_le_bytes());
        out.extend_from_slice(&(plain as u32).to_le_bytes());
    }
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out.push(0);
    out.extend_from_slice(&SEEKABLE.to_le_bytes());
}

/// Where the table begins in a file of `length` bytes; `None` if there is none, or one with checksums.
///
/// # Errors
/// If reading fails.
pub fn start(file: &dyn ReadAt, length: u64) -> io::Result<Option<u64>> {
    let Some(footer_at) = length.checked_sub(FOOTER as u64) else {
        return Ok(None);
    };
    let mut footer = [0; FOOTER];
    file.read_exact_at(&mut footer, footer_at)?;
    if word(&footer, 5) != SEEKABLE || footer[4] != 0 {
        return Ok(None);
    }
    let table = u64::from(word(&footer, 0)) * ENTRY as u64 + (HEADER + FOOTER) as u64;
    Ok(length.checked_sub(table))
}

/// Compressed and decompressed sizes of all frames of a file of `length` bytes; `None` if it has no table,
/// or one that does not cover all bytes before it.
///
/// # Errors
/// If reading fails.
pub fn read(file: &dyn ReadAt, length: u64) -> io::Result<Option<Vec<(u32, u32)>>> {
    let Some(at) = start(file, length)?.filter(|at| length - at <= LARGEST) else { return Ok(None) };
    let mut table = vec![0; (length - at) as usize - FOOTER];
    file.read_exact_at(&mut table, at)?;
    if word(&table, 0) != TABLE || u64::from(word(&table, 4)) != length - at - HEADER as u64 {
        return Ok(None);
    }
    let frames: Vec<(u32, u32)> =
        table[HEADER..].chunks_exact(ENTRY).map(|entry| (word(entry, 0), word(entry, 4))).collect();
    let covered: u64 = frames.iter().map(|(packed, _)| u64::from(*packed)).sum();
    Ok((covered == at).then_some(frames))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}
