//! Where sources hand over what they read, and delivery finds requests: in between the records are
//! numbered, encoded and put into the journal.
//!
//! A source hands over records and then commits the position behind them; only whole commits get into
//! a request. A request is complete when it is full or when its oldest record is a second old.

mod batch;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use batch::Batch;
pub(crate) use batch::{Mark, PIECE, Std, gap_text};

use crate::figures::Figures;
use crate::journal::{Journal, Known, Ready, Share};

/// How long a line may wait for others.
const AGE: Duration = Duration::from_secs(1);

/// The way from the sources to the target.
pub(crate) struct Intake {
    inner: RefCell<Inner>,
    /// A request has begun.
    begun: Notify,
    /// A request is in the journal.
    ready: Notify,
    /// A request is acknowledged.
    room: Notify,
    pub(crate) figures: Rc<Figures>,
}

struct Inner {
    journal: Journal,
    batch: Batch,
    /// Labels of all lines but `container`.
    labels: Vec<(&'static str, String)>,
    over: bool,
}

/// A record as a source hands it over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    /// Nanoseconds since 1970-01-01 UTC.
    pub(crate) ns: i64,
    /// The text, as the container wrote it.
    pub(crate) text: &'a [u8],
    /// Which output of the container, where the source knows.
    pub(crate) std: Option<Std>,
    /// Which piece of a line that is too long for one record.
    pub(crate) piece: Piece,
}

/// A piece of a line; [`Piece::default`] is a whole one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Pieces of the line before this one.
    pub(crate) before: u64,
    /// Whether the line goes on behind it.
    pub(crate) more: bool,
}

impl Intake {
    pub(crate) fn new(journal: Journal, labels: Vec<(&'static str, String)>, figures: Rc<Figures>) -> Self {
        let inner = RefCell::new(Inner { journal, batch: Batch::default(), labels, over: false });
        Self { inner, begun: Notify::new(), ready: Notify::new(), room: Notify::new(), figures }
    }

    /// How far a container was read; empty where it never was.
    pub(crate) fn position(&self, container: &str) -> Vec<u8> {
        self.inner.borrow_mut().known(container).position
    }

    /// Whether the journal has room for more.
    pub(crate) fn has_room(&self) -> bool {
        self.inner.borrow().journal.has_room()
    }

    /// Waits until the journal has room for more.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Hands over a record. [`Self::commit`] has to follow before anything is waited for.
    pub(crate) fn line(&self, container: &str, record: Record<'_>) {
        let mut inner = self.inner.borrow_mut();
        let Inner { journal, batch, .. } = &mut *inner;
        let altered = batch.line(journal.container(container), record);
        self.figures.read.add(1);
        self.figures.altered.add(u64::from(altered));
    }

    /// Hands over a mark. [`Self::commit`] has to follow before anything is waited for.
    pub(crate) fn mark(&self, container: &str, mark: Mark) {
        if matches!(mark, Mark::Gap { .. }) {
            self.figures.gaps.add(1);
        }
        let mut inner = self.inner.borrow_mut();
        let Inner { journal, batch, .. } = &mut *inner;
        batch.mark(journal.container(container), mark);
    }

    /// All that was handed over of this container is what stands before `position`.
    pub(crate) fn commit(&self, container: &str, position: Vec<u8>) {
        let mut inner = self.inner.borrow_mut();
        let Inner { journal, batch, .. } = &mut *inner;
        batch.commit(journal.container(container), position);
        if inner.batch.is_full() {
            inner.seal();
            self.ready.notify_one();
        } else if !inner.batch.is_empty() {
            self.begun.notify_one();
        }
    }

    /// Completes requests in time, for ever.
    pub(crate) async fn aging(&self) {
        loop {
            self.begun.notified().await;
            sleep(AGE).await;
            // One that began later is completed a little early.
            self.flush();
        }
    }

    /// Completes the request that is open.
    pub(crate) fn flush(&self) {
        let mut inner = self.inner.borrow_mut();
        if !inner.batch.is_empty() {
            inner.seal();
            self.ready.notify_one();
        }
    }

    /// No source will hand over anything more.
    pub(crate) fn close(&self) {
        self.flush();
        self.inner.borrow_mut().over = true;
        self.ready.notify_one();
    }

    /// The oldest request that is not acknowledged; `None` when there will be no more.
    pub(crate) async fn next(&self) -> Option<Ready> {
        loop {
            {
                let mut inner = self.inner.borrow_mut();
                if let Some(ready) = inner.journal.next() {
                    return Some(ready);
                }
                if inner.over {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }

    /// The request is acknowledged, or was given up.
    pub(crate) fn acknowledge(&self, done: &Ready) {
        self.inner.borrow_mut().journal.acknowledge(done);
        self.room.notify_waiters();
    }

    /// Records that are not acknowledged, by source.
    pub(crate) fn unsent(&self) -> Vec<Share> {
        self.inner.borrow().journal.unsent()
    }

    /// All of them were declared lost, and the target knows it.
    pub(crate) fn write_off(&self) {
        self.inner.borrow_mut().journal.write_off();
    }

    /// Bytes in the journal that are not acknowledged.
    pub(crate) fn waiting(&self) -> u64 {
        self.inner.borrow().journal.bytes()
    }

    /// Whether the container's last record says that it is over.
    pub(crate) fn has_ended(&self, container: &str) -> bool {
        self.inner.borrow_mut().known(container).ended
    }

    /// The labels of all lines but `container`.
    pub(crate) fn labels(&self) -> Vec<(&'static str, String)> {
        self.inner.borrow().labels.clone()
    }
}

impl Inner {
    fn known(&mut self, container: &str) -> Known {
        self.batch.known(container).unwrap_or(self.journal.container(container)).clone()
    }

    fn seal(&mut self) {
        let sealed = self.batch.seal(&self.labels);
        self.journal.append(sealed.containers, sealed.shares, &sealed.plain);
        self.batch.reuse(sealed.plain);
    }
}

#[cfg(test)]
impl Intake {
    /// The requests that wait, as far as so many; each has to be acknowledged before the next is asked for.
    pub(crate) fn waiting_requests(&self, most: usize) -> impl Iterator<Item = Ready> {
        std::iter::from_fn(|| self.inner.borrow_mut().journal.next()).take(most)
    }
}

#[cfg(test)]
mod tests;
