//! The writer thread: takes groups of batches, writes each group at once, and
//! only then acknowledges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::chunk::Chunk;
use logtap_capture::session::Session;
use logtap_capture::writer::Writer;

use crate::gaps::Gaps;
use crate::ledger::Ledger;
use crate::queue::{Begun, Outcome, Queue, services};

/// How often pending gap marks and figures are brought to disk without traffic.
const TICK: Duration = Duration::from_millis(250);

/// What the writer thread shares with the rest.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) gaps: Arc<Gaps>,
    pub(crate) session: Arc<Session>,
}

/// Runs until the queue is closed and empty; gives the writer back for closing the session.
pub(crate) fn run(shared: &Shared, mut writer: Writer) -> Writer {
    let mut published = Instant::now();
    while let Some(group) = shared.queue.next_group(TICK) {
        write_group(shared, &mut writer, group);
        if published.elapsed() >= TICK {
            published = Instant::now();
            shared.session.publish(&shared.ledger.tally());
        }
    }
    write_group(shared, &mut writer, Vec::new());
    writer
}

fn write_group(shared: &Shared, writer: &mut Writer, group: Vec<Begun>) {
    let marks = shared.gaps.take();
    if group.is_empty() && marks.is_none() {
        return;
    }
    let chunks: Vec<&Chunk> =
        marks.iter().map(|marks| &marks.chunk).chain(group.iter().flat_map(|begun| &begun.chunks)).collect();
    let result = writer.append(&chunks);
    let lines = group.iter().map(|begun| begun.pending.lines).sum();
    let bytes: usize = group.iter().map(|begun| begun.pending.bytes).sum();
    let outcome = match &result {
        Ok(()) => {
            shared.ledger.written(lines, bytes as u64);
            if let Some(marks) = &marks {
                shared.ledger.lock().gap_marks += marks.chunk.lines();
            }
            Outcome::Written
        }
        Err(error) => {
            let reason = error.reason();
            if let Some(marks) = &marks {
                shared.gaps.put_back(marks);
            }
            for begun in &group {
                if begun.pending.can_wait {
                    shared.ledger.returned(begun.pending.lines);
                    continue;
                }
                let by_service = services(&begun.chunks);
                shared.gaps.add(reason, begun.pending.lines, begun.pending.ts);
                shared.ledger.dropped(
                    reason,
                    begun.pending.lines,
                    by_service.iter().map(|(name, lines)| (name.as_str(), *lines)),
                );
            }
            tracing::warn!(lines, "lines dropped: {error}");
            Outcome::Dropped(reason)
        }
    };
    shared.queue.release(group.iter().map(|begun| begun.pending.footprint).sum());
    for begun in group {
        begun.resolve(outcome);
    }
}
