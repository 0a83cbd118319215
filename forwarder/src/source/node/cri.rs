//! A line of a container's log file, as every runtime with the Container Runtime Interface writes it:
//!
//! ```text
//! 2016-10-06T00:17:09.669794202Z stdout F the text
//! ```
//!
//! `P` in place of `F` says that the line goes on in the next one of the same output. Further tags
//! may follow it behind colons.

use jiff::Timestamp;

use crate::intake::Std;

/// One line of a file, without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Nanoseconds since 1970-01-01 UTC.
    pub(super) ns: i64,
    pub(super) std: Std,
    /// Whether the container's line goes on.
    pub(super) partial: bool,
    pub(super) text: &'a [u8],
}

/// Longest time with nanoseconds and an offset.
const MAX_TIME: usize = 40;

/// Reads a line; `None` where it has another form.
pub(super) fn parse(line: &[u8]) -> Option<Line<'_>> {
    let (time, rest) = word(line)?;
    let time: Timestamp = std::str::from_utf8(time).ok().filter(|time| time.len() <= MAX_TIME)?.parse().ok()?;
    let (std, rest) = word(rest)?;
    let std = match std {
        b"stdout" => Std::Out,
        b"stderr" => Std::Err,
        _ => return None,
    };
    // An empty text may come without the blank before it.
    let (tags, text) = word(rest).unwrap_or((rest, &[]));
    let partial = match tags.split(|byte| *byte == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    Some(Line { ns: i64::try_from(time.as_nanosecond()).ok()?, std, partial, text })
}

fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', line)?;
    Some((&line[..blank], &line[blank + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_runtimes_write_them() {
        let read = |text: &'static str| parse(text.as_bytes()).unwrap();
        let line = read("2026-09-21T14:13:20.000000001Z stdout F  two  blanks ");
        assert_eq!(line, Line { ns: 1_790_000_000_000_000_001, std: Std::Out, partial: false, text: b" two  blanks " });
        let line = read("2026-09-21T16:13:20+02:00 stderr P:later ü\r");
        assert_eq!(line, Line { ns: 1_790_000_000_000_000_000, std: Std::Err, partial: true, text: "ü\r".as_bytes() });
        assert_eq!(read("2026-09-21T14:13:20Z stdout F ").text, b"");
        assert_eq!(read("2026-09-21T14:13:20Z stdout F").text, b"");
    }

    #[test]
    fn other_forms_are_told() {
        for text in ["", "\0\0\0", "plain text", "2026-09-21T14:13:20Z stdin F x", "2026-09-21T14:13:20Z stdout Q x"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
