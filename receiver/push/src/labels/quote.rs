//! Escapes in quoted label strings: Go's, exactly, and Rust's two extra ones on demand.

use crate::report::{Altered, Tally};
use crate::text::Repair;

/// Which escapes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Go's `strconv.Unquote`.
    Go,
    /// Go's, and `\u{...}`, `\0` and both quotes, as Rust's `{:?}` writes them.
    Rust,
}

/// The text inside quotes, or none when an escape is unknown. Bytes made by escapes may be no
/// UTF-8; they are replaced and counted.
pub(super) fn unquote(inner: &str, quote: char, dialect: Dialect, altered: &mut Tally<Altered>) -> Option<String> {
    let Some(first) = inner.find('\\') else {
        return Some(inner.to_owned());
    };
    let mut bytes = inner.as_bytes()[..first].to_vec();
    let mut rest = &inner[first..];
    while let Some(after) = rest.strip_prefix('\\') {
        let (len, escape) = escape(after, quote, dialect)?;
        match escape {
            Escape::Byte(byte) => bytes.push(byte),
            Escape::Char(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = &after[len..];
        let plain = rest.find('\\').unwrap_or(rest.len());
        bytes.extend_from_slice(&rest.as_bytes()[..plain]);
        rest = &rest[plain..];
    }
    let mut out = String::with_capacity(bytes.len());
    Repair::default().push(&bytes, &mut out).count(altered);
    Some(out)
}

enum Escape {
    Byte(u8),
    Char(char),
}

/// Reads what follows a backslash: how many bytes, and what they mean.
fn escape(after: &str, quote: char, dialect: Dialect) -> Option<(usize, Escape)> {
    let char = after.chars().next()?;
    let plain = match char {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '\\' => b'\\',
        '"' | '\'' if char == quote || dialect == Dialect::Rust => char as u8,
        'x' => {
            return Some((3, Escape::Byte(number(after.get(1..3)?, 16)?.try_into().ok()?)));
        }
        'u' if dialect == Dialect::Rust && after.starts_with("u{") => {
            let digits = after.get(2..)?.split_once('}')?.0;
            let code = char::from_u32(number(digits, 16)?)?;
            return Some((digits.len() + 3, Escape::Char(code)));
        }
        'u' => {
            return Some((5, Escape::Char(char::from_u32(number(after.get(1..5)?, 16)?)?)));
        }
        'U' => {
            return Some((9, Escape::Char(char::from_u32(number(after.get(1..9)?, 16)?)?)));
        }
        '0'..='7' => {
            let octal = after.get(..3).and_then(|digits| number(digits, 8));
            return match octal {
                Some(value) => Some((3, Escape::Byte(value.try_into().ok()?))),
                None if dialect == Dialect::Rust && char == '0' => Some((1, Escape::Byte(0))),
                None => None,
            };
        }
        _ => return None,
    };
    Some((1, Escape::Byte(plain)))
}

fn number(digits: &str, radix: u32) -> Option<u32> {
    let all_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    all_digits.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}
