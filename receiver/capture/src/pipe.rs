//! Lines from something that can only be read forwards: standard input, a
//! member of an archive. Plain lines or zstd, told apart by the first bytes.

use std::io::{self, Read};

use crate::decode::Decoder;
use crate::pieces::{self, PIECE, READ};
use crate::stream::Damage;

const ZSTD: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Second to fourth byte of every skippable frame.
const SKIPPABLE: [u8; 3] = [0x2A, 0x4D, 0x18];

/// Hands the lines to `each` in order, whole lines only; `each` returns false
/// to stop. A last line without newline is handed out if the source is plain;
/// what follows damage in a compressed source is not read.
///
/// # Errors
/// Only if reading fails; damage is reported in the result.
pub fn read(source: impl Read, each: impl FnMut(&[u8]) -> bool) -> io::Result<Damage> {
    let mut decoded = Decoded::new(source)?;
    let mut damaged_bytes = 0;
    let plain = !decoded.compressed;
    let more = |lines: &mut Vec<u8>| match decoded.more(lines) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            damaged_bytes = decoded.left() as u64;
            Ok(false)
        }
        other => other,
    };
    let torn_bytes = pieces::hand_out(more, plain, each)?;
    Ok(Damage { torn_bytes, damaged_bytes })
}

/// The decompressed bytes of a source; the bytes themselves if they are not zstd.
#[derive(Debug)]
pub struct Decoded<R> {
    source: R,
    compressed: bool,
    decoder: Decoder,
    buffer: Vec<u8>,
    used: usize,
    out: Vec<u8>,
    out_used: usize,
}

impl<R: Read> Decoded<R> {
    /// Reads the first bytes to tell what the source is.
    ///
    /// # Errors
    /// If reading fails.
    pub fn new(mut source: R) -> io::Result<Self> {
        let mut buffer = Vec::with_capacity(READ);
        source.by_ref().take(4).read_to_end(&mut buffer)?;
        let compressed = buffer == ZSTD || (buffer.len() == 4 && buffer[1..] == SKIPPABLE && buffer[0] & 0xf0 == 0x50);
        Ok(Self { source, compressed, decoder: Decoder::default(), buffer, used: 0, out: Vec::new(), out_used: 0 })
    }

    /// True if the source is zstd.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    fn left(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// Appends what comes next to `out`; false at the end.
    fn more(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.used == self.buffer.len() {
            self.buffer.resize(READ, 0);
            self.used = 0;
            let count = loop {
                match self.source.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(*count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Ok(false);
            }
        }
        if self.compressed {
            let limit = out.len() + PIECE;
            self.used += self.decoder.piece(&self.buffer[self.used..], out, limit)?;
        } else {
            out.extend_from_slice(&self.buffer[self.used..]);
            self.used = self.buffer.len();
        }
        Ok(true)
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.out_used == self.out.len() {
            let mut out = std::mem::take(&mut self.out);
            out.clear();
            self.out_used = 0;
            let more = self.more(&mut out);
            self.out = out;
            if !more? {
                return Ok(0);
            }
        }
        let count = target.len().min(self.out.len() - self.out_used);
        target[..count].copy_from_slice(&self.out[self.out_used..self.out_used + count]);
        self.out_used += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameEncoder, LEVEL};

    fn frames(texts: &[&str]) -> Vec<u8> {
        let mut encoder = FrameEncoder::new(LEVEL).unwrap();
        for text in texts {
            encoder.write(text.as_bytes()).unwrap();
            encoder.end().unwrap();
        }
        std::mem::take(encoder.out())
    }

    fn all(source: &[u8]) -> (String, Damage) {
        let mut text = String::new();
        let damage = read(source, |lines| {
            text.push_str(std::str::from_utf8(lines).unwrap());
            true
        })
        .unwrap();
        (text, damage)
    }

    #[test]
    fn plain_and_compressed() {
        let mut file = frames(&["a\nb\n", "c\n"]);
        file.extend_from_slice(&[0x5C, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9]);
        assert_eq!(all(&file), ("a\nb\nc\n".to_owned(), Damage::default()));
        assert_eq!(all(b"a\nb"), ("a\nb".to_owned(), Damage::default()));
        assert_eq!(all(b""), (String::new(), Damage::default()));
    }

    #[test]
    fn torn_and_damaged() {
        let mut file = frames(&["a\nb"]);
        assert_eq!(all(&file), ("a\n".to_owned(), Damage { torn_bytes: 1, damaged_bytes: 0 }));
        file.extend_from_slice(b"rubbish");
        assert!(all(&file).1.damaged_bytes > 0);
    }

    #[test]
    fn as_a_reader() {
        let mut text = String::new();
        Decoded::new(&frames(&["abc", "def"])[..]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcdef");
    }
}
