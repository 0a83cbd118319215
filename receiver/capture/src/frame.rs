//! The open zstd frame of a data file.
//!
//! A frame is flushed for every acknowledged group and closed by size. While
//! it is open, the file on disk ends with an empty last block, which the next
//! flush overwrites in the same write; so any zstd reader accepts the file at
//! any moment. Frames carry no content checksum, because it would have to
//! stand behind that last block.

use std::fmt;

use zstd_safe::zstd_sys::ZSTD_EndDirective as Directive;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

/// What ends the file on disk while a frame is open: an empty block with the last-block bit.
pub const EMPTY_LAST_BLOCK: [u8; 3] = [1, 0, 0];

/// Frames are closed before they exceed this many bytes of lines. Measured cost of frames that
/// stand alone, against one frame per file: 16 % at 1 MiB, 7 % at 2 MiB, 4 % at 4 MiB.
pub const FRAME_TARGET: u64 = 4 << 20;

/// The window spans a whole frame, so that the encoder's buffer never wraps
/// around inside one; matches across the wrap cost a third of the speed.
const WINDOW_LOG: u32 = 22;

/// Compression level while receiving; the level of `zstd -1`.
pub const LEVEL: i32 = 1;

/// Compresses lines into frames.
pub struct FrameEncoder {
    context: CCtx<'static>,
    out: Vec<u8>,
    taken: u64,
}

impl fmt::Debug for FrameEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameEncoder").field("out", &self.out.len()).field("taken", &self.taken).finish_non_exhaustive()
    }
}

/// The library's word for why it could not compress; only memory exhaustion is known to cause it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("zstd cannot compress: {0}")]
pub struct EncodeError(&'static str);

fn encode_error(code: usize) -> EncodeError {
    EncodeError(zstd_safe::get_error_name(code))
}

impl FrameEncoder {
    /// A new encoder at a zstd level.
    ///
    /// # Errors
    /// If zstd cannot allocate.
    pub fn new(level: i32) -> Result<Self, EncodeError> {
        let mut context = CCtx::try_create().ok_or(EncodeError("out of memory"))?;
        context.set_parameter(CParameter::CompressionLevel(level)).map_err(encode_error)?;
        context.set_parameter(CParameter::ChecksumFlag(false)).map_err(encode_error)?;
        context.set_parameter(CParameter::WindowLog(WINDOW_LOG)).map_err(encode_error)?;
        Ok(Self { context, out: Vec::new(), taken: 0 })
    }

    /// Bytes of lines in the open frame; 0 when no frame is open.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        self.taken
    }

    /// Adds bytes to the frame.
    ///
    /// # Errors
    /// If zstd fails; the frame must then be given up with [`Self::abandon`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.taken += bytes.len() as u64;
        let mut input = InBuffer::around(bytes);
        while input.pos < bytes.len() {
            self.step(&mut input, Directive::ZSTD_e_continue)?;
        }
        Ok(())
    }

    /// Brings everything written so far into the output as whole blocks.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn flush(&mut self) -> Result<(), EncodeError> {
        while self.taken > 0 && self.step(&mut InBuffer::around(&[]), Directive::ZSTD_e_flush)? > 0 {}
        Ok(())
    }

    /// Closes the frame; the next write begins another.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn end(&mut self) -> Result<(), EncodeError> {
        while self.taken > 0 && self.step(&mut InBuffer::around(&[]), Directive::ZSTD_e_end)? > 0 {}
        self.taken = 0;
        Ok(())
    }

    /// Forgets the open frame and the output.
    ///
    /// # Errors
    /// If zstd cannot reset, which it documents as impossible here.
    pub fn abandon(&mut self) -> Result<(), EncodeError> {
        self.out.clear();
        self.taken = 0;
        self.context.reset(ResetDirective::SessionOnly).map_err(encode_error)?;
        Ok(())
    }

    /// Compressed bytes that the caller has not taken yet.
    #[must_use]
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn step(&mut self, input: &mut InBuffer<'_>, directive: Directive) -> Result<usize, EncodeError> {
        let room = CCtx::out_size().min(64 * 1024);
        self.out.reserve(room);
        let at = self.out.len();
        let mut output = OutBuffer::around_pos(&mut self.out, at);
        self.context.compress_stream2(&mut output, input, directive).map_err(encode_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut bytes: Vec<u8>, open: bool) -> Vec<u8> {
        if open {
            bytes.extend_from_slice(&EMPTY_LAST_BLOCK);
        }
        let mut out = Vec::with_capacity(1 << 20);
        let mut context = zstd_safe::DCtx::create();
        context.decompress(&mut out, &bytes).unwrap();
        out
    }

    #[test]
    fn every_flush_is_readable() {
        let mut encoder = FrameEncoder::new(LEVEL).unwrap();
        let (mut file, mut plain) = (Vec::new(), Vec::new());
        for n in 0..200 {
            let line = format!("{{\"n\":{n},\"pad\":\"{}\"}}\n", "x".repeat(n * 7));
            encoder.write(line.as_bytes()).unwrap();
            plain.extend_from_slice(line.as_bytes());
            encoder.flush().unwrap();
            file.append(encoder.out());
            assert_eq!(decode(file.clone(), true), plain);
            if n % 50 == 49 {
                encoder.end().unwrap();
                file.append(encoder.out());
                assert_eq!(&file[file.len() - 3..], EMPTY_LAST_BLOCK, "an end after a flush is the empty last block");
                assert_eq!(decode(file.clone(), false), plain);
            }
        }
    }
}
