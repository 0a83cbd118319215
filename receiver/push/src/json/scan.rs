//! A pull scanner over JSON bytes.
//!
//! It checks only what it needs to find the ends of values, so damage inside one value does not
//! hide the next, and nothing recurses.

use memchr::memchr2;

use crate::payload::Damage;

/// Bytes looked at one by one after an escape.
const NEAR: usize = 16;

/// A position in JSON bytes.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'b> {
    bytes: &'b [u8],
    pos: usize,
}

/// The inside of a string, still escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawString<'b> {
    pub(crate) inner: &'b [u8],
    pub(crate) escaped: bool,
}

/// A value: a string, or the JSON text of anything else.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'b> {
    String(RawString<'b>),
    Other(&'b [u8]),
}

impl<'b> Scanner<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, pos: 0 }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// Goes back to, or on to, a position that [`Scanner::pos`] gave.
    pub(crate) fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Damage> {
        loop {
            match self.bytes.get(self.pos) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.pos += 1,
                Some(&byte) => return Ok(byte),
                None => return Err(Damage::Cut),
            }
        }
    }

    /// Consumes the next token byte if it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> Result<bool, Damage> {
        let found = self.peek()? == byte;
        self.pos += usize::from(found);
        Ok(found)
    }

    /// After `{` or a member: the next member's name, or none at the `}`.
    pub(crate) fn next_key(&mut self) -> Result<Option<RawString<'b>>, Damage> {
        let mut byte = self.peek()?;
        if byte == b',' {
            self.pos += 1;
            byte = self.peek()?;
        }
        match byte {
            b'}' => {
                self.pos += 1;
                Ok(None)
            }
            b'"' => {
                let key = self.string()?;
                if self.eat(b':')? { Ok(Some(key)) } else { Err(Damage::Bad) }
            }
            _ => Err(Damage::Bad),
        }
    }

    /// After `[` or an element: whether another element follows; the `]` is consumed otherwise.
    #[inline]
    pub(crate) fn next_element(&mut self) -> Result<bool, Damage> {
        let mut byte = self.peek()?;
        if byte == b',' {
            self.pos += 1;
            byte = self.peek()?;
        }
        match byte {
            b']' => {
                self.pos += 1;
                Ok(false)
            }
            b'}' | b':' | b',' => Err(Damage::Bad),
            _ => Ok(true),
        }
    }

    /// A string, with the position at its opening quote.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<RawString<'b>, Damage> {
        let start = self.pos + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(at..).ok_or(Damage::Cut)?;
            // Escapes come in crowds; for the next one a call of memchr costs more than a look.
            let near = if escaped { &rest[..rest.len().min(NEAR)] } else { &[] };
            at += match near.iter().position(|&byte| byte == b'"' || byte == b'\\') {
                Some(found) => found,
                None => {
                    let far = &rest[near.len()..];
                    near.len() + memchr2(b'"', b'\\', far).ok_or(Damage::Cut)?
                }
            };
            if self.bytes[at] == b'"' {
                self.pos = at + 1;
                return Ok(RawString { inner: &self.bytes[start..at], escaped });
            }
            escaped = true;
            at += 2;
        }
    }

    /// Any value.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Item<'b>, Damage> {
        match self.peek()? {
            b'"' => self.string().map(Item::String),
            b'{' | b'[' => self.container().map(Item::Other),
            _ => self.scalar().map(Item::Other),
        }
    }

    /// The text of an object or array, found by counting brackets outside strings.
    fn container(&mut self) -> Result<&'b [u8], Damage> {
        let start = self.pos;
        let mut depth = 0usize;
        loop {
            match self.bytes.get(self.pos).ok_or(Damage::Cut)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.pos += 1;
            if depth == 0 {
                return Ok(&self.bytes[start..self.pos]);
            }
        }
    }

    /// Everything up to a delimiter: a number, a literal, or garbage in their place.
    fn scalar(&mut self) -> Result<&'b [u8], Damage> {
        let start = self.pos;
        let delimits =
            |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b'"' | b'[' | b'{') || byte.is_ascii_whitespace();
        let Some(len) = self.rest().iter().position(delimits) else {
            self.pos = self.bytes.len();
            return Err(Damage::Cut);
        };
        if len == 0 {
            return Err(Damage::Bad);
        }
        self.pos += len;
        Ok(&self.bytes[start..self.pos])
    }
}
