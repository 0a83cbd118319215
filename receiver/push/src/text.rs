//! Makes outside bytes into text that everything behind can rely on: valid UTF-8 without NUL.

use std::borrow::Cow;

use memchr::memchr;

use crate::report::{Altered, Tally};

/// The bytes as text: borrowed when they are clean, else repaired into `scratch`.
pub(crate) fn clean<'a>(bytes: &'a [u8], scratch: &'a mut String, altered: &mut Tally<Altered>) -> &'a str {
    match borrow_clean(bytes) {
        Some(text) => text,
        None => {
            scratch.clear();
            Repair::default().push(bytes, scratch).count(altered);
            scratch
        }
    }
}

/// Like [`clean`], for text that must outlive the scratch.
pub(crate) fn clean_cow<'a>(bytes: &'a [u8], altered: &mut Tally<Altered>) -> Cow<'a, str> {
    match borrow_clean(bytes) {
        Some(text) => Cow::Borrowed(text),
        None => {
            let mut out = String::with_capacity(bytes.len() + 8);
            Repair::default().push(bytes, &mut out).count(altered);
            Cow::Owned(out)
        }
    }
}

/// The bytes as text when nothing needs repair.
pub(crate) fn borrow_clean(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if memchr(0, bytes).is_none() => Some(text),
        _ => None,
    }
}

/// What one string needed. Counted once per string however often it occurs.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Repair {
    pub(crate) invalid: bool,
    pub(crate) nul: bool,
    pub(crate) surrogate: bool,
    pub(crate) escape: bool,
}

impl Repair {
    /// Appends bytes as text, replacing what is no text.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut String) -> &mut Self {
        if let Some(text) = borrow_clean(bytes) {
            out.push_str(text);
            return self;
        }
        for chunk in bytes.utf8_chunks() {
            let mut valid = chunk.valid();
            while let Some(at) = memchr(0, valid.as_bytes()) {
                out.push_str(&valid[..at]);
                self.push_nul(out);
                valid = &valid[at + 1..];
            }
            out.push_str(valid);
            if !chunk.invalid().is_empty() {
                self.invalid = true;
                out.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self
    }

    /// Appends what stands for a NUL.
    pub(crate) fn push_nul(&mut self, out: &mut String) {
        self.nul = true;
        out.push(char::REPLACEMENT_CHARACTER);
    }

    /// Adds what was needed to the counts.
    pub(crate) fn count(self, altered: &mut Tally<Altered>) {
        for (needed, kind) in [
            (self.invalid, Altered::InvalidUtf8),
            (self.nul, Altered::Nul),
            (self.surrogate, Altered::LoneSurrogate),
            (self.escape, Altered::BadEscape),
        ] {
            if needed {
                altered.add(kind, 1);
            }
        }
    }
}
