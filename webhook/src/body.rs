//! Reads a request body within a size, a time, and a number of bytes for all bodies together.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Most bytes of one body. A review holds an object and its predecessor, each at most 1.5 MB in etcd.
pub const MAX_BODY: usize = 8 << 20;
/// Most bytes of all bodies that are read or answered at one time.
const MAX_BODIES: usize = 16 << 20;

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Over [`MAX_BODY`].
    #[error("the body is larger than {} bytes", MAX_BODY)]
    TooLarge,
    /// Not sent in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// Others held all bytes for the whole time.
    #[error("too many bodies are being read; try again")]
    NoRoom,
    /// The connection broke.
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// The bytes that all bodies together may take.
#[derive(Debug)]
pub(crate) struct Bodies(Semaphore);

/// A body that was read; its bytes count until it is dropped.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) bytes: Vec<u8>,
    _room: Option<SemaphorePermit<'a>>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(MAX_BODIES))
    }

    /// Reads a body to its end.
    pub(crate) async fn read<B>(&self, body: B, within: Duration) -> Result<Read<'_>, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::fmt::Display,
    {
        let size = body.size_hint();
        if size.lower() > MAX_BODY as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut read = Read { bytes: Vec::new(), _room: None };
        let mut room: Option<SemaphorePermit<'_>> = None;
        let deadline = Instant::now() + within;
        let mut body = body;
        loop {
            let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
                Err(_) => return Err(BodyError::TooSlow),
                Ok(None) => break,
                Ok(Some(Err(error))) => return Err(BodyError::Broken(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(chunk) = frame.into_data() else { continue };
            if chunk.len() > MAX_BODY - read.bytes.len() {
                return Err(BodyError::TooLarge);
            }
            // A chunk is at most a body, so that its length fits.
            let wanted = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            match tokio::time::timeout_at(deadline, self.0.acquire_many(wanted)).await {
                Ok(Ok(permit)) => match &mut room {
                    Some(room) => room.merge(permit),
                    None => room = Some(permit),
                },
                _ => return Err(BodyError::NoRoom),
            }
            read.bytes.extend_from_slice(&chunk);
        }
        read._room = room;
        Ok(read)
    }
}
