//! Lines handed out in pieces while they are still being read: the loop that
//! reading a file and reading from a pipe share.

use std::io;

/// Pieces handed out hold about this many bytes of lines.
pub(crate) const PIECE: usize = 4 << 20;
/// Bytes asked of the source at a time.
pub(crate) const READ: usize = 256 << 10;

/// Lets `more` append to a buffer until it returns false, and hands the whole
/// lines in it to `each`, which returns false to stop. A last line without
/// newline is handed out if `take_tail` says so. Returns the bytes of an
/// incomplete line at the end.
///
/// # Errors
/// What `more` returns.
pub(crate) fn hand_out(
    mut more: impl FnMut(&mut Vec<u8>) -> io::Result<bool>,
    take_tail: bool,
    mut each: impl FnMut(&[u8]) -> bool,
) -> io::Result<u64> {
    let mut lines = Vec::new();
    while more(&mut lines)? {
        if lines.len() >= PIECE
            && let Some(end) = memchr::memrchr(b'\n', &lines)
        {
            if !each(&lines[..=end]) {
                return Ok(0);
            }
            lines.drain(..=end);
        }
    }
    let end = if take_tail { lines.len() } else { memchr::memrchr(b'\n', &lines).map_or(0, |at| at + 1) };
    if end > 0 {
        each(&lines[..end]);
    }
    Ok((lines.len() - end) as u64)
}
