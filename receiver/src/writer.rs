//! The writer thread: takes groups of batches, leaves out what numbered senders
//! sent before, writes each group at once, and only then acknowledges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::chunk::Chunk;
use logtap_capture::sequence::Admission;
use logtap_capture::session::Session;
use logtap_capture::time;
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

/// A piece of what is written.
enum Part<'g> {
    Whole(&'g Chunk),
    Made(Chunk),
}

impl Part<'_> {
    fn chunk(&self) -> &Chunk {
        match self {
            Self::Whole(chunk) => chunk,
            Self::Made(chunk) => chunk,
        }
    }
}

/// What of a group the capture does not have yet, in order, and for each batch the lines that it has.
fn admitted<'g>(writer: &Writer, group: &'g [Begun]) -> (Vec<Part<'g>>, Vec<u64>) {
    let mut admission = Admission::new(writer.sources());
    let (mut parts, mut repeated) = (Vec::new(), Vec::new());
    for begun in group {
        let mut lines = 0;
        for chunk in &begun.chunks {
            if chunk.numbers().is_empty() {
                parts.push(Part::Whole(chunk));
                continue;
            }
            let admitted = admission.admit(chunk);
            let now = time::now();
            parts.extend(admitted.missing.iter().map(|missing| Part::Made(missing.mark(now))));
            parts.push(admitted.rest.map_or(Part::Whole(chunk), Part::Made));
            lines += admitted.repeated;
        }
        repeated.push(lines);
    }
    (parts, repeated)
}

fn write_group(shared: &Shared, writer: &mut Writer, group: Vec<Begun>) {
    let marks = shared.gaps.take();
    if group.is_empty() && marks.is_none() {
        return;
    }
    let (parts, repeated) = admitted(writer, &group);
    let chunks: Vec<&Chunk> = marks.iter().map(|marks| &marks.chunk).chain(parts.iter().map(Part::chunk)).collect();
    let result = writer.append(&chunks);
    let lines: u64 = group.iter().map(|begun| begun.pending.lines).sum();
    let outcome = match &result {
        Ok(()) => {
            let again = repeated.iter().sum();
            let bytes: usize = parts.iter().map(|part| part.chunk().bytes().len()).sum();
            shared.ledger.repeated(again);
            shared.ledger.written(lines - again, bytes as u64);
            shared.ledger.marked(chunks.iter().copied());
            Outcome::Written
        }
        Err(error) => {
            if let Some(marks) = &marks {
                shared.gaps.put_back(marks);
            }
            for (begun, again) in group.iter().zip(&repeated) {
                not_written(shared, begun, *again, error.reason());
            }
            tracing::warn!(lines, "lines dropped: {error}");
            Outcome::Dropped(error.reason())
        }
    };
    drop(parts);
    shared.queue.release(group.iter().map(|begun| begun.pending.footprint).sum());
    for begun in group {
        begun.resolve(outcome);
    }
}

/// A batch that the disk did not take; `again` of its lines are in the capture from before.
fn not_written(shared: &Shared, begun: &Begun, again: u64, reason: &'static str) {
    if begun.pending.can_wait {
        shared.ledger.returned(begun.pending.lines);
        return;
    }
    let by_service = services(&begun.chunks);
    let lines = begun.pending.lines - again;
    shared.ledger.repeated(again);
    shared.gaps.add(reason, lines, begun.pending.ts);
    shared.ledger.dropped(reason, lines, by_service.iter().map(|(name, lines)| (name.as_str(), *lines)));
}
