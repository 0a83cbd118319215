//! Timestamps: units by magnitude, exact decimals, dates, and what is none.

use logtap_push::{Timestamp, TsFix};

#[track_caller]
fn check(text: &str, ns: impl Into<Option<i64>>, fix: impl Into<Option<TsFix>>) {
    let (ns, fix) = (ns.into(), fix.into());
    let original = fix.map(|_| text);
    assert_eq!(Timestamp::parse(text), Timestamp { ns, fix, original });
}

#[test]
fn nanoseconds_are_taken_as_they_come() {
    check("1795342423272123400", 1_795_342_423_272_123_400, None);
    check("999999999999999999", 999_999_999_999_999_999, None);
    check("1795342423272123400.000", 1_795_342_423_272_123_400, None);
    check("+1795342423272123400", 1_795_342_423_272_123_400, None);
    check("01795342423272123400", 1_795_342_423_272_123_400, None);
    check("-1795342423272123400", -1_795_342_423_272_123_400, None);
    check("9223372036854775807", i64::MAX, None);
    check("-9223372036854775808", i64::MIN, None);
    check("0", 0, None);
    check("1.795342423272123400e18", 1_795_342_423_272_123_400, None);
}

#[test]
fn the_magnitude_tells_the_unit() {
    check("1795342423", 1_795_342_423_000_000_000, TsFix::Scaled);
    check("1795342423272", 1_795_342_423_272_000_000, TsFix::Scaled);
    check("1795342423272123", 1_795_342_423_272_123_000, TsFix::Scaled);
    check("1", 1_000_000_000, TsFix::Scaled);
    check("-1.5", -1_500_000_000, TsFix::Scaled);
    check("9999999999", 9_999_999_999_000_000, TsFix::Scaled);
    check("17953424232721000", 1_795_342_423_272_100_000, TsFix::Scaled);
    check("179534242327212.3", 1_795_342_423_272_123_000, TsFix::Scaled);
}

#[test]
fn fractions_keep_every_digit() {
    check("1700000000.123", 1_700_000_000_123_000_000, TsFix::Scaled);
    check("1700000000.123456789", 1_700_000_000_123_456_789, TsFix::Scaled);
    check("1700000000.1234567899", 1_700_000_000_123_456_789, TsFix::Scaled);
    check("17953424232721.234", 1_795_342_423_272_123_400, TsFix::Scaled);
    check("1.7e9", 1_700_000_000_000_000_000, TsFix::Scaled);
    check("1795342423272123400.9", 1_795_342_423_272_123_400, TsFix::Rounded);
    check("0.000000001", 1, TsFix::Scaled);
    check("1e-400", 0, TsFix::Scaled);
}

#[test]
fn dates_are_understood() {
    check("2026-11-22T16:53:43Z", 1_795_366_423_000_000_000, None);
    check("2026-11-22T17:53:43.000000001+01:00", 1_795_366_423_000_000_001, None);
    check("2026-11-22 16:53:43.25Z", 1_795_366_423_250_000_000, None);
    check("2026-11-22T16:53:43.0000000019Z", 1_795_366_423_000_000_001, TsFix::Rounded);
    check("2026-11-22T16:53:43.0000000010Z", 1_795_366_423_000_000_001, None);
    check("2026-11-22T16:53:43", 1_795_366_423_000_000_000, TsFix::AssumedUtc);
    check("1960-01-01T00:00:00Z", -315_619_200_000_000_000, None);
}

#[test]
fn what_is_no_timestamp_is_kept_as_text() {
    for text in ["", "  "] {
        check(text, None, TsFix::Missing);
    }
    for text in [
        "now",
        "12x",
        "1e",
        "e5",
        ".",
        "-",
        "1.2.3",
        "NaN",
        "{\"a\":1}",
        "0x10",
        "18446744073709551615",
        "1e99",
        "1e99999999999",
        "9223372036854775808",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-13-01T00:00:00Z",
        "٣",
    ] {
        check(text, None, TsFix::Unusable);
    }
}
