//! JSON strings as the capture writes them: only what JSON demands is escaped
//! (`"`, `\` and control characters), so that one text has one spelling and a
//! search can look for that spelling in the raw bytes.

const HEX: &[u8; 16] = b"0123456789abcdef";
const BLOCK: usize = 8;

/// Appends `text` as a quoted JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// Appends the inside of a JSON string: `text` without quotes around it.
pub fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    loop {
        let plain = plain_length(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else {
            return;
        };
        push_escape(out, byte);
        rest = &rest[plain + 1..];
    }
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\r' => out.extend_from_slice(b"\\r"),
        _ => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
        }
    }
}

/// The one spelling of `text` inside a JSON string of ours.
#[must_use]
pub fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    push_escaped(&mut out, text);
    out
}

/// Bytes up to the first that must be escaped.
fn plain_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = text.get(at..at + BLOCK) {
        let found = first_special(block);
        if found < BLOCK {
            return at + found;
        }
        at += BLOCK;
    }
    let rest = &text[at..];
    at + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = LOW << 7;

fn word_of(block: &[u8]) -> u64 {
    let mut word = [0; BLOCK];
    word.copy_from_slice(block);
    u64::from_le_bytes(word)
}

/// A word with the high bit of each byte set that is `byte`, exactly so up to the first such byte.
const fn equal(word: u64, byte: u8) -> u64 {
    let word = word ^ (LOW * byte as u64);
    word.wrapping_sub(LOW) & !word & HIGH
}

/// Position of the first special byte of a block, or the block's length.
fn first_special(block: &[u8]) -> usize {
    let word = word_of(block);
    let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    let found = control | equal(word, b'"') | equal(word, b'\\');
    (found.trailing_zeros() / 8) as usize
}

/// Position of the first quote or backslash. Most strings are short: two blocks are looked at without a
/// call, what is longer is left to the vector unit.
#[inline]
pub(crate) fn quote_or_escape(text: &[u8]) -> Option<usize> {
    let Some((near, far)) = text.split_at_checked(2 * BLOCK) else {
        return text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    };
    let found = |block: &[u8]| equal(word_of(block), b'"') | equal(word_of(block), b'\\');
    let place = |found: u64| (found.trailing_zeros() / 8) as usize;
    let (first, second) = (found(&near[..BLOCK]), found(&near[BLOCK..]));
    if first != 0 {
        return Some(place(first));
    }
    if second != 0 {
        return Some(BLOCK + place(second));
    }
    memchr::memchr2(b'"', b'\\', far).map(|at| 2 * BLOCK + at)
}

/// Appends what comes before the first backslash, and returns the rest.
#[inline]
fn take_plain<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let mut rest = text;
    while let Some((block, tail)) = rest.split_first_chunk::<BLOCK>() {
        let found = equal(u64::from_le_bytes(*block), b'\\');
        if found != 0 {
            let plain = (found.trailing_zeros() / 8) as usize;
            out.extend_from_slice(&block[..plain]);
            return &rest[plain..];
        }
        out.extend_from_slice(block);
        rest = tail;
    }
    let plain = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
    out.extend_from_slice(&rest[..plain]);
    &rest[plain..]
}

/// Undoes the escapes of any valid JSON string (`raw` is its inside, without
/// quotes) into `out`, which is cleared first. Lone surrogates become U+FFFD.
///
/// # Errors
/// `None` when `raw` has an escape that JSON does not know or is no UTF-8.
pub fn unescape<'o>(raw: &[u8], out: &'o mut Vec<u8>) -> Option<&'o str> {
    out.clear();
    out.reserve(raw.len());
    let mut rest = take_plain(raw, out);
    while let Some((_, escape)) = rest.split_first() {
        let (&kind, tail) = escape.split_first()?;
        rest = tail;
        match kind {
            b'"' | b'\\' | b'/' => out.push(kind),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let (value, tail) = code_point(rest)?;
                rest = tail;
                let mut buffer = [0; 4];
                out.extend_from_slice(value.encode_utf8(&mut buffer).as_bytes());
            }
            _ => return None,
        }
        rest = take_plain(rest, out);
    }
    std::str::from_utf8(out).ok()
}

fn code_point(rest: &[u8]) -> Option<(char, &[u8])> {
    let high = hex4(rest)?;
    let tail = &rest[4..];
    if (0xd800..0xdc00).contains(&high)
        && let Some(low) = tail.strip_prefix(b"\\u").and_then(hex4)
        && (0xdc00..0xe000).contains(&low)
    {
        let value = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return Some((char::from_u32(value)?, &tail[6..]));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), tail))
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0u32, |value, &byte| Some(value << 4 | char::from(byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn serde_reads_what_we_write(text in ".*") {
            let mut out = Vec::new();
            push_string(&mut out, &text);
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(&back, &text);
            let mut scratch = Vec::new();
            prop_assert_eq!(unescape(&out[1..out.len() - 1], &mut scratch), Some(text.as_str()));
        }

        #[test]
        fn the_first_quote_or_escape(text in "[a-z\"\\\\é\u{a2}\u{dc}]{0,80}") {
            let text = text.as_bytes();
            prop_assert_eq!(quote_or_escape(text), text.iter().position(|byte| matches!(byte, b'"' | b'\\')));
        }

        #[test]
        fn unescape_never_panics(raw in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'u'), Just(b'd'), any::<u8>()], 0..40)) {
            let mut scratch = Vec::new();
            let _ = unescape(&raw, &mut scratch);
        }
    }

    #[test]
    fn foreign_spellings() {
        let mut out = Vec::new();
        assert_eq!(unescape(br"\u003ca\/\ud83d\ude00\ud800", &mut out), Some("<a/\u{1f600}\u{fffd}"));
        assert_eq!(unescape(br"\x41", &mut out), None);
    }
}
