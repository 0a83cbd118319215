//! The forwarder's own log, on standard error: it is a pod's log too, so it stays short. Each kind of
//! message comes at most once a minute.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The shortest time between two messages of one kind.
const QUIET: Duration = Duration::from_secs(60);

/// Says things, and remembers when.
#[derive(Debug, Default)]
pub(crate) struct Report {
    said: RefCell<HashMap<String, Said>>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    kept_back: u64,
}

impl Report {
    /// Says it now.
    pub(crate) fn say(&self, message: &str) {
        // Nobody is left to tell when standard error is gone.
        writeln!(std::io::stderr(), "logtap-forwarder: {message}").unwrap_or_default();
    }

    /// Says it unless a message of this kind came within the last minute; then it is counted.
    pub(crate) fn seldom(&self, kind: &str, message: &str) {
        if let Some(suffix) = self.due(kind, Instant::now()) {
            self.say(&format!("{message}{suffix}"));
        }
    }

    fn due(&self, kind: &str, now: Instant) -> Option<String> {
        let mut all = self.said.borrow_mut();
        let Some(said) = all.get_mut(kind) else {
            all.insert(kind.to_owned(), Said { at: now, kept_back: 0 });
            return Some(String::new());
        };
        if now.duration_since(said.at) < QUIET {
            said.kept_back += 1;
            return None;
        }
        let suffix = match said.kept_back {
            0 => String::new(),
            more => format!(" ({more} times more since the last message)"),
        };
        *said = Said { at: now, kept_back: 0 };
        Some(suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute_with_a_count() {
        let report = Report::default();
        let began = Instant::now();
        let due = |seconds| report.due("push", began + Duration::from_secs(seconds));
        assert_eq!(due(0).as_deref(), Some(""));
        assert_eq!(due(1), None);
        assert_eq!(due(59), None);
        assert_eq!(report.due("read", began).as_deref(), Some(""));
        assert_eq!(due(60).as_deref(), Some(" (2 times more since the last message)"));
        assert_eq!(due(120).as_deref(), Some(""));
    }
}
