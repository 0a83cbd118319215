//! What a validator may see around a candidate.
//!
//! Validators look left and right of a value to decide whether it stands alone. If they saw the
//! original bytes of a value that was just replaced, a second redaction, which sees the token there,
//! could decide differently. So a view ends on its left at the last replaced value and shows the
//! `]` of the token in its place. That, and left boundaries that mirror right boundaries, make
//! redaction idempotent.

/// Bytes that count as the end of the text on either side.
const OUTSIDE: u8 = b'\n';

/// The text of one line, up to the last replaced value on the left.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    /// The whole text.
    pub(crate) bytes: &'t [u8],
    /// End of the last replaced value, 0 when there is none.
    pub(crate) floor: usize,
}

impl View<'_> {
    /// The byte at `at`, or a line end behind the text.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(OUTSIDE)
    }

    /// The byte `back` places before `at` (1 is the neighbour).
    #[inline]
    pub(crate) fn before(&self, at: usize, back: usize) -> u8 {
        match at.checked_sub(back) {
            Some(i) if i >= self.floor => self.at(i),
            _ if self.floor > 0 => b']',
            _ => OUTSIDE,
        }
    }

    /// The byte that stands left of a value at `at`. The letter of an escape such as `\n`, as found in
    /// text that was encoded twice, is not part of a word: the backslash stands for it.
    #[inline]
    pub(crate) fn left(&self, at: usize) -> u8 {
        match self.before(at, 1) {
            b'n' | b'r' | b't' if self.before(at, 2) == b'\\' => b'\\',
            left => left,
        }
    }

    /// Whether one of `words` (small letters) stands within 32 bytes before `at`, in any case, and not
    /// beyond the last replaced value, whose token may hold one of them.
    pub(crate) fn announced(&self, at: usize, words: &[&str]) -> bool {
        let len = self.run_before(at, 32, |b| b != b']' && b != b'\n');
        let before = &self.bytes[at - len.min(at)..at];
        words.iter().any(|word| before.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
    }

    /// How many bytes before `at` satisfy `class`, at most `cap`.
    pub(crate) fn run_before(&self, at: usize, cap: usize, class: impl Fn(u8) -> bool) -> usize {
        (1..=cap).take_while(|&back| class(self.before(at, back))).count()
    }

    /// How many bytes from `at` on satisfy `class`, at most `cap`.
    #[inline]
    pub(crate) fn run(&self, at: usize, cap: usize, class: impl Fn(u8) -> bool) -> usize {
        let tail = self.bytes.get(at..).unwrap_or_default();
        tail.iter().take(cap).take_while(|&&b| class(b)).count()
    }

    /// Whether the bytes at `at` are exactly `literal`.
    pub(crate) fn has(&self, at: usize, literal: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|tail| tail.starts_with(literal))
    }

    /// Whether a number may start at `at`: not inside a word, a decimal or a dashed identifier.
    pub(crate) fn number_may_start(&self, at: usize) -> bool {
        match self.left(at) {
            b'-' => !self.before(at, 2).is_ascii_alphanumeric(),
            left => !(is_word(left) || left == b'.'),
        }
    }

    /// Whether a number may end before `at`. A full stop or a dash is an end when nothing of a number
    /// or a name follows it.
    pub(crate) fn number_may_end(&self, at: usize) -> bool {
        let after = self.at(at + 1);
        match self.at(at) {
            b'-' => !after.is_ascii_alphanumeric(),
            b'.' => !after.is_ascii_digit(),
            next => !is_word(next),
        }
    }
}

/// Letters, digits and underscore of ASCII.
#[inline]
pub(crate) fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The alphabet of base64url.
#[inline]
pub(crate) fn is_base64url(b: u8) -> bool {
    is_word(b) || b == b'-'
}
