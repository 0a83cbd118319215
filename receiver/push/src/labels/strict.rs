//! The Prometheus grammar for labels in braces, exactly.
//!
//! Names are `[A-Za-z_][A-Za-z0-9_]*` or quoted UTF-8; values stand in `"`, `'` or backticks; a
//! trailing comma and white space are allowed.

use super::Pairs;
use super::quote::{Dialect, unquote};
use crate::report::{Altered, Tally};

/// The labels, or none when the text breaks the grammar.
pub(super) fn parse(text: &str, altered: &mut Tally<Altered>) -> Option<Pairs> {
    let mut counted = Tally::default();
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim_start();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (label, after) = name(rest, &mut counted)?;
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let (value, after) = quoted(after, &mut counted)?;
        pairs.push((label, value));
        rest = after.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
    altered.merge(&counted);
    Some(pairs)
}

/// A name at the start of the text, and what follows.
pub(super) fn name<'a>(text: &'a str, altered: &mut Tally<Altered>) -> Option<(String, &'a str)> {
    if text.starts_with(['"', '\'', '`']) {
        return quoted(text, altered);
    }
    let end = text.bytes().position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let valid = !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit());
    valid.then(|| (name.to_owned(), rest))
}

/// A quoted string at the start of the text, and what follows.
fn quoted<'a>(text: &'a str, altered: &mut Tally<Altered>) -> Option<(String, &'a str)> {
    let quote = text.chars().next().filter(|quote| ['"', '\'', '`'].contains(quote))?;
    let body = &text[1..];
    if quote == '`' {
        let (inner, rest) = body.split_once('`')?;
        return Some((inner.to_owned(), rest));
    }
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\n' => return None,
            _ if byte == quote as u8 => {
                let value = unquote(&body[..at], quote, Dialect::Go, altered)?;
                return Some((value, &body[at + 1..]));
            }
            _ => {}
        }
    }
    None
}
