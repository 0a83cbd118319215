//! Request bodies: capped, within a deadline, under one budget for all that
//! are being read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Permits are units of this many bytes.
const UNIT: usize = 1024;
/// Room taken before the first byte, if so much was announced; the rest as it comes.
const FIRST: usize = 64 * UNIT;
/// A sender that sends nothing for so long is given up.
const IDLE: Duration = Duration::from_secs(10);
/// How long a body waits for room among those being read.
const ROOM_WAIT: Duration = Duration::from_millis(200);

/// The budget for bodies being read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    budget: Arc<Semaphore>,
    cap: usize,
    timeout: Duration,
}

/// A whole body and its share of the budget.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// More bytes than allowed.
    TooLarge,
    /// All others take up the room.
    NoRoom,
    /// Too slow.
    TimedOut,
    /// The connection broke.
    Broken,
}

impl Reading {
    pub(crate) fn new(budget: usize, cap: usize, timeout: Duration) -> Self {
        Self { budget: Arc::new(Semaphore::new(budget.max(cap) / UNIT + 1)), cap, timeout }
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
        let mut share = self.share((hint.lower() as usize).min(FIRST)).await?;
        let mut bytes = Vec::with_capacity((hint.lower() as usize).min(1 << 20));
        let deadline = Instant::now() + self.timeout;
        loop {
            let until = deadline.min(Instant::now() + IDLE);
            let frame = match tokio::time::timeout_at(until, body.frame()).await {
                Err(_) => return Err(BodyError::TimedOut),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(BodyError::Broken),
                Ok(Some(Ok(frame))) => frame,
            };
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > self.cap {
                return Err(BodyError::TooLarge);
            }
            let missing = (bytes.len() + data.len()).saturating_sub(share.num_permits() * UNIT);
            if missing > 0 {
                share.merge(self.share(missing.max(64 * UNIT)).await?);
            }
            bytes.extend_from_slice(data);
        }
        Ok(Whole { bytes, _share: share })
    }

    async fn share(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let permits = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let wait = self.budget.clone().acquire_many_owned(permits);
        match tokio::time::timeout(ROOM_WAIT, wait).await {
            Ok(Ok(share)) => Ok(share),
            _ => Err(BodyError::NoRoom),
        }
    }
}
