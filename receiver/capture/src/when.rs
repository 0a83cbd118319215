//! Instants as people write them: RFC 3339, a time of day, or so long before
//! the end of the capture.

use std::str::FromStr;

use crate::chunk::Span;
use crate::time::{self, SECOND};

/// An instant that may depend on the capture it is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nanoseconds since 1970.
    At(i64),
    /// Nanoseconds since midnight UTC; its first occurrence after the capture's start.
    TimeOfDay(i64),
    /// So many nanoseconds before the capture's end.
    BeforeEnd(i64),
}

/// Why an instant cannot be read or applied.
#[derive(Debug, thiserror::Error)]
pub enum WhenError {
    /// None of the known forms.
    #[error("invalid time {0:?}: write 2026-01-15T10:32:00Z, 10:32 (UTC) or -30m (before the end of the capture)")]
    Form(String),
    /// Nothing to be relative to.
    #[error("a time like 10:32 or -30m needs a capture directory with lines in it; write 2026-01-15T10:32:00Z")]
    NoRange,
}

const DAY: i64 = 86_400 * SECOND;

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let wrong = || WhenError::Form(text.to_owned());
        if let Some(ns) = time::parse(text.as_bytes()) {
            return Ok(Self::At(ns));
        }
        if let Some(length) = text.strip_prefix('-') {
            return duration(length).map(Self::BeforeEnd).ok_or_else(wrong);
        }
        let padded = format!("1970-01-01T{text}{}", if text.len() == 5 { ":00Z" } else { "Z" });
        match time::parse(padded.as_bytes()) {
            Some(ns) if (0..DAY).contains(&ns) && text.len() >= 5 => Ok(Self::TimeOfDay(ns)),
            _ => Err(wrong()),
        }
    }
}

impl When {
    /// True if the instant depends on the capture.
    #[must_use]
    pub fn is_relative(self) -> bool {
        !matches!(self, Self::At(_))
    }

    /// Nanoseconds since 1970 in a capture whose lines have these times.
    ///
    /// # Errors
    /// If it depends on the capture and that has no times.
    pub fn resolve(self, range: Span) -> Result<i64, WhenError> {
        if self.is_relative() && range.is_empty() {
            return Err(WhenError::NoRange);
        }
        Ok(match self {
            Self::At(ns) => ns,
            Self::BeforeEnd(length) => range.to.saturating_sub(length),
            Self::TimeOfDay(of_day) => {
                let same_day = range.from - range.from.rem_euclid(DAY) + of_day;
                if same_day < range.from - range.from.rem_euclid(60 * SECOND) { same_day + DAY } else { same_day }
            }
        })
    }
}

/// Nanoseconds of `30s`, `5m`, `2h`, `1d`, `1h30m`.
#[must_use]
pub fn duration(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let tail = rest.get(digits..)?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = match tail.get(..letters)? {
            "ms" => SECOND / 1000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            "d" => DAY,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = tail.get(letters..)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> i64 {
        time::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn forms() {
        let range = Span { from: ns("2026-01-15T23:50:30Z"), to: ns("2026-01-16T00:40:00Z") };
        for (text, instant) in [
            ("2026-01-15T10:32:01+01:00", "2026-01-15T09:32:01Z"),
            ("23:55", "2026-01-15T23:55:00Z"),
            ("23:50", "2026-01-15T23:50:00Z"),
            ("00:10:30", "2026-01-16T00:10:30Z"),
            ("23:49", "2026-01-16T23:49:00Z"),
            ("-30m", "2026-01-16T00:10:00Z"),
            ("-1h30m", "2026-01-15T23:10:00Z"),
        ] {
            assert_eq!(text.parse::<When>().unwrap().resolve(range).unwrap(), ns(instant), "{text}");
        }
        for text in ["", "now", "25:00", "10:3", "-", "-5", "-5x", "30m", "2026-01-15"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
        assert!("10:32".parse::<When>().unwrap().resolve(Span::default()).is_err());
    }
}
