//! One live line on the terminal, drawn from published figures: it can fall
//! behind or fail without anyone noticing.

use std::io::Write;
use std::time::{Duration, Instant};

use logtap_receiver::Snapshot;

use crate::size;

const PERIOD: Duration = Duration::from_millis(500);

/// Draws until the task is aborted.
pub(super) async fn show(figures: impl Fn() -> Snapshot) {
    let (mut last, mut lines) = (Instant::now(), 0);
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = figures();
        let rate = (now.counts.written - lines) as f64 / last.elapsed().as_secs_f64();
        (last, lines) = (Instant::now(), now.counts.written);
        let text = line(&now, rate);
        if write!(std::io::stderr(), "\r\x1b[2K{text}").is_err() {
            return;
        }
    }
}

/// Makes room for what is said next.
pub(super) fn clear() {
    drop(write!(std::io::stderr(), "\r\x1b[2K"));
}

fn line(now: &Snapshot, rate: f64) -> String {
    let counts = &now.counts;
    let mut text = format!(
        "{} lines  {rate:.0}/s  disk {} of {}  dropped {}  connections {}",
        counts.written,
        size::show(now.usage.used),
        size::show(now.usage.cap),
        counts.dropped_total(),
        counts.connections,
    );
    if counts.rejected_total() > 0 {
        text.push_str(&format!("  rejected {}", counts.rejected_total()));
    }
    if now.usage.evictions > 0 {
        text.push_str(&format!("  evicted {} lines", now.usage.evicted_lines));
    }
    text
}
