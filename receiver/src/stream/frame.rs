//! Frames of the stream: a fixed head and a zstd block of whole lines.
//!
//! | bytes | what, little-endian |
//! |---|---|
//! | 4 | `LTS1` |
//! | 4 | bit 0: the total is final |
//! | 4 | bytes of the block; 0 in a heartbeat |
//! | 4 | bytes of its lines, uncompressed |
//! | 8 | number of the first line; in a heartbeat, of the next one |
//! | 8 | lines |
//! | 8 | total: lines that the capture ever held |

use logtap_capture::decode::Decoder;
use logtap_capture::frame::{EncodeError, FrameEncoder, LEVEL};

const TAG: [u8; 4] = *b"LTS1";
const HEAD: usize = 40;
const STOPPED: u32 = 1;
/// Larger frames are refused. One line of 64 MiB may take six times that in JSON.
const MOST: usize = 512 << 20;

/// One frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Number of the first line; without lines, of the next one to come.
    pub first: u64,
    /// Number of lines.
    pub count: u64,
    /// Whole JSON lines.
    pub lines: Vec<u8>,
    /// Lines that the capture ever held.
    pub total: u64,
    /// The total is final.
    pub stopped: bool,
}

/// Bytes that are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what came is no stream of lines: {0}")]
pub struct FrameError(&'static str);

/// Writes frames.
#[derive(Debug)]
pub(super) struct Packer(FrameEncoder);

impl Packer {
    pub(super) fn new() -> Result<Self, EncodeError> {
        Ok(Self(FrameEncoder::new(LEVEL)?))
    }

    /// The bytes of a frame.
    pub(super) fn pack(
        &mut self,
        first: u64,
        count: u64,
        lines: &[u8],
        total: u64,
        stopped: bool,
    ) -> Result<Vec<u8>, EncodeError> {
        self.0.write(lines)?;
        self.0.end()?;
        let block = std::mem::take(self.0.out());
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let flags = if stopped { STOPPED } else { 0 };
        let mut frame = Vec::with_capacity(HEAD + block.len());
        for part in [TAG, flags.to_le_bytes(), size(block.len()), size(lines.len())] {
            frame.extend_from_slice(&part);
        }
        for number in [first, count, total] {
            frame.extend_from_slice(&number.to_le_bytes());
        }
        frame.extend_from_slice(&block);
        Ok(frame)
    }
}

/// Reads frames from pieces of any size.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    decoder: Decoder,
}

impl Frames {
    /// Takes bytes as they come.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if it is there.
    ///
    /// # Errors
    /// If what came is no frame; nothing behind it can be read.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        if head[..4] != TAG {
            return Err(FrameError("it has another form"));
        }
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| head[at + n]));
        let whole = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| head[at + n]));
        let (length, size) = (half(8) as usize, half(12) as usize);
        if length > MOST || size > MOST {
            return Err(FrameError("it is too large"));
        }
        let Some(block) = rest.get(..length) else {
            return Ok(None);
        };
        let mut frame = Frame {
            first: whole(16),
            count: whole(24),
            lines: Vec::new(),
            total: whole(32),
            stopped: half(4) & STOPPED != 0,
        };
        if length > 0 {
            let decoded = self.decoder.frame(block, size, &mut frame.lines);
            decoded.map_err(|_| FrameError("its block is damaged"))?;
        }
        let newlines = frame.lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        if newlines != frame.count || frame.lines.last().is_some_and(|last| *last != b'\n') {
            return Err(FrameError("its lines are not as many as it says"));
        }
        if frame.first == 0 || frame.first.checked_add(frame.count).is_none() {
            return Err(FrameError("its lines have impossible numbers"));
        }
        self.bytes.drain(..HEAD + length);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_anywhere_the_frames_are_the_same() {
        let mut packer = Packer::new().unwrap();
        let lines = "{\"n\":1}\n{\"n\":2}\n".repeat(300);
        let mut bytes = packer.pack(5, 600, lines.as_bytes(), 700, false).unwrap();
        bytes.extend(packer.pack(605, 0, b"", 604, true).unwrap());
        for step in [1, 7, HEAD, 1000] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(step) {
                frames.add(piece);
                while let Some(frame) = frames.take().unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found.len(), 2);
            assert_eq!((found[0].first, found[0].count, found[0].total), (5, 600, 700));
            assert_eq!(found[0].lines, lines.as_bytes());
            assert_eq!((found[1].first, found[1].total, found[1].stopped), (605, 604, true));
        }
    }

    proptest::proptest! {
        #[test]
        fn nonsense_is_an_error(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), tag in proptest::prelude::any::<bool>()) {
            if tag { bytes.splice(0..0, TAG); }
            let mut frames = Frames::default();
            frames.add(&bytes);
            while let Ok(Some(_)) = frames.take() {}
        }
    }
}
