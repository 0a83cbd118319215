//! JSON lines, as a capture stores them.

use std::fs::File;
use std::io::{self, Read};

use super::{Out, Sink};
use crate::CarryError;

pub(super) struct Lines<'o>(Out<'o>);

impl<'o> Lines<'o> {
    pub(super) fn new(out: Out<'o>) -> Self {
        Self(out)
    }
}

impl Sink for Lines<'_> {
    fn line(&mut self, _: Option<i64>, line: &[u8]) -> Result<(), CarryError> {
        Ok(self.0.write_all(line)?)
    }

    fn finish(self: Box<Self>) -> Result<(), CarryError> {
        Ok(self.0.flush()?)
    }
}

/// Lines of a file.
pub(super) fn count(mut file: File) -> io::Result<u64> {
    let (mut buffer, mut lines) = (vec![0; 1 << 20], 0);
    loop {
        let got = file.read(&mut buffer)?;
        if got == 0 {
            return Ok(lines);
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..got]).count() as u64;
    }
}
