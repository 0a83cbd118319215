//! Loki push, written: what the forwarder sends and the tests send.

mod json;
mod proto;

pub use json::{json_v0, json_v1};
pub use proto::{protobuf, push_line, push_stream, snappy};

use crate::sequence::Sequence;

/// The lines of one stream.
#[derive(Debug, Clone, Copy)]
pub struct Stream<'a> {
    /// Name and value of every label; names need not be identifiers.
    pub labels: &'a [(&'a str, &'a str)],
    /// The lines, in the order they shall be stored.
    pub lines: &'a [Line<'a>],
    /// Which lines these are; protobuf alone carries it.
    pub sequence: Option<Sequence<'a>>,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Nanoseconds since 1970-01-01 UTC.
    pub ns: i64,
    /// The text.
    pub text: &'a str,
    /// Structured metadata.
    pub meta: &'a [(&'a str, &'a str)],
}

/// Labels in Prometheus text form, `{name="value", ...}`, with Go's escapes; names that are no
/// identifiers are quoted.
#[must_use]
pub fn label_text(labels: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if is_identifier(name) {
            out.push_str(name);
        } else {
            quote(name, &mut out);
        }
        out.push('=');
        quote(value, &mut out);
    }
    out.push('}');
    out
}

fn is_identifier(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(word) && name.starts_with(|first: char| !first.is_ascii_digit())
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' || control == '\u{7f}' => {
                out.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}
