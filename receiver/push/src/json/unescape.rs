//! JSON strings to text: borrowed when nothing is escaped, else unescaped, always repaired.

use std::borrow::Cow;
use std::ops::Range;

use super::scan::{Item, RawString};
use crate::report::{Altered, Tally};
use crate::text::{Repair, borrow_clean, clean_cow};

/// The text of a string; `scratch` is used when it cannot be borrowed.
pub(crate) fn text<'a>(raw: RawString<'a>, scratch: &'a mut String, altered: &mut Tally<Altered>) -> &'a str {
    if !raw.escaped
        && let Some(text) = borrow_clean(raw.inner)
    {
        return text;
    }
    scratch.clear();
    unescape(raw.inner, scratch).count(altered);
    scratch
}

/// Like [`text`], for text that must outlive the scratch.
pub(crate) fn cow<'a>(raw: RawString<'a>, altered: &mut Tally<Altered>) -> Cow<'a, str> {
    if raw.escaped {
        let mut out = String::with_capacity(raw.inner.len());
        unescape(raw.inner, &mut out).count(altered);
        Cow::Owned(out)
    } else {
        clean_cow(raw.inner, altered)
    }
}

/// The text of any value; for one that is no string its JSON text, counted under `odd`.
pub(crate) fn item_cow<'a>(item: Item<'a>, odd: Altered, altered: &mut Tally<Altered>) -> Cow<'a, str> {
    match item {
        Item::String(raw) => cow(raw, altered),
        Item::Other(json) => {
            altered.add(odd, 1);
            clean_cow(json, altered)
        }
    }
}

/// Appends the unescaped text.
fn unescape(raw: &[u8], out: &mut String) -> Repair {
    let mut repair = Repair::default();
    // Checked once for the whole string: escapes are dense where JSON is logged inside JSON.
    let clean = borrow_clean(raw);
    let mut start = 0;
    while let Some(len) = raw[start..].iter().position(|&byte| byte == b'\\') {
        let at = start + len;
        push(raw, clean, start..at, &mut repair, out);
        let Some(&escape) = raw.get(at + 1) else {
            start = at;
            break;
        };
        start = at + 2;
        match escape {
            b'"' | b'\\' | b'/' => out.push(char::from(escape)),
            b'n' => out.push('\n'),
            b't' => out.push('\t'),
            b'r' => out.push('\r'),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'u' => start = raw.len() - unicode(&raw[at..], out, &mut repair).len(),
            _ => {
                // Kept as it stands: whoever writes `C:\dir` unescaped means the backslash.
                repair.escape = true;
                out.push('\\');
                start = at + 1;
            }
        }
    }
    push(raw, clean, start..raw.len(), &mut repair, out);
    repair
}

/// Appends a piece between escapes.
fn push(raw: &[u8], clean: Option<&str>, piece: Range<usize>, repair: &mut Repair, out: &mut String) {
    match clean {
        Some(text) => out.push_str(&text[piece]),
        None => {
            repair.push(&raw[piece], out);
        }
    }
}

/// Appends the character of a `\uXXXX` escape (two of them for a surrogate pair); gives what follows.
fn unicode<'a>(raw: &'a [u8], out: &mut String, repair: &mut Repair) -> &'a [u8] {
    let Some(first) = hex4(raw) else {
        repair.escape = true;
        out.push_str("\\u");
        return &raw[2..];
    };
    let rest = &raw[6..];
    match first {
        0 => repair.push_nul(out),
        0xd800..=0xdbff => {
            if let Some(low @ 0xdc00..=0xdfff) = hex4(rest) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                return &rest[6..];
            }
            repair.surrogate = true;
            out.push(char::REPLACEMENT_CHARACTER);
        }
        code => match char::from_u32(code) {
            Some(char) => out.push(char),
            None => {
                repair.surrogate = true;
                out.push(char::REPLACEMENT_CHARACTER);
            }
        },
    }
    rest
}

/// The number in a leading `\uXXXX`.
fn hex4(raw: &[u8]) -> Option<u32> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |sum, &digit| Some(sum << 4 | char::from(digit).to_digit(16)?))
}
