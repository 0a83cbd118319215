//! Lines that are too long for one record come in pieces, so that memory stays bounded.

use crate::intake::Piece;

/// Longest text of a record, bytes: what Loki takes as one line unless told otherwise.
pub(super) const MAX_TEXT: usize = 256 << 10;

/// A line whose end was not seen yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// Its time, nanoseconds since 1970-01-01 UTC.
    pub(super) ns: i64,
    /// Pieces of it that were handed on.
    pub(super) before: u64,
    /// What was not handed on.
    pub(super) text: Vec<u8>,
}

impl Open {
    /// Adds text, and hands on the pieces that are full.
    pub(super) fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8], Piece)) {
        let mut rest = bytes;
        while self.text.len() + rest.len() > MAX_TEXT {
            let (here, after) = rest.split_at(MAX_TEXT - self.text.len());
            self.text.extend_from_slice(here);
            let cut = boundary(&self.text, after.first().copied());
            sink(&self.text[..cut], Piece { before: self.before, more: true });
            self.text.drain(..cut);
            self.before += 1;
            rest = after;
        }
        self.text.extend_from_slice(rest);
    }

    /// Hands on the last piece; the next line can begin.
    pub(super) fn finish(&mut self, mut sink: impl FnMut(&[u8], Piece)) {
        sink(&self.text, Piece { before: self.before, more: false });
        self.text.clear();
        self.before = 0;
    }
}

/// The last place in `text` that is not inside a character, where `next` follows it.
fn boundary(text: &[u8], next: Option<u8>) -> usize {
    let inside = |byte: u8| byte & 0xc0 == 0x80;
    if !next.is_some_and(inside) {
        return text.len();
    }
    // A character has at most three such bytes behind its first; more are no text anyway.
    (text.len() - 3..text.len()).rev().find(|at| !inside(text[*at])).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_whole_characters_and_make_the_line() {
        for text in ["ü0123456789".repeat(100_000), "x".repeat(MAX_TEXT), "€".repeat(MAX_TEXT), "😀".repeat(200_000)]
        {
            for chunk in [text.len(), 16 << 10, 1001] {
                let (mut open, mut all) = (Open::default(), Vec::new());
                for bytes in text.as_bytes().chunks(chunk) {
                    open.push(bytes, |text, piece| all.push((String::from_utf8(text.to_vec()).unwrap(), piece)));
                }
                open.finish(|text, piece| all.push((String::from_utf8(text.to_vec()).unwrap(), piece)));
                assert_eq!(all.iter().map(|(text, _)| text.as_str()).collect::<String>(), text);
                let last = all.len() - 1;
                for (at, (text, piece)) in all.iter().enumerate() {
                    assert!(text.len() <= MAX_TEXT && (at == last || text.len() > MAX_TEXT - 4));
                    assert_eq!(*piece, Piece { before: at as u64, more: at < last });
                }
            }
        }
    }
}
