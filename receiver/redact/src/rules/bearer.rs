//! Credentials after the word `Bearer`.
//!
//! **Matches** the credential behind `Bearer` in any case and one to eight spaces, tabs, `+` or `%20`:
//! at least eight characters of the token68 alphabet of RFC 7235 (letters, digits, `-._~+/`), with `=`
//! at the end and `%2B`, `%2F`, `%3D` for their characters. Directly behind `Authorization` and a separator,
//! four characters are enough if one of them is not a letter. Only the credential is replaced. A web token there is
//! counted as one when that rule is on.
//!
//! **Excludes** `Bearer` inside a longer word; words of language (`bearer authentication failed`): fewer
//! than 16 characters, all small letters after the first or all capitals, outside an `Authorization`
//! header; and parameters of a challenge (`Bearer error="invalid_token"`). Full stops at the end are not
//! part of the credential.

use crate::view::{View, is_word};

/// Shortest run of plain letters that is taken for a credential rather than a word.
const LONGER_THAN_WORDS: usize = 16;

/// The credential behind the word that starts at `at` with a `b` of any case.
pub(crate) fn at(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    let word = view.bytes.get(at..at + 6)?;
    if !word.eq_ignore_ascii_case(b"bearer") || is_word(view.left(at)) {
        return None;
    }
    let mut start = at + 6;
    for _ in 0..8 {
        start += match view.at(start) {
            b' ' | b'\t' | b'+' => 1,
            b'%' if view.has(start, b"%20") => 3,
            _ => break,
        };
    }
    if start == at + 6 {
        return None;
    }
    let end = end_of(view, start);
    let value = &view.bytes[start..end];
    let header = after_header(view, at);
    let plain = value.iter().all(u8::is_ascii_alphabetic);
    let enough = value.len() >= 8 || (header && value.len() >= 4 && !plain);
    let (true, Some((_, rest))) = (enough, value.split_first()) else {
        return None;
    };
    let one_case = rest.iter().all(u8::is_ascii_lowercase) || value.iter().all(u8::is_ascii_uppercase);
    if plain && one_case && value.len() < LONGER_THAN_WORDS && !header {
        return None;
    }
    (!is_parameter(view, value, end)).then_some((start, end))
}

fn end_of(view: &View<'_>, start: usize) -> usize {
    let mut end = start;
    loop {
        end += view.run(end, usize::MAX, |b| is_word(b) || matches!(b, b'-' | b'.' | b'~' | b'+' | b'/'));
        let escaped = view.bytes.get(end..end + 3).unwrap_or_default();
        if [b"%2B", b"%2F", b"%3D"].iter().any(|e| escaped.eq_ignore_ascii_case(*e)) {
            end += 3;
        } else {
            break;
        }
    }
    end += view.run(end, usize::MAX, |b| b == b'=');
    while end > start && view.before(end, 1) == b'.' {
        end -= 1;
    }
    end
}

/// Whether `Authorization` and at least one separator stand directly before `at`.
fn after_header(view: &View<'_>, at: usize) -> bool {
    let gap = view.run_before(at, 6, |b| matches!(b, b' ' | b':' | b'=' | b'"' | b'\'' | b'\\' | b'['));
    const NAME: &[u8] = b"authorization";
    gap > 0
        && (at - gap.min(at))
            .checked_sub(NAME.len())
            .is_some_and(|from| from >= view.floor && view.bytes[from..from + NAME.len()].eq_ignore_ascii_case(NAME))
}

/// Whether `value` is the name of a parameter with a quoted value behind it.
fn is_parameter(view: &View<'_>, value: &[u8], end: usize) -> bool {
    let quoted = view.at(end) == b'"' || view.has(end, b"\\\"");
    quoted && value.strip_suffix(b"=").is_some_and(|name| name.iter().all(|b| b.is_ascii_lowercase() || *b == b'_'))
}
