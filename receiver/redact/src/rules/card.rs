//! Payment card numbers.
//!
//! **Matches** numbers that pass the Luhn check (ISO/IEC 7812-1), written either
//! - without separators, with the issuer prefix and length of a brand: Visa 4 (13, 16, 19 digits),
//!   Mastercard 51-55 and 2221-2720 (16), American Express 34, 37 (15), Discover 6011, 644-649, 65
//!   (16-19), JCB 3528-3589 (16-19), Diners Club 300-305, 36, 38 (14), UnionPay 62 (16-19). More than 16
//!   digits need one of [`CARD_WORDS`] within 32 bytes before, as 64-bit identifiers look the same; or
//! - in the groups printed on cards: 4-4-4-4, 4-4-4-4-3, 4-6-5 and 4-6-4, always with the same separator:
//!   space, dash, full stop, `+` or `%20`. The groups of four need only a first digit from 2 to 6 and
//!   Luhn, as other brands use them too; the rest need the prefix.
//!
//! **Excludes** numbers glued to a letter or digit, to a decimal point, or by a dash to digits or to
//! four, eight or twelve hexadecimal digits, as in a UUID. No brand starts with 1, so times since
//! 1970 in milliseconds, microseconds and nanoseconds pass untouched, as do `YYYYMMDDhhmmss` stamps.
//!
//! What remains: a random number of 16 digits is taken for a card about 3 times in 100.

use crate::view::View;

/// Words that announce a card number, in small letters.
pub const CARD_WORDS: [&str; 8] = ["card", "pan", "visa", "credit", "debit", "unionpay", "discover", "jcb"];

/// Longest card number, in digits.
const LONGEST: usize = 19;

/// The digits of a candidate, as values 0 to 9.
struct Digits {
    values: [u8; LONGEST],
    len: usize,
}

impl Digits {
    fn push(&mut self, ascii: &[u8]) -> Option<()> {
        for &b in ascii {
            *self.values.get_mut(self.len)? = b - b'0';
            self.len += 1;
        }
        Some(())
    }

    fn all(&self) -> &[u8] {
        &self.values[..self.len]
    }

    /// The first four digits as a number.
    fn prefix(&self) -> u32 {
        self.values[..4].iter().fold(0, |n, &d| n * 10 + u32::from(d))
    }

    fn luhn(&self) -> bool {
        let sum: u32 = (self.all().iter().rev().enumerate())
            .map(|(i, &d)| {
                let d = u32::from(d) << (i & 1);
                if d > 9 { d - 9 } else { d }
            })
            .sum();
        sum.is_multiple_of(10)
    }

    fn is_issued(&self) -> bool {
        matches!(
            (self.len, self.prefix()),
            (13 | 16 | 19, 4000..=4999)
                | (16, 5100..=5599 | 2221..=2720)
                | (15, 3400..=3499 | 3700..=3799)
                | (16..=19, 6011 | 6440..=6599 | 3528..=3589 | 6200..=6299)
                | (14, 3000..=3059 | 3600..=3699 | 3800..=3899)
        )
    }
}

/// The number that starts at `at`, where four or more digits are.
pub(crate) fn at(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    // Most candidates are times: say no to them first.
    if !(b'2'..=b'6').contains(&view.at(at)) || view.before(at, 1).is_ascii_digit() {
        return None;
    }
    let first = view.run(at, LONGEST + 1, |b| b.is_ascii_digit());
    let end = if first == 4 { grouped(view, at)? } else { bare(view, at, first)? };
    (left_is_free(view, at) && right_is_free(view, end)).then_some((at, end))
}

/// Whether `value` has 13 to 19 digits, in any grouping, that pass the Luhn check.
pub(crate) fn is_luhn(value: &str) -> bool {
    let mut digits = Digits { values: [0; LONGEST], len: 0 };
    let fits = value.bytes().filter(u8::is_ascii_digit).try_for_each(|b| digits.push(&[b]));
    fits.is_some() && digits.len >= 13 && digits.luhn()
}

fn bare(view: &View<'_>, at: usize, len: usize) -> Option<usize> {
    let mut digits = Digits { values: [0; LONGEST], len: 0 };
    digits.push(view.bytes.get(at..at + len)?)?;
    let told = len <= 16 || view.announced(at, &CARD_WORDS);
    (digits.is_issued() && digits.luhn() && told).then_some(at + len)
}

fn grouped(view: &View<'_>, at: usize) -> Option<usize> {
    let mut digits = Digits { values: [0; LONGEST], len: 0 };
    digits.push(&view.bytes[at..at + 4])?;
    let separator: &[u8] = match view.at(at + 4) {
        b' ' => b" ",
        b'-' => b"-",
        b'.' => b".",
        b'+' => b"+",
        b'%' => b"%20",
        _ => return None,
    };
    let mut end = at + 4;
    let mut shape = [4, 0, 0, 0, 0];
    let mut complete = None;
    for group in 1..5 {
        if !view.has(end, separator) {
            break;
        }
        let from = end + separator.len();
        let len = view.run(from, 7, |b| b.is_ascii_digit());
        if len == 0 || digits.push(&view.bytes[from..from + len]).is_none() {
            break;
        }
        end = from + len;
        shape[group] = len;
        let known = match shape {
            [4, 4, 4, 4, 0] => true,
            [4, 4, 4, 4, 3] | [4, 6, 5, 0, 0] | [4, 6, 4, 0, 0] => digits.is_issued(),
            _ => false,
        };
        if known && digits.luhn() && right_is_free(view, end) {
            complete = Some(end);
        }
    }
    complete
}

fn left_is_free(view: &View<'_>, at: usize) -> bool {
    let further = view.before(at, 2);
    match view.left(at) {
        b'-' if further.is_ascii_digit() => false,
        b'-' => {
            let len = view.run_before(at - 1, 13, |b| b.is_ascii_alphanumeric());
            let hex = view.run_before(at - 1, 13, |b| b.is_ascii_hexdigit());
            !(len == hex && matches!(len, 4 | 8 | 12))
        }
        b'.' => further.is_ascii_alphabetic(),
        left => !left.is_ascii_alphanumeric(),
    }
}

fn right_is_free(view: &View<'_>, end: usize) -> bool {
    let further = view.at(end + 1);
    match view.at(end) {
        b'-' if further.is_ascii_digit() => false,
        b'-' => {
            let len = view.run(end + 1, 13, |b| b.is_ascii_alphanumeric());
            let hex = view.run(end + 1, 13, |b| b.is_ascii_hexdigit());
            !(len == hex && matches!(len, 4 | 8 | 12))
        }
        b'.' => !further.is_ascii_digit(),
        next => !next.is_ascii_alphanumeric(),
    }
}
