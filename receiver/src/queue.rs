//! Between the answering side and the writer: bounded in bytes, first come
//! first served. A batch that the writer has not begun can be taken out again.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logtap_capture::chunk::{Chunk, Span};
use tokio::sync::oneshot;

/// Rendered bytes that one write takes at most (more only if a single batch is larger).
const GROUP_BYTES: usize = 8 << 20;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// In the kernel.
    Written,
    /// Lost, for this reason.
    Dropped(&'static str),
}

/// A batch that waits or is being written.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Lines that were sent; marks are none.
    pub(crate) lines: u64,
    /// Memory held, which is what the queue's limit counts.
    pub(crate) footprint: usize,
    pub(crate) ts: Span,
    /// The sender keeps the lines until it knows that they are kept.
    pub(crate) can_wait: bool,
    slot: Mutex<Option<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    chunks: Vec<Chunk>,
    ack: oneshot::Sender<Outcome>,
}

/// A batch that the writer has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) pending: Arc<Pending>,
    pub(crate) chunks: Vec<Chunk>,
    ack: oneshot::Sender<Outcome>,
}

impl Begun {
    /// Tells the sender, if it still waits.
    pub(crate) fn resolve(self, outcome: Outcome) {
        if self.ack.send(outcome).is_err() {
            tracing::trace!("the sender no longer waits");
        }
    }
}

/// Lines per service of some chunks.
pub(crate) fn services(chunks: &[Chunk]) -> Vec<(String, u64)> {
    let mut services: Vec<(String, u64)> = Vec::new();
    for (service, lines) in chunks.iter().flat_map(Chunk::services) {
        match services.iter_mut().find(|(known, _)| known == service) {
            Some((_, sum)) => *sum += lines,
            None => services.push((service.to_owned(), lines)),
        }
    }
    services
}

#[derive(Debug)]
pub(crate) struct Queue {
    limit: usize,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Pending>>,
    /// Bytes waiting and being written.
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), filled: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes waiting and being written.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Adds a batch, or gives it back if there is no room. One batch always fits.
    pub(crate) fn push(
        &self,
        chunks: Vec<Chunk>,
        can_wait: bool,
    ) -> Result<(Arc<Pending>, oneshot::Receiver<Outcome>), Vec<Chunk>> {
        let footprint = chunks.iter().map(Chunk::footprint).sum();
        let mut state = self.lock();
        if state.closed || (state.bytes > 0 && state.bytes + footprint > self.limit) {
            return Err(chunks);
        }
        let mut ts = Span::default();
        for chunk in &chunks {
            ts.merge(chunk.ts());
        }
        let lines = chunks.iter().map(Chunk::sent_lines).sum();
        let (ack, outcome) = oneshot::channel();
        let pending =
            Arc::new(Pending { lines, footprint, ts, can_wait, slot: Mutex::new(Some(Waiting { chunks, ack })) });
        state.bytes += footprint;
        state.waiting.push_back(pending.clone());
        drop(state);
        self.filled.notify_one();
        Ok((pending, outcome))
    }

    /// Takes a batch out again; `None` if the writer has begun it.
    pub(crate) fn withdraw(&self, pending: &Pending) -> Option<Vec<Chunk>> {
        let waiting = pending.slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let mut state = self.lock();
        state.bytes -= pending.footprint;
        let gone = |pending: &Arc<Pending>| pending.slot.try_lock().is_ok_and(|slot| slot.is_none());
        while state.waiting.front().is_some_and(gone) {
            state.waiting.pop_front();
        }
        Some(waiting.chunks)
    }

    /// Waits for batches and begins as many as one write takes; `None` once the
    /// queue is closed and empty. An empty group means that the time is up.
    pub(crate) fn next_group(&self, wait: Duration) -> Option<Vec<Begun>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.filled.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(pending) = state.waiting.front()
            && (group.is_empty() || bytes + pending.footprint <= GROUP_BYTES)
        {
            let Some(pending) = state.waiting.pop_front() else { break };
            let taken = pending.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(Waiting { chunks, ack }) = taken {
                bytes += pending.footprint;
                group.push(Begun { pending, chunks, ack });
            }
        }
        Some(group)
    }

    /// Frees the room of a group that is done.
    pub(crate) fn release(&self, bytes: usize) {
        self.lock().bytes -= bytes;
    }

    /// No more batches are taken; those that wait are still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}
