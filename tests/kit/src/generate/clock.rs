//! Time as text, rendered once per second and reused: every log format starts with it.

use super::values::{number, padded};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment and its usual spellings, all in UTC.
#[derive(Debug, Clone)]
pub struct Clock {
    second: i64,
    nanos: u32,
    /// `2026-11-20T10:00:00`
    text: String,
    /// `20/Nov/2026:10:00:00 +0000`
    common: String,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock at 1970-01-01.
    #[must_use]
    pub fn new() -> Self {
        let mut clock = Self { second: 1, nanos: 0, text: String::new(), common: String::new() };
        clock.set(0);
        clock
    }

    /// Sets the moment, in nanoseconds since 1970-01-01 UTC.
    pub fn set(&mut self, ns: i64) {
        const SECOND: i64 = 1_000_000_000;
        self.nanos = ns.rem_euclid(SECOND) as u32;
        let second = ns.div_euclid(SECOND);
        if second != self.second {
            self.second = second;
            self.render();
        }
    }

    fn render(&mut self) {
        let (year, month, day) = civil(self.second.div_euclid(86_400));
        let of_day = self.second.rem_euclid(86_400) as u64;
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        let name = MONTHS[month as usize - 1];
        self.text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        self.common = format!("{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000");
    }

    /// Appends `2026-11-20T10:00:00.123456789Z`.
    pub fn nanos(&self, out: &mut String) {
        out.push_str(&self.text);
        out.push('.');
        padded(self.nanos.into(), 9, out);
        out.push('Z');
    }

    /// Appends `2026-11-20T10:00:00.123Z`.
    pub fn millis(&self, out: &mut String) {
        out.push_str(&self.text);
        out.push('.');
        padded((self.nanos / 1_000_000).into(), 3, out);
        out.push('Z');
    }

    /// Appends `2026-11-20 10:00:00,123`, as Java and Python write it.
    pub fn comma(&self, out: &mut String) {
        out.push_str(&self.text[..10]);
        out.push(' ');
        out.push_str(&self.text[11..]);
        out.push(',');
        padded((self.nanos / 1_000_000).into(), 3, out);
    }

    /// Appends `20/Nov/2026:10:00:00 +0000`, as web servers write it.
    pub fn common(&self, out: &mut String) {
        out.push_str(&self.common);
    }

    /// Appends `1120 10:00:00.123456`, as klog writes it.
    pub fn klog(&self, out: &mut String) {
        out.push_str(&self.text[5..7]);
        out.push_str(&self.text[8..10]);
        out.push(' ');
        out.push_str(&self.text[11..]);
        out.push('.');
        padded((self.nanos / 1_000).into(), 6, out);
    }

    /// Appends milliseconds since 1970-01-01.
    pub fn epoch_millis(&self, out: &mut String) {
        let seconds = u64::try_from(self.second).unwrap_or(0);
        number(seconds * 1_000 + u64::from(self.nanos / 1_000_000), out);
    }
}

/// Year, month and day of a day number counted from 1970-01-01 (Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
