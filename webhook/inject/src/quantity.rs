//! Resource quantities: the part of Kubernetes' notation that CPU, memory and sizes use.

use std::fmt;

/// A quantity larger than zero, kept as it was written.
///
/// Equality is of the text; compare amounts with [`Quantity::nano`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    nano: i128,
}

const NANO: i128 = 1_000_000_000;
const MEBI: i128 = 1 << 20;
/// Quantities end here in Kubernetes too, which takes all beyond for this one: it is none of ours.
const MAX: i128 = (i64::MAX as i128) * NANO;

/// Suffixes and what they multiply by, in nano.
const SUFFIXES: [(&str, i128); 16] = [
    ("Ki", NANO << 10),
    ("Mi", NANO << 20),
    ("Gi", NANO << 30),
    ("Ti", NANO << 40),
    ("Pi", NANO << 50),
    ("Ei", NANO << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", NANO * 1_000),
    ("M", NANO * 1_000_000),
    ("G", NANO * 1_000_000_000),
    ("T", NANO * 1_000_000_000_000),
    ("P", NANO * 1_000_000_000_000_000),
    ("E", NANO * 1_000_000_000_000_000_000),
    ("", NANO),
];

/// What [`Quantity::parse`] reads, as a regular expression; range aside.
pub(crate) const PATTERN: &str =
    r"^\+?([0-9]{1,20}(\.[0-9]{0,9})?|\.[0-9]{1,9})([KMGTPE]i|[numkMGTPE]|[eE](\+?0*[0-9]{1,2}|-0*[0-9]))?$";

impl Quantity {
    /// Reads decimal digits with an optional fraction and one suffix (`Ki`…`Ei`, `n`…`E`) or exponent (`1e3`).
    ///
    /// `None` for anything else, for zero and below, and from 2⁶³-1 on.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let nano = nano(text)?;
        (nano > 0 && nano < MAX).then(|| Self { text: text.to_owned(), nano })
    }

    /// `milli` thousandths of a CPU.
    #[must_use]
    pub fn milli(milli: u32) -> Self {
        Self { text: format!("{milli}m"), nano: i128::from(milli) * 1_000_000 }
    }

    /// `mebi` times 2²⁰ bytes.
    #[must_use]
    pub fn mebi(mebi: u32) -> Self {
        Self { text: format!("{mebi}Mi"), nano: i128::from(mebi) * MEBI * NANO }
    }

    /// That many bytes, spelt as the API server spells them: with the largest binary suffix that
    /// leaves a whole number, or else the largest decimal one.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        let mut suffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
        let mut step = 1024;
        if !bytes.is_multiple_of(step) {
            suffixes = ["k", "M", "G", "T", "P", "E"].into_iter();
            step = 1000;
        }
        let (mut number, mut suffix) = (bytes, "");
        while number > 0 && number.is_multiple_of(step) {
            let Some(next) = suffixes.next() else { break };
            (number, suffix) = (number / step, next);
        }
        Self { text: format!("{number}{suffix}"), nano: i128::from(bytes) * NANO }
    }

    /// The amount in billionths.
    #[must_use]
    pub fn nano(&self) -> i128 {
        self.nano
    }

    /// The amount in whole units, rounded up: bytes, where it is a size.
    #[must_use]
    pub fn whole(&self) -> u64 {
        u64::try_from((self.nano + NANO - 1) / NANO).unwrap_or(u64::MAX)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn nano(text: &str) -> Option<i128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (digits, fraction) = number.split_once('.').unwrap_or((number, ""));
    if digits.len() + fraction.len() == 0 || digits.len() > 20 || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let unit = unit(suffix)?;
    let digits: i128 = format!("0{digits}").parse().ok()?;
    let part: i128 = format!("{fraction:0<9}").parse().ok()?;
    let part = part.checked_mul(unit)? / NANO;
    digits.checked_mul(unit)?.checked_add(part)
}

fn unit(suffix: &str) -> Option<i128> {
    if let Some((_, unit)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some(*unit);
    }
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    match u32::try_from(power) {
        Ok(power) => 10_i128.checked_pow(power)?.checked_mul(NANO),
        Err(_) => 10_i128.checked_pow(power.unsigned_abs()).map(|divisor| NANO / divisor),
    }
}
