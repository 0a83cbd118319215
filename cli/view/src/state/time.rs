//! Times as they are typed and as they are shown.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use logtap_capture::chunk::Span;
use logtap_capture::time::SECOND;
use logtap_capture::when::{When, duration};

/// A time as typed: as on the command line, or relative to `here`: `-5m`, `+30s`, `+5` seconds.
#[must_use]
pub fn read(text: &str, range: Span, here: i64) -> Option<i64> {
    let length = |text: &str| {
        let seconds = || text.parse::<u32>().ok().map(|seconds| i64::from(seconds) * SECOND);
        duration(text).or_else(seconds)
    };
    match text.as_bytes().first()? {
        b'-' => here.checked_sub(length(&text[1..])?),
        b'+' => here.checked_add(length(&text[1..])?),
        _ => text.parse::<When>().ok()?.resolve(range).ok(),
    }
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
