//! Times as they are typed and as they are shown.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use logtap_capture::chunk::Span;
use logtap_capture::time::{self, SECOND};

const DAY: i64 = 86_400 * SECOND;

/// Nanoseconds of `90`, `30s`, `5m`, `2h`, `1d`.
fn duration(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => DAY,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// A time as typed: whole, of day (UTC, in the capture's range), or relative to `here`.
#[must_use]
pub fn read(text: &str, range: Span, here: i64) -> Option<i64> {
    if let Some(ns) = time::parse(text.as_bytes()) {
        return Some(ns);
    }
    match text.as_bytes().first()? {
        b'-' => return here.checked_sub(duration(&text[1..])?),
        b'+' => return here.checked_add(duration(&text[1..])?),
        _ => {}
    }
    let padded = format!("1970-01-01T{text}{}", if text.len() == 5 { ":00Z" } else { "Z" });
    let of_day = time::parse(padded.as_bytes()).filter(|ns| (0..DAY).contains(ns) && text.len() >= 5)?;
    if range.is_empty() {
        return None;
    }
    let same_day = range.from - range.from.rem_euclid(DAY) + of_day;
    Some(if same_day < range.from - range.from.rem_euclid(60 * SECOND) { same_day + DAY } else { same_day })
}

/// `10:32:01.123`, of day, in UTC or local time.
#[must_use]
pub fn of_day(ns: i64, utc: bool) -> String {
    shown(ns, utc, "%H:%M:%S%.3f")
}

/// `2026-01-15 10:32:01`, with the name of the zone.
#[must_use]
pub fn whole(ns: i64, utc: bool) -> String {
    shown(ns, utc, "%Y-%m-%d %H:%M:%S %Z")
}

fn shown(ns: i64, utc: bool, format: &str) -> String {
    let zone = if utc { TimeZone::UTC } else { TimeZone::system() };
    Timestamp::from_nanosecond(i128::from(ns))
        .map(|instant| instant.to_zoned(zone).strftime(format).to_string())
        .unwrap_or_default()
}

/// `+3.250s`, `-2m05s`, `+1h02m`: a difference of times in eight columns or so.
#[must_use]
pub fn difference(ns: i64) -> String {
    let (sign, ns) = if ns < 0 { ('-', ns.saturating_neg()) } else { ('+', ns) };
    let seconds = ns / SECOND;
    match seconds {
        0..60 => format!("{sign}{seconds}.{:03}s", ns % SECOND / 1_000_000),
        60..3600 => format!("{sign}{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{sign}{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `4h 02m`, `3m 20s`, `12s`.
#[must_use]
pub fn length(ns: i64) -> String {
    let seconds = SignedDuration::from_nanos(ns.max(0)).as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}
