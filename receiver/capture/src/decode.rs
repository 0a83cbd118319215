//! Decompression of frames, whole or in pieces, into buffers that are reused.

use std::io;

use zstd_safe::{DCtx, InBuffer, OutBuffer, ResetDirective};

/// Decoder of zstd frames.
pub struct Decoder(DCtx<'static>);

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self(DCtx::create())
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, zstd_safe::get_error_name(code))
}

impl Decoder {
    /// Decodes one frame whose decoded size is known into `out`, which is cleared first.
    ///
    /// # Errors
    /// If the frame is damaged or of another size.
    pub fn frame(&mut self, frame: &[u8], size: usize, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        out.reserve(size);
        let written = self.0.decompress(out, frame).map_err(failed)?;
        if written == size {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "frame size differs from its index"))
        }
    }

    /// Begins a new frame, whatever came before.
    ///
    /// # Errors
    /// If zstd refuses, which it documents as impossible here.
    pub fn restart(&mut self) -> io::Result<()> {
        self.0.reset(ResetDirective::SessionOnly).map(drop).map_err(failed)
    }

    /// Decodes a piece of a stream of frames, appending to `out` until the piece
    /// is used up or `out` holds `limit` bytes. Returns how much of the piece was used.
    ///
    /// # Errors
    /// If the piece is damaged; what was decoded before stands in `out`.
    pub fn piece(&mut self, piece: &[u8], out: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let mut input = InBuffer::around(piece);
        loop {
            let at = out.len();
            out.reserve(DCtx::out_size().min(limit.saturating_sub(at)).max(1));
            let capacity = out.capacity();
            let mut output = OutBuffer::around_pos(out, at);
            self.0.decompress_stream(&mut output, &mut input).map_err(failed)?;
            let filled = output.pos() == capacity;
            if out.len() >= limit || (input.pos == piece.len() && !filled) {
                return Ok(input.pos);
            }
        }
    }
}
