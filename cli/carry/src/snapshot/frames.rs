//! Bytes as zstd frames with a seek table behind them, so that a part can be read without the rest.

use std::io::{self, Write};

use logtap_capture::frame::{FrameEncoder, LEVEL};
use logtap_capture::seek_table;

/// Bytes in a frame.
const FRAME: u64 = 4 << 20;

pub(super) struct Frames<'o> {
    out: &'o mut (dyn Write + Send),
    encoder: FrameEncoder,
    /// Compressed and decompressed size of each frame.
    sizes: Vec<(u64, u64)>,
}

impl<'o> Frames<'o> {
    pub(super) fn new(out: &'o mut (dyn Write + Send)) -> io::Result<Self> {
        Ok(Self { out, encoder: FrameEncoder::new(LEVEL).map_err(io::Error::other)?, sizes: Vec::new() })
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let bytes = self.encoder.frame_bytes();
        if bytes == 0 {
            return Ok(());
        }
        self.encoder.end().map_err(io::Error::other)?;
        self.sizes.push((self.encoder.out().len() as u64, bytes));
        let written = self.out.write_all(self.encoder.out());
        self.encoder.out().clear();
        written
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end_frame()?;
        let mut table = Vec::new();
        seek_table::write(&mut table, self.sizes.iter().copied());
        self.out.write_all(&table)
    }
}

impl Write for Frames<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (FRAME - self.encoder.frame_bytes()) as usize;
        let taken = &bytes[..bytes.len().min(room)];
        self.encoder.write(taken).map_err(io::Error::other)?;
        if self.encoder.frame_bytes() >= FRAME {
            self.end_frame()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
