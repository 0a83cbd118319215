//! One pass over a message: words, separators, and places where a value
//! stands. A byte-class table decides, no expression is matched.
//!
//! What is taken for a value: anything that begins with a digit, ids that mix
//! letters with more than two digits, paths, addresses, dates, times, sizes,
//! what follows `=` inside brackets, in a row of `key=value,` or in quotes, and
//! everything nested three brackets deep. What is left of a message after [`MAX_BYTES`] or [`MAX_TOKENS`] is one value.

use super::word;

/// Bytes of a message that are looked at. Longer messages are dumps whose tail tells little.
pub const MAX_BYTES: usize = 2048;
/// Tokens of a message that are looked at.
pub const MAX_TOKENS: usize = 192;
/// Brackets nested this deep hold data.
const DATA_DEPTH: u32 = 3;

pub(super) const LETTER: u8 = 1;
pub(super) const DIGIT: u8 = 2;
/// Joins parts of one word: `-`, `.`, `/`, `\`.
pub(super) const INNER: u8 = 4;
const SPACE: u8 = 8;
const PUNCT: u8 = 16;
pub(super) const WORD: u8 = LETTER | DIGIT | INNER;

/// The class of every byte.
pub(super) static CLASS: [u8; 256] = {
    let mut table = [LETTER; 256];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        table[at] = match byte {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => LETTER,
            b'-' | b'.' | b'/' | b'\\' => INNER,
            0..=b' ' | 0x7f => SPACE,
            _ => PUNCT,
        };
        at += 1;
    }
    table
};

/// Takes the tokens of a message in order.
pub trait Sink {
    /// Text that is the same in every message of the pattern.
    fn word(&mut self, text: &[u8]);
    /// Text that looks like a name but has a digit or two (`eth0`, `node3`): part of the
    /// pattern as long as it never changes.
    fn soft(&mut self, text: &[u8]);
    /// A value.
    fn value(&mut self);
    /// A separator.
    fn punct(&mut self, byte: u8);
    /// White space, however much.
    fn space(&mut self);
}

/// Feeds the tokens of a message to `sink`.
#[inline]
pub fn scan<S: Sink>(text: &[u8], sink: &mut S) {
    let whole = text.len();
    let text = &text[..whole.min(MAX_BYTES)];
    let mut scan = Scan { text, at: 0, depth: 0, left: MAX_TOKENS, sink };
    scan.run();
    if text.len() < whole || scan.left == 0 {
        sink.value();
    }
}

struct Scan<'t, 's, S> {
    text: &'t [u8],
    at: usize,
    depth: u32,
    left: usize,
    sink: &'s mut S,
}

impl<S: Sink> Scan<'_, '_, S> {
    #[inline]
    fn run(&mut self) {
        let mut begun = false;
        let mut gap = false;
        while self.at < self.text.len() && self.left > 0 {
            let class = CLASS[self.text[self.at] as usize];
            if class & SPACE != 0 {
                self.at += 1;
                if self.text[self.at - 1] == 0x1b {
                    self.skip_escape();
                } else {
                    gap = true;
                }
                continue;
            }
            if gap && begun {
                self.sink.space();
            }
            (gap, begun) = (false, true);
            self.left -= 1;
            if class & PUNCT != 0 { self.punct() } else { self.word() }
        }
    }

    /// Passes over a terminal's control sequence; the escape byte is behind us.
    fn skip_escape(&mut self) {
        if self.text.get(self.at) == Some(&b'[') {
            let rest = &self.text[self.at + 1..];
            let length = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'?' | b' '..=b'/')).count();
            self.at = (self.at + length + 2).min(self.text.len());
        }
    }

    #[inline]
    fn word(&mut self) {
        let start = self.at;
        let (mut length, mut flags) = (0, 0);
        for byte in &self.text[start..] {
            let class = CLASS[*byte as usize];
            if class & WORD == 0 {
                break;
            }
            flags |= class;
            length += 1;
        }
        let end = start + length;
        if flags == LETTER {
            self.at = end;
            let text = &self.text[start..end];
            if end - start == 3 && word::begins_date(text, &self.text[end..]) {
                self.sink.value();
            } else {
                self.sink.word(text);
            }
            return;
        }
        self.at = match word::clock(self.text, start, end, flags) {
            Some(end) => {
                self.sink.value();
                end
            }
            None => word::classify(self.text, start, end, flags, self.sink),
        };
        if flags & LETTER == 0 {
            self.at += word::size_unit(&self.text[self.at..]);
        }
    }

    fn punct(&mut self) {
        let byte = self.text[self.at];
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        let next = self.text.get(self.at + 1).copied();
        self.at += 1;
        if byte == b'<' && next.is_some_and(|byte| byte.is_ascii_digit()) && self.skip_less_than() {
            return;
        }
        self.sink.punct(byte);
        match byte {
            b'(' | b'[' | b'{' => {
                self.depth += 1;
                let close = closing(byte);
                if next == Some(close) && before.is_none_or(|byte| CLASS[byte as usize] & (SPACE | PUNCT) != 0) {
                    self.sink.value();
                } else if self.depth >= DATA_DEPTH {
                    self.skip_data();
                }
            }
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            b'"' | b'\'' if next == Some(byte) => {
                self.sink.value();
                self.sink.punct(byte);
                self.at += 1;
            }
            b'=' => self.skip_field(),
            b':' if self.text[self.at..].starts_with(b"//") => self.skip_address(),
            _ => {}
        }
    }

    /// Takes everything up to the bracket that closes the last one as one value.
    fn skip_data(&mut self) {
        let mut open = 1;
        let from = self.at;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' | b'}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
            self.at += 1;
        }
        if self.at > from {
            self.sink.value();
        }
    }

    /// Takes what follows `=` as a value where it is one whatever it says: in
    /// quotes, in brackets, in a row that commas separate.
    fn skip_field(&mut self) {
        let rest = &self.text[self.at..];
        if let Some(quoted) = rest.strip_prefix(b"\"")
            && let Some(length) = memchr::memchr(b'"', quoted)
        {
            self.sink.punct(b'"');
            self.sink.value();
            self.sink.punct(b'"');
            self.at += length + 2;
            return;
        }
        let length = rest.iter().take_while(|byte| CLASS[**byte as usize] & WORD != 0).count();
        let in_a_row = self.depth > 0 || rest.get(length) == Some(&b',');
        if length > 0 && in_a_row && word::clock(self.text, self.at, self.at + length, DIGIT).is_none() {
            self.at += length;
            self.sink.value();
        }
    }

    /// Takes `<1 sec`, which stands where others have a duration, as one value with its `<`.
    fn skip_less_than(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let unit = rest[digits..].trim_ascii_start();
        let is_duration = [&b"sec"[..], b"ms", b"min"].iter().any(|name| unit.starts_with(name));
        if is_duration {
            self.sink.value();
            self.at += rest.len() - unit.len();
            self.at += unit.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        }
        is_duration
    }

    /// Takes what follows `scheme:` as one value.
    fn skip_address(&mut self) {
        self.sink.punct(b'/');
        self.sink.punct(b'/');
        self.at += 2;
        let length = address(&self.text[self.at..]);
        if length > 0 {
            self.at += length;
            self.sink.value();
        }
    }
}

/// Bytes up to white space, a quote or a closing bracket, without a full stop or comma at the end.
pub(super) fn address(text: &[u8]) -> usize {
    let ends = |byte: &u8| {
        CLASS[*byte as usize] & SPACE != 0
            || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b')' | b']' | b'}' | b',' | b';')
    };
    let length = text.iter().position(ends).unwrap_or(text.len());
    let tail = text[..length].iter().rev().take_while(|byte| matches!(byte, b'.' | b':')).count();
    length - tail
}

fn closing(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}
