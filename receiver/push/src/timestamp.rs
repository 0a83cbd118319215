//! Timestamps as senders write them: decimal text in any unit, RFC 3339, or nothing usable.
//!
//! Decimals are read as text, never through floating point, so that no digit is lost.

use crate::report::{Altered, Tally};

/// An instant, with what had to be done to understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// Nanoseconds since 1970-01-01 UTC; none when there is no usable instant.
    pub ns: Option<i64>,
    /// What was done to the sender's value, if anything.
    pub fix: Option<TsFix>,
    /// The sender's text, when `fix` is set and there was any text.
    pub original: Option<&'a str>,
}

/// What was done to a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TsFix {
    /// It was in seconds, milliseconds or microseconds.
    Scaled,
    /// Digits below one nanosecond were cut.
    Rounded,
    /// It had no zone and was taken as UTC.
    AssumedUtc,
    /// There was none.
    Missing,
    /// It cannot be read, or lies outside 1677..2262.
    Unusable,
}

/// Decimal digits kept of a number: more than any 64-bit nanosecond count has, fractions included.
const MAX_DIGITS: usize = 40;

impl<'a> Timestamp<'a> {
    /// An instant taken as it came.
    #[must_use]
    pub fn exact(ns: i64) -> Self {
        Self { ns: Some(ns), fix: None, original: None }
    }

    /// No timestamp at all.
    #[must_use]
    pub fn missing() -> Self {
        Self { ns: None, fix: Some(TsFix::Missing), original: None }
    }

    /// A timestamp that cannot be used.
    #[must_use]
    pub fn unusable(original: &'a str) -> Self {
        Self { ns: None, fix: Some(TsFix::Unusable), original: Some(original) }
    }

    /// Reads decimal text (unit told by magnitude) or RFC 3339.
    ///
    /// Units by count of integer digits: up to 10 seconds, 11 to 13 milliseconds, 16 microseconds,
    /// 18 and 19 nanoseconds. Counts of 14, 15 and 17 have no unit that gives a date after 2001;
    /// they come from pino-loki, which multiplies a fractional millisecond count by the wrong power
    /// of ten, and are brought to 19 digits, which gives the instant that was meant.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if let Some(ns) = nineteen_digits(text.as_bytes()) {
            return Self::exact(ns);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Self { original: Some(text), ..Self::missing() };
        }
        let (ns, fix) = match Decimal::parse(trimmed.as_bytes()) {
            Some(decimal) => decimal.nanoseconds(),
            None => rfc3339(trimmed),
        };
        Self { ns, fix, original: fix.map(|_| text) }
    }

    /// Counts the fix, if there was one.
    pub(crate) fn count(&self, altered: &mut Tally<Altered>) {
        if let Some(fix) = self.fix {
            altered.add(fix.altered(), 1);
        }
    }
}

impl TsFix {
    /// The reason it is counted under.
    #[must_use]
    pub fn altered(self) -> Altered {
        match self {
            Self::Scaled => Altered::TimestampScaled,
            Self::Rounded => Altered::TimestampRounded,
            Self::AssumedUtc => Altered::TimestampZone,
            Self::Missing => Altered::TimestampMissing,
            Self::Unusable => Altered::TimestampUnusable,
        }
    }
}

/// What nearly every sender writes, without the general reading.
fn nineteen_digits(bytes: &[u8]) -> Option<i64> {
    let digits: &[u8; 19] = bytes.try_into().ok()?;
    if digits[0] == b'0' || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    i64::try_from(value).ok()
}

/// A decimal number: `0.DIGITS * 10^point`, without leading zeros.
struct Decimal {
    negative: bool,
    digits: [u8; MAX_DIGITS],
    len: usize,
    point: i64,
    /// Non-zero digits followed that were not kept.
    more: bool,
}

impl Decimal {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (negative, rest) = match bytes.first()? {
            b'-' => (true, &bytes[1..]),
            b'+' => (false, &bytes[1..]),
            _ => (false, bytes),
        };
        let mut number = Self { negative, digits: [0; MAX_DIGITS], len: 0, point: 0, more: false };
        let (mut seen_digit, mut seen_point) = (false, false);
        let mut at = 0;
        while let Some(&byte) = rest.get(at) {
            match byte {
                b'0'..=b'9' => {
                    seen_digit = true;
                    number.push(byte - b'0', seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                b'e' | b'E' if seen_digit => {
                    let exponent = std::str::from_utf8(&rest[at + 1..]).ok()?;
                    let exponent: i32 = exponent.parse().ok()?;
                    number.point += i64::from(exponent);
                    return Some(number);
                }
                _ => return None,
            }
            at += 1;
        }
        seen_digit.then_some(number)
    }

    fn push(&mut self, digit: u8, fraction: bool) {
        if self.len == 0 && digit == 0 {
            self.point -= i64::from(fraction);
            return;
        }
        self.point += i64::from(!fraction);
        if self.len < MAX_DIGITS {
            self.digits[self.len] = digit;
            self.len += 1;
        } else {
            self.more |= digit != 0;
        }
    }

    /// The instant, by the unit that the magnitude tells.
    fn nanoseconds(&self) -> (Option<i64>, Option<TsFix>) {
        if self.len == 0 {
            return (Some(0), None);
        }
        let powers: &[i64] = match self.point {
            ..=10 => &[9, 6],
            11..=13 => &[6],
            14 => &[5, 3],
            15 => &[4, 3],
            16 => &[3],
            17 => &[2, 0],
            18 | 19 => &[0],
            _ => &[],
        };
        for &power in powers {
            if let Some((ns, cut)) = self.shifted(power) {
                let fix = match (power, cut) {
                    (0, false) => None,
                    (0, true) => Some(TsFix::Rounded),
                    _ => Some(TsFix::Scaled),
                };
                return (Some(ns), fix);
            }
        }
        (None, Some(TsFix::Unusable))
    }

    /// The number times `10^power` as an integer, and whether digits were cut.
    fn shifted(&self, power: i64) -> Option<(i64, bool)> {
        let whole = usize::try_from((self.point + power).max(0)).ok()?;
        let mut value: i128 = 0;
        for at in 0..whole {
            let digit = if at < self.len { self.digits[at] } else { 0 };
            value = value * 10 + i128::from(digit);
        }
        let cut = self.more || self.digits[..self.len].iter().skip(whole).any(|&digit| digit != 0);
        let ns = i64::try_from(if self.negative { -value } else { value }).ok()?;
        Some((ns, cut))
    }
}

fn rfc3339(text: &str) -> (Option<i64>, Option<TsFix>) {
    let unusable = (None, Some(TsFix::Unusable));
    let (text, cut) = at_most_nine_fraction_digits(text);
    let (instant, assumed) = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => (instant, false),
        Err(_) => {
            let Ok(civil) = text.parse::<jiff::civil::DateTime>() else {
                return unusable;
            };
            match civil.to_zoned(jiff::tz::TimeZone::UTC) {
                Ok(zoned) => (zoned.timestamp(), true),
                Err(_) => return unusable,
            }
        }
    };
    match i64::try_from(instant.as_nanosecond()) {
        Ok(ns) => {
            let fix = match (assumed, cut) {
                (true, _) => Some(TsFix::AssumedUtc),
                (false, true) => Some(TsFix::Rounded),
                (false, false) => None,
            };
            (Some(ns), fix)
        }
        Err(_) => unusable,
    }
}

/// The text without fraction digits after the ninth, and whether a non-zero digit went with them.
fn at_most_nine_fraction_digits(text: &str) -> (std::borrow::Cow<'_, str>, bool) {
    let Some(point) = text.find('.') else {
        return (text.into(), false);
    };
    let digits = text[point + 1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits <= 9 {
        return (text.into(), false);
    }
    let (keep, end) = (point + 10, point + 1 + digits);
    let cut = text[keep..end].bytes().any(|digit| digit != b'0');
    (format!("{}{}", &text[..keep], &text[end..]).into(), cut)
}
