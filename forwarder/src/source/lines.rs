//! The text of a log stream as lines with their time.
//!
//! With `timestamps=true` each line is a time in RFC 3339, one blank, the text, a newline. The text
//! may hold any byte; what is no UTF-8 is replaced, because a push cannot carry it.

use jiff::Timestamp;

/// Longest text handed on in one piece; longer lines come in several, so that memory stays bounded.
const MAX_TEXT: usize = 256 << 10;
/// Longest head: a time with nanoseconds and an offset, and the blank.
const MAX_HEAD: usize = 40;

/// One line of a container, or a piece of a very long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) ns: i64,
    pub(crate) text: String,
    /// Whether it goes on with a line that an earlier record began.
    pub(crate) continues: bool,
}

/// Splits a stream.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// The time of the line whose beginning was handed on already.
    open: Option<i64>,
    foreign: Vec<String>,
}

impl Lines {
    /// Takes bytes as they come and hands on the lines that are complete.
    pub(crate) fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(Record)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.buffer.is_empty() {
                self.line(line, &mut sink);
            } else {
                self.buffer.extend_from_slice(line);
                let line = std::mem::take(&mut self.buffer);
                self.line(&line, &mut sink);
            }
            self.open = None;
        }
        self.buffer.extend_from_slice(rest);
        while self.buffer.len() > MAX_TEXT + MAX_HEAD {
            let rest = self.buffer.split_off(boundary(&self.buffer, MAX_TEXT));
            let line = std::mem::replace(&mut self.buffer, rest);
            self.line(&line, &mut sink);
        }
    }

    /// Hands on what is left of a container that writes no more.
    pub(crate) fn finish(&mut self, mut sink: impl FnMut(Record)) {
        if !self.buffer.is_empty() {
            let line = std::mem::take(&mut self.buffer);
            self.line(&line, &mut sink);
        }
        self.open = None;
    }

    /// Lines without a time: not the container's, but messages of the kubelet.
    pub(crate) fn take_foreign(&mut self) -> Vec<String> {
        std::mem::take(&mut self.foreign)
    }

    /// One line without its newline, cut where it is too long.
    fn line(&mut self, line: &[u8], sink: &mut impl FnMut(Record)) {
        let (ns, continues, mut text) = match self.open {
            Some(ns) => (ns, true, line),
            None => match head(line) {
                Some((ns, text)) => (ns, false, text),
                None => return self.foreign.push(String::from_utf8_lossy(line).into_owned()),
            },
        };
        let mut record = |text: &[u8], continues| {
            sink(Record { ns, text: String::from_utf8_lossy(text).into_owned(), continues });
        };
        let mut continues = continues;
        while text.len() > MAX_TEXT {
            let (piece, rest) = text.split_at(boundary(text, MAX_TEXT));
            record(piece, continues);
            (text, continues) = (rest, true);
        }
        record(text, continues);
        self.open = Some(ns);
    }
}

/// Time and text of a line.
fn head(line: &[u8]) -> Option<(i64, &[u8])> {
    let blank = line.iter().take(MAX_HEAD).position(|byte| *byte == b' ')?;
    let time: Timestamp = std::str::from_utf8(&line[..blank]).ok()?.parse().ok()?;
    Some((i64::try_from(time.as_nanosecond()).ok()?, &line[blank + 1..]))
}

/// The last place at or before `at` that is not inside a character.
fn boundary(bytes: &[u8], at: usize) -> usize {
    (at - 3..=at).rev().find(|at| bytes[*at] & 0xc0 != 0x80).unwrap_or(at)
}

#[cfg(test)]
mod tests;
