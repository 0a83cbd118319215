//! Sizes as people write them: `256MB`, `1.5GiB`, `4096`. All units are powers
//! of 1024, whether written with an `i` or not.

/// Why a size cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("invalid size {0:?}: write a number and B, KB, MB, GB or TB, like 256MB")]
pub(crate) struct SizeError(String);

/// Bytes of a size in text.
///
/// # Errors
/// If it is no size or does not fit 64 bits.
pub(crate) fn parse(text: &str) -> Result<u64, SizeError> {
    let wrong = || SizeError(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(wrong()),
    };
    let unit = 1_u64 << (10 * power);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit).ok_or_else(wrong);
    }
    let value: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = value * unit as f64;
    if number.is_empty() || !(0.0..9e18).contains(&bytes) { Err(wrong()) } else { Ok(bytes as u64) }
}

/// A size for people: `1.4 GB`.
pub(crate) fn show(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "KB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or("B");
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("17", 17), ("1GB", 1 << 30), ("256 MiB", 256 << 20), ("1.5k", 1536), ("2tb", 2 << 40)]
        {
            assert_eq!(parse(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "GB", "-1", "1.2.3MB", "1XB", "99999999TB", "1e3"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(show(1023), "1023 B");
        assert_eq!(show(1 << 30), "1.0 GB");
        assert_eq!(show(1_500_000), "1.4 MB");
    }
}
