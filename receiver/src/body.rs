//! Request bodies: capped, within a deadline, under one budget for all that
//! are being read.
//!
//! Room is held by what has come, so senders that send much and then stall, or
//! trickle, could hold all of it for as long as a body may take. Therefore a
//! body keeps its room only while it comes on: when another body finds no
//! room, the one that holds most among those that brought no [`STEP`] within
//! [`SLOW`] is given up and its sender told to try again. As long as there is
//! room, slow senders are waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Permits are units of this many bytes.
const UNIT: usize = 1024;
/// Room is taken in steps of this size; before the first byte, if so much was announced.
const STEP: usize = 64 * UNIT;
/// A body that brings no further step in this time has to give way.
const SLOW: Duration = Duration::from_millis(100);
/// How often a body that waits for room looks for one that has to give way.
const LOOK: Duration = Duration::from_millis(10);
/// Shortest time between two looks, whoever looks.
const PAUSE: Duration = Duration::from_millis(1);
/// A sender that sends nothing for so long is given up.
const IDLE: Duration = Duration::from_secs(10);
/// Longest that a body waits for room among those being read.
const ROOM_WAIT: Duration = Duration::from_millis(200);

/// The budget for bodies being read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    budget: Arc<Semaphore>,
    open: Arc<Mutex<Open>>,
    cap: usize,
    timeout: Duration,
    room_wait: Duration,
}

/// The bodies being read.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    looked: Option<Instant>,
    bodies: HashMap<u64, Progress, foldhash::fast::RandomState>,
}

#[derive(Debug)]
struct Progress {
    room: usize,
    /// When the last step was complete.
    moved: Instant,
    give_up: Arc<Notify>,
}

/// A body's entry among those being read.
struct Place<'r> {
    reading: &'r Reading,
    id: u64,
    give_up: Arc<Notify>,
}

/// A whole body and its share of the budget.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    /// Time spent in waiting for room, which the sender did not cause.
    pub(crate) waited: Duration,
    _share: OwnedSemaphorePermit,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// More bytes than allowed.
    TooLarge,
    /// All others take up the room, or this one had to give way.
    NoRoom,
    /// Too slow.
    TimedOut,
    /// The connection broke.
    Broken,
}

impl Reading {
    /// `ack` is how long a sender waits for its answer: waiting for room takes part of that.
    pub(crate) fn new(budget: usize, cap: usize, timeout: Duration, ack: Duration) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(budget.max(cap) / UNIT + 1)),
            open: Arc::default(),
            cap,
            timeout,
            room_wait: ROOM_WAIT.min(ack * 4 / 5),
        }
    }

    pub(crate) fn cap(&self) -> usize {
        self.cap
    }

    pub(crate) async fn read(&self, mut body: Body) -> Result<Whole, BodyError> {
        let hint = body.size_hint();
        if hint.lower() > self.cap as u64 {
            return Err(BodyError::TooLarge);
        }
        // Room is taken for what has come, not for what was announced: silent senders must not shut others out.
        let mut waited = Duration::ZERO;
        let mut share = self.share((hint.lower() as usize).min(STEP), &mut waited).await?;
        let place = self.enter(share.num_permits() * UNIT);
        let mut bytes = Vec::with_capacity((hint.lower() as usize).min(1 << 20));
        let deadline = Instant::now() + self.timeout;
        loop {
            let until = deadline.min(Instant::now() + IDLE);
            let frame = tokio::select! {
                biased;
                () = place.give_up.notified() => return Err(BodyError::NoRoom),
                frame = timeout_at(until, body.frame()) => frame,
            };
            let frame = match frame {
                Err(_) => return Err(BodyError::TimedOut),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(BodyError::Broken),
                Ok(Some(Ok(frame))) => frame,
            };
            let Some(data) = frame.data_ref() else { continue };
            let after = bytes.len() + data.len();
            if after > self.cap {
                return Err(BodyError::TooLarge);
            }
            let missing = after.saturating_sub(share.num_permits() * UNIT);
            if missing > 0 {
                share.merge(self.share(missing.max(STEP), &mut waited).await?);
            }
            let moved = after / STEP > bytes.len() / STEP;
            if missing > 0 || moved {
                place.update(share.num_permits() * UNIT, moved);
            }
            bytes.extend_from_slice(data);
        }
        drop(place);
        Ok(Whole { bytes, waited, _share: share })
    }

    async fn share(&self, bytes: usize, waited: &mut Duration) -> Result<OwnedSemaphorePermit, BodyError> {
        let permits = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        if let Ok(share) = self.budget.clone().try_acquire_many_owned(permits) {
            return Ok(share);
        }
        let begun = Instant::now();
        let until = begun + self.room_wait.saturating_sub(*waited);
        let wait = self.budget.clone().acquire_many_owned(permits);
        tokio::pin!(wait);
        let share = loop {
            self.give_up_slowest();
            match timeout_at(until.min(Instant::now() + LOOK), &mut wait).await {
                Ok(share) => break share.map_err(|_| BodyError::NoRoom),
                Err(_) if Instant::now() < until => {}
                Err(_) => break Err(BodyError::NoRoom),
            }
        };
        *waited += begun.elapsed();
        share
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, room: usize) -> Place<'_> {
        let give_up = Arc::new(Notify::new());
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        open.bodies.insert(id, Progress { room, moved: Instant::now(), give_up: give_up.clone() });
        Place { reading: self, id, give_up }
    }

    fn give_up_slowest(&self) {
        let mut open = self.lock();
        // Thousands that wait must not look through thousands that are read all the time.
        if open.looked.is_some_and(|looked| looked.elapsed() < PAUSE) {
            return;
        }
        open.looked = Some(Instant::now());
        let slow = open.bodies.iter().filter(|(_, body)| body.room > 0 && body.moved.elapsed() >= SLOW);
        let most = slow.max_by_key(|(_, body)| body.room).map(|(id, _)| *id);
        if let Some(body) = most.and_then(|id| open.bodies.remove(&id)) {
            body.give_up.notify_one();
        }
    }
}

impl Place<'_> {
    fn update(&self, room: usize, moved: bool) {
        if let Some(body) = self.reading.lock().bodies.get_mut(&self.id) {
            body.room = room;
            if moved {
                body.moved = Instant::now();
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.reading.lock().bodies.remove(&self.id);
    }
}
