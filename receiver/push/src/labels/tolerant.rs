//! The second reading of label strings, for senders that do not escape, or not as Go does.
//!
//! A value ends at a quote that is followed by `, name="` or by the end of the braces. How the
//! values are then unescaped is decided once for the whole string, since one sender wrote it all:
//! - quotes stand bare inside a value: nothing was escaped, so backslashes mean themselves (Vector,
//!   winston-loki);
//! - every escape is known once Rust's are counted in: Rust wrote it (tracing-loki);
//! - otherwise only quotes were escaped (loki4j, python-logging-loki).

use super::Pairs;
use super::quote::{Dialect, unquote};
use super::strict;
use crate::report::{Altered, Tally};

/// The labels, or none when no value can be told from its neighbours.
pub(super) fn parse(text: &str, altered: &mut Tally<Altered>) -> Option<Pairs> {
    let text = text.trim();
    let mut rest = text.strip_prefix('{')?.trim_start();
    let mut found = Vec::new();
    while !ends(rest) {
        let (label, quote, inner, after) = label(rest)?;
        found.push((label, quote, inner));
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    if found.iter().any(|&(_, quote, inner)| has_bare(inner, quote)) {
        return Some(found.into_iter().map(|(name, _, inner)| (name, inner.to_owned())).collect());
    }
    let mut counted = Tally::default();
    let rust: Option<Pairs> = found
        .iter()
        .map(|(name, quote, inner)| {
            let value = unquote(inner, *quote, Dialect::Rust, &mut counted)?;
            Some((name.clone(), value))
        })
        .collect();
    if let Some(pairs) = rust {
        altered.merge(&counted);
        return Some(pairs);
    }
    let only_quotes =
        |(name, quote, inner): (String, char, &str)| (name, inner.replace(&format!("\\{quote}"), &quote.to_string()));
    Some(found.into_iter().map(only_quotes).collect())
}

/// Whether the closing brace, or the end where it is missing, has been reached.
fn ends(rest: &str) -> bool {
    matches!(rest.trim(), "" | "}")
}

/// One `name="value"`: name, quote, inside of the quotes, what follows.
fn label(text: &str) -> Option<(String, char, &str, &str)> {
    let (name, after) = loose_name(text)?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|quote| ['"', '\'', '`'].contains(quote))?;
    let body = &after[1..];
    let end = body.match_indices(quote).map(|(at, _)| at).find(|&at| closes(&body[at + 1..]))?;
    Some((name, quote, &body[..end], &body[end + 1..]))
}

/// Whether a quote with this behind it ends a value.
fn closes(after: &str) -> bool {
    let after = after.trim_start();
    if ends(after) {
        return true;
    }
    let Some(next) = after.strip_prefix(',') else {
        return false;
    };
    let next = next.trim_start();
    ends(next)
        || loose_name(next)
            .and_then(|(_, rest)| rest.trim_start().strip_prefix('='))
            .is_some_and(|value| value.trim_start().starts_with(['"', '\'', '`']))
}

/// A name as in the grammar, or one with the dots, dashes and slashes that some senders leave in.
fn loose_name(text: &str) -> Option<(String, &str)> {
    if let Some((name, rest)) = strict::name(text, &mut Tally::default())
        && rest.trim_start().starts_with('=')
    {
        return Some((name, rest));
    }
    let fits = |char: char| char.is_alphanumeric() || "_.-/:".contains(char);
    let end = text.find(|char| !fits(char)).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

/// Whether an unescaped quote stands inside a value.
fn has_bare(inner: &str, quote: char) -> bool {
    let mut escaped = false;
    for char in inner.chars() {
        if char == quote && !escaped {
            return true;
        }
        escaped = char == '\\' && !escaped;
    }
    // A backslash at the end would have escaped the closing quote.
    escaped
}
