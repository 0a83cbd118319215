//! Lines that several captures have. Counted among lines of one time only, which all that are equal have.

use std::collections::HashMap;

use logtap_capture::line;
use sha2::{Digest, Sha256};

/// Lines of the newest time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ts: Option<i64>,
    lines: HashMap<[u8; 32], Times>,
    /// Lines that were left out.
    pub(super) repeated: u64,
}

/// How often a line was kept, and came from each source.
#[derive(Debug, Default)]
struct Times {
    kept: u64,
    from: Vec<(usize, u64)>,
}

impl Seen {
    /// True if the line is one too many: a line k times in one source and m times in another stays max(k, m)
    /// times. When it was received is no part of it.
    pub(super) fn is_repeated(&mut self, ts: i64, source: usize, stored: &[u8]) -> bool {
        if self.ts != Some(ts) {
            self.lines.clear();
            self.ts = Some(ts);
        }
        let times = self.lines.entry(content(stored)).or_default();
        let at = times.from.iter().position(|(one, _)| *one == source).unwrap_or_else(|| {
            times.from.push((source, 0));
            times.from.len() - 1
        });
        times.from[at].1 += 1;
        let repeated = times.from[at].1 <= times.kept;
        if repeated {
            self.repeated += 1;
        } else {
            times.kept += 1;
        }
        repeated
    }
}

fn content(stored: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    match line::split(stored.strip_suffix(b"\n").unwrap_or(stored)) {
        Ok(parts) => {
            for part in [&*parts.labels, &*parts.message, parts.meta.as_deref().unwrap_or_default()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Err(_) => hash.update(stored),
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_often_as_where_it_is_most_often() {
        let mut seen = Seen::default();
        let line = |app: &str| format!("{{\"ts\":\"1970-01-01T00:00:00Z\",\"labels\":{{}},\"msg\":\"{app}\"}}\n");
        let mut kept = 0;
        for (source, text) in [(0, "a"), (0, "a"), (1, "a"), (1, "a"), (1, "a"), (2, "a"), (1, "b")] {
            kept += u64::from(!seen.is_repeated(5, source, line(text).as_bytes()));
        }
        assert_eq!((kept, seen.repeated), (4, 3));
        assert!(!seen.is_repeated(6, 1, line("a").as_bytes()), "another time, another line");
    }
}
