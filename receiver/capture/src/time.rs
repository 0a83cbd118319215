//! Timestamps as the capture stores them: RFC 3339 in UTC with nine digits of
//! nanoseconds, held in memory as nanoseconds since 1970 in an `i64`
//! (1677-09-21 to 2262-04-11).
//!
//! Written by hand because one is formatted and one is parsed per log line.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds in one second.
pub const SECOND: i64 = 1_000_000_000;

/// Bytes of a formatted timestamp, `2026-01-15T10:32:01.123456789Z`.
pub const WIDTH: usize = 30;

/// `000` to `999`.
static THREE_DIGITS: [[u8; 3]; 1000] = {
    let mut all = [[b'0'; 3]; 1000];
    let mut n = 0;
    while n < 1000 {
        all[n] = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    all
};

/// Nanoseconds since 1970 on this machine's clock, saturating at the range of `i64`.
#[must_use]
pub fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}

/// Formats timestamps and remembers the last second, since neighbouring lines share it.
#[derive(Debug)]
pub struct Formatter {
    second: i64,
    text: [u8; WIDTH],
}

impl Default for Formatter {
    fn default() -> Self {
        let mut text = [b'0'; WIDTH];
        write_second(&mut text, 0);
        Self { second: 0, text }
    }
}

impl Formatter {
    /// The timestamp as text, valid until the next call.
    pub fn format(&mut self, ns: i64) -> &[u8; WIDTH] {
        let second = ns.div_euclid(SECOND);
        if second != self.second {
            write_second(&mut self.text, second);
            self.second = second;
        }
        let nanos = ns.rem_euclid(SECOND) as u32;
        self.text[20..23].copy_from_slice(&THREE_DIGITS[(nanos / 1_000_000) as usize]);
        self.text[23..26].copy_from_slice(&THREE_DIGITS[(nanos / 1000 % 1000) as usize]);
        self.text[26..29].copy_from_slice(&THREE_DIGITS[(nanos % 1000) as usize]);
        &self.text
    }
}

/// One timestamp as text, for places that format few.
#[must_use]
pub fn format(ns: i64) -> String {
    let mut formatter = Formatter::default();
    String::from_utf8_lossy(formatter.format(ns)).into_owned()
}

/// Compact second for file names: `2026-01-15T103201`.
#[must_use]
pub fn format_compact(ns: i64) -> String {
    let text = format(ns);
    let mut compact = text[..19].to_owned();
    compact.retain(|c| c != ':');
    compact
}

/// Reads RFC 3339 with any fraction and any offset; a missing offset means UTC.
///
/// Digits after the ninth of a fraction are cut. `None` for anything else,
/// for dates that do not exist and for instants outside the `i64` range.
#[must_use]
pub fn parse(text: &[u8]) -> Option<i64> {
    if text.len() < 19 || !matches!(text[10], b'T' | b't' | b' ') {
        return None;
    }
    if text[4] != b'-' || text[7] != b'-' || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let year = digits(&text[0..4])?;
    let month = digits(&text[5..7])?;
    let day = digits(&text[8..10])?;
    let (hour, minute) = (digits(&text[11..13])?, digits(&text[14..16])?);
    let second = digits(&text[17..19])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, rest) = fraction(&text[19..])?;
    let offset = offset_seconds(rest)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let total = i128::from(seconds - offset) * i128::from(SECOND) + i128::from(nanos);
    i64::try_from(total).ok()
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Some((0, text));
    }
    let length = text[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let kept = length.min(9);
    let value = digits(&text[1..=kept])? * 10i64.pow(9 - kept as u32);
    Some((value, &text[1 + length..]))
}

fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = match rest {
                [_, _, b':', _, _] => (digits(&rest[..2])?, digits(&rest[3..])?),
                [_, _, _, _] => (digits(&rest[..2])?, digits(&rest[2..])?),
                [_, _] => (digits(rest)?, 0),
                _ => return None,
            };
            let seconds = hours * 3600 + minutes * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn write_second(text: &mut [u8; WIDTH], second: i64) {
    let (year, month, day) = civil_from_days(second.div_euclid(86_400));
    let of_day = second.rem_euclid(86_400);
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], of_day / 3600);
    put(&mut text[14..16], of_day / 60 % 60);
    put(&mut text[17..19], of_day % 60);
    for (place, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (29, b'Z')] {
        text[place] = mark;
    }
}

fn put(target: &mut [u8], mut value: i64) {
    for byte in target.iter_mut().rev() {
        *byte = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a Gregorian date (years start in March so that the leap day is last).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(format(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(format(i64::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(parse(b"2025-12-31T19:00:00.000000243-05:00"), parse(b"2026-01-01T00:00:00.000000243Z"));
        assert_eq!(parse(b"1970-01-01 00:00:01,5"), Some(1_500_000_000));
        assert_eq!(parse(b"2024-02-29T00:00:00Z").map(format).as_deref(), Some("2024-02-29T00:00:00.000000000Z"));
    }

    #[test]
    fn what_is_no_timestamp() {
        for text in [
            "",
            "2026",
            "0001-01-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip_agrees_with_jiff(ns in any::<i64>()) {
            let text = format(ns);
            prop_assert_eq!(parse(text.as_bytes()), Some(ns));
            let other: jiff::Timestamp = text.parse().unwrap();
            prop_assert_eq!(other.as_nanosecond(), i128::from(ns));
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..48)) {
            if let Some(ns) = parse(&text) {
                prop_assert!(text.len() >= 19, "{ns}");
            }
        }

        #[test]
        fn formatter_is_stateless_to_the_eye(values in proptest::collection::vec(any::<i64>(), 1..20)) {
            let mut formatter = Formatter::default();
            for ns in values {
                let alone = format(ns);
                prop_assert_eq!(&formatter.format(ns)[..], alone.as_bytes());
            }
        }
    }
}
