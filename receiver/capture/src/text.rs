//! JSON strings as the capture writes them: only what JSON demands is escaped
//! (`"`, `\` and control characters), so that one text has one spelling and a
//! search can look for that spelling in the raw bytes.

const HEX: &[u8; 16] = b"0123456789abcdef";
const BLOCK: usize = 32;

/// Appends `text` as a quoted JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// Appends the inside of a JSON string: `text` without quotes around it.
pub fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
        return;
    }
    out.reserve(text.len() + text.len() / 8);
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    out.extend_from_slice(&text[from..]);
}

/// The one spelling of `text` inside a JSON string of ours.
#[must_use]
pub fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    push_escaped(&mut out, text);
    out
}

fn is_plain(text: &[u8]) -> bool {
    let blocks = text.chunks_exact(BLOCK);
    let rest = blocks.remainder();
    blocks.into_iter().all(|block| !needs_escape(block)) && !needs_escape(rest)
}

/// Branch-free over the block so that the compiler vectorises it.
fn needs_escape(block: &[u8]) -> bool {
    block
        .iter()
        .fold(0u8, |found, &byte| found | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\'))
        != 0
}

/// Undoes the escapes of any valid JSON string (`raw` is its inside, without
/// quotes) into `out`, which is cleared first. Lone surrogates become U+FFFD.
///
/// # Errors
/// `None` when `raw` has an escape that JSON does not know or is no UTF-8.
pub fn unescape<'o>(raw: &[u8], out: &'o mut Vec<u8>) -> Option<&'o str> {
    out.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (&kind, tail) = rest[at + 1..].split_first()?;
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
    }
    out.extend_from_slice(rest);
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
    text.get(..4)?.iter().try_fold(0u32, |value, &byte| {
        Some(value << 4 | char::from(byte).to_digit(16)?)
    })
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
