//! One stored line, split into its parts without building anything.
//!
//! Lines of ours have one layout, which is split by position; any other valid
//! JSON object (Go logtap 1.x and its tools, other key orders, other escapes)
//! takes the slow way through a JSON parser, with the same result.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{text, time};

/// The parts of a stored line; texts are JSON-escaped as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLine<'a> {
    /// Nanoseconds since 1970; `None` if the line states no time that can be read.
    pub ts: Option<i64>,
    /// The label object, braces included.
    pub labels: Cow<'a, [u8]>,
    /// The message inside its quotes, escaped.
    pub message: Cow<'a, [u8]>,
    /// The metadata object, braces included.
    pub meta: Option<Cow<'a, [u8]>>,
    /// Receive time, where stored.
    pub rx: Option<i64>,
    /// Numbers of the run of records that the line begins, as it stands in the file.
    pub seq: Option<Cow<'a, [u8]>>,
}

impl RawLine<'_> {
    /// The message as text. `scratch` is used only if it has escapes.
    #[must_use]
    pub fn message_text<'s>(&'s self, scratch: &'s mut Vec<u8>) -> Cow<'s, str> {
        decode(&self.message, scratch)
    }
}

/// Why a line is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejected {
    /// Not a JSON object, or one whose `labels` or `msg` has the wrong type.
    NotALine,
    /// The file ends within the line.
    Torn,
}

impl Rejected {
    /// Name as printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotALine => "not_a_line",
            Self::Torn => "torn",
        }
    }
}

/// Undoes JSON escapes; borrowed if there are none. What is no valid text comes out lossily.
#[must_use]
pub fn decode<'s>(raw: &'s [u8], scratch: &'s mut Vec<u8>) -> Cow<'s, str> {
    let text =
        if memchr::memchr(b'\\', raw).is_none() { std::str::from_utf8(raw).ok() } else { text::unescape(raw, scratch) };
    text.map_or_else(|| String::from_utf8_lossy(raw), Cow::Borrowed)
}

/// The lines of a piece, without their newlines; blank ones are left out.
pub fn lines(piece: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = piece;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let end = memchr::memchr(b'\n', rest);
            let line = &rest[..end.unwrap_or(rest.len())];
            rest = end.map_or(&[][..], |end| &rest[end + 1..]);
            line
        })
    })
    .filter(|line| !line.is_empty())
}

/// Splits a line (without its newline).
///
/// # Errors
/// [`Rejected::NotALine`] if it is no log line.
pub fn split(line: &[u8]) -> Result<RawLine<'_>, Rejected> {
    split_after(b"", line)
}

/// Splits a line, as [`split`] does; faster if its labels are `before`, a label object of ours.
///
/// # Errors
/// As [`split`].
#[inline]
pub fn split_after<'a>(before: &[u8], line: &'a [u8]) -> Result<RawLine<'a>, Rejected> {
    fast(before, line).or_else(|| slow(line)).ok_or(Rejected::NotALine)
}

/// The time of a line of our layout, whatever follows it; `None` does not say that it has none.
#[inline]
#[must_use]
pub fn time_of(line: &[u8]) -> Option<i64> {
    Some(time_first(line)?.0)
}

/// The time, and what follows its comma.
#[inline]
fn time_first(line: &[u8]) -> Option<(i64, &[u8])> {
    let rest = line.strip_prefix(b"{\"ts\":\"")?;
    let quote = memchr::memchr(b'"', &rest[..rest.len().min(40)])?;
    Some((time::parse(&rest[..quote])?, rest[quote..].strip_prefix(b"\",")?))
}

fn fast<'a>(before: &[u8], line: &'a [u8]) -> Option<RawLine<'a>> {
    let (ts, rest) = time_first(line)?;
    let (labels, rest) = match rest.strip_prefix(b"\"labels\":") {
        Some(rest) => {
            // An object ends where the same bytes ended before.
            let known = !before.is_empty() && rest.starts_with(before);
            let end = if known { before.len() } else { flat_object(rest)? };
            (&rest[..end], rest[end..].strip_prefix(b",")?)
        }
        None => (&b"{}"[..], rest),
    };
    let rest = rest.strip_prefix(b"\"msg\":\"")?;
    let end = string_end(rest)?;
    let mut parsed = RawLine {
        ts: Some(ts),
        labels: Cow::Borrowed(labels),
        message: Cow::Borrowed(&rest[..end]),
        meta: None,
        rx: None,
        seq: None,
    };
    let mut rest = &rest[end + 1..];
    if let Some(after) = rest.strip_prefix(b",\"meta\":") {
        let end = flat_object(after)?;
        parsed.meta = Some(Cow::Borrowed(&after[..end]));
        rest = &after[end..];
    }
    if let Some(after) = rest.strip_prefix(b",\"rx\":\"") {
        let end = string_end(after)?;
        parsed.rx = Some(time::parse(&after[..end])?);
        rest = &after[end + 1..];
    }
    if let Some(after) = rest.strip_prefix(b",\"seq\":\"") {
        let end = string_end(after)?;
        parsed.seq = Some(Cow::Borrowed(&after[..end]));
        rest = &after[end + 1..];
    }
    (rest == b"}").then_some(parsed)
}

/// Offset of the closing quote of a JSON string whose inside starts at `text`; `None` if it has no end.
#[inline]
#[must_use]
pub fn string_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text::quote_or_escape(text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Length of an object of strings, braces included; `None` for anything else.
pub(crate) fn flat_object(text: &[u8]) -> Option<usize> {
    let mut at = match text {
        [b'{', b'}', ..] => return Some(2),
        [b'{', ..] => 1,
        _ => return None,
    };
    loop {
        at = string_at(text, at)?;
        at = string_at(text, expect(text, at, b':')?)?;
        match text.get(at)? {
            b',' => at += 1,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn string_at(text: &[u8], at: usize) -> Option<usize> {
    let start = expect(text, at, b'"')?;
    Some(start + string_end(&text[start..])? + 1)
}

fn expect(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then_some(at + 1)
}

#[derive(Deserialize)]
struct ForeignLine<'a> {
    #[serde(default, borrow)]
    ts: Option<Cow<'a, str>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    msg: Option<String>,
    #[serde(default)]
    meta: Option<BTreeMap<String, String>>,
    #[serde(default)]
    rx: Option<String>,
    #[serde(default)]
    seq: Option<serde_json::Value>,
}

fn slow(line: &[u8]) -> Option<RawLine<'_>> {
    let foreign: ForeignLine<'_> = serde_json::from_slice(line).ok()?;
    if foreign.msg.is_none() && foreign.ts.is_none() {
        return None;
    }
    let object = |pairs: BTreeMap<String, String>| crate::labels::LabelSet::new(pairs).json().to_vec();
    Some(RawLine {
        ts: foreign.ts.and_then(|ts| time::parse(ts.as_bytes())),
        labels: Cow::Owned(object(foreign.labels.unwrap_or_default())),
        message: Cow::Owned(text::escaped(foreign.msg.unwrap_or_default().as_bytes())),
        meta: foreign.meta.map(|meta| Cow::Owned(object(meta))),
        rx: foreign.rx.and_then(|rx| time::parse(rx.as_bytes())),
        seq: foreign.seq.and_then(|seq| Some(Cow::Owned(text::escaped(seq.as_str()?.as_bytes())))),
    })
}

/// The pairs of a label or metadata object; what is no valid text comes out lossily.
#[must_use]
pub fn object_pairs(object: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(object);
    serde_json::from_str::<BTreeMap<String, String>>(&text).map(|map| map.into_iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    #[test]
    fn fast_and_slow_agree_on_ours() {
        let labels = Arc::new(crate::labels::LabelSet::new([("a".to_owned(), "x\\\"}".to_owned())]));
        let mut builder = crate::chunk::ChunkBuilder::default();
        builder.push(&labels, 5, 20 * time::SECOND, "he said \"}\",\"meta\" \\ \n", &[("m", "{}")]);
        let chunk = builder.finish();
        let line = chunk.bytes().strip_suffix(b"\n").unwrap();
        let parsed = fast(b"", line).unwrap();
        assert_eq!(fast(&parsed.labels, line).as_ref(), Some(&parsed));
        assert_eq!(Some(&parsed), slow(line).as_ref());
        assert_eq!(parsed.rx, Some(20 * time::SECOND));
        let mut scratch = Vec::new();
        assert_eq!(parsed.message_text(&mut scratch), "he said \"}\",\"meta\" \\ \n");
        assert_eq!(object_pairs(&parsed.labels), [("a".to_owned(), "x\\\"}".to_owned())]);
    }

    #[test]
    fn lines_of_a_piece() {
        for piece in ["", "\n", "a", "a\n", "\n\na\nbc\n\nd", "a\r\n\n"] {
            let expected: Vec<&[u8]> = piece.split('\n').filter(|line| !line.is_empty()).map(str::as_bytes).collect();
            assert_eq!(lines(piece.as_bytes()).collect::<Vec<_>>(), expected, "{piece:?}");
        }
    }

    #[test]
    fn pairs_that_are_no_text_are_not_lost() {
        let pairs = object_pairs(b"{\"a\":\"x\xff\",\"b\":\"y\"}");
        assert_eq!(pairs, [("a", "x\u{fffd}"), ("b", "y")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn foreign_lines() {
        let line = split(br#"{"msg":"\u003ca\u003e","ts":"2025-12-31T19:00:00.7-05:00","extra":[1]}"#).unwrap();
        assert_eq!(line.ts, time::parse(b"2026-01-01T00:00:00.7Z"));
        assert_eq!(&*line.message, b"<a>");
        assert_eq!(split(b"plain text"), Err(Rejected::NotALine));
        assert_eq!(split(br#"{"timestamp":"x","event":"server_started"}"#), Err(Rejected::NotALine));
        assert_eq!(split(br#"{"ts":"yesterday","msg":"x"}"#).unwrap().ts, None);
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees(line in "\\{\"ts\":\"2026-01-01T00:00:00Z\",(\"labels\":\\{(\"a\":\".{0,3}\")?\\},)?\"msg\":\".{0,6}\".{0,3}\\}") {
            let (fast, slow) = (fast(b"", line.as_bytes()), slow(line.as_bytes()));
            if let (Some(fast), Some(slow)) = (fast, slow) {
                let (mut a, mut b) = (Vec::new(), Vec::new());
                prop_assert_eq!(fast.message_text(&mut a), slow.message_text(&mut b));
                prop_assert_eq!(object_pairs(&fast.labels), object_pairs(&slow.labels));
            }
        }
    }
}
