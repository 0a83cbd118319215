//! Reads containers' logs through the API server: one task per container that follows it, and goes
//! on where it stopped when a stream ends.

mod api;
mod cursor;
mod lines;
mod pod;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

pub(crate) use api::{Api, ApiError};
use cursor::Cursor;
use lines::Lines;
pub(crate) use lines::Record;
pub(crate) use pod::{Container, Pod};

use crate::report::Report;

/// Shortest and longest pause before a container is read again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Longest pause before a container that has not started is asked for again.
const STARTING: Duration = Duration::from_secs(5);
/// The pause once the process has to end.
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How long a followed stream may be silent once it has to end. The container itself ended before.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Lines of one container, in order.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) container: Rc<str>,
    pub(crate) records: Vec<Record>,
}

/// Follows one container.
pub(crate) struct Follower {
    pub(crate) api: Rc<Api>,
    pub(crate) container: Container,
    pub(crate) out: mpsc::Sender<Piece>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) report: Rc<Report>,
}

/// How far to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// As long as the container writes.
    Follow,
    /// Up to its present end; a line without its newline is complete.
    End,
}

impl Follower {
    /// Reads until the container is over or told to stop, and then to the end.
    pub(crate) async fn run(mut self) {
        let mut cursor = Cursor::default();
        let mut pause = PAUSE.0;
        while !*self.stop.borrow() {
            let before = cursor.clone();
            let outcome = self.read(&mut cursor, Reach::Follow).await;
            let waiting = outcome.as_ref().is_err_and(ApiError::is_waiting);
            if let Err(error) = outcome {
                self.complain(&error);
            }
            if *self.stop.borrow() || !waiting && self.over().await {
                break;
            }
            if cursor != before {
                pause = PAUSE.0;
            }
            self.rest(pause).await;
            pause = (pause * 2).min(if waiting { STARTING } else { PAUSE.1 });
        }
        while let Err(error) = self.read(&mut cursor, Reach::End).await {
            self.complain(&error);
            if error.is_waiting() {
                break;
            }
            self.rest(PAUSE.1).await;
        }
    }

    /// Waits about that long; hardly at all once there is an end to meet.
    async fn rest(&mut self, pause: Duration) {
        if *self.stop.borrow() {
            return sleep(LAST_PAUSE).await;
        }
        tokio::select! {
            () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)) => {}
            // An error means that nobody can stop us any more: the process ends.
            _ = self.stop.changed() => {}
        }
    }

    /// Reads from the cursor on.
    async fn read(&mut self, cursor: &mut Cursor, reach: Reach) -> Result<(), ApiError> {
        let mut stream = self.api.log(&self.container.name, cursor.since(), reach == Reach::Follow).await?;
        let mut lines = Lines::default();
        let mut resume = cursor.resume();
        let container: Rc<str> = self.container.name.as_str().into();
        loop {
            let bytes = if *self.stop.borrow() {
                match timeout(LAST_WORDS, stream.next()).await {
                    Ok(bytes) => bytes?,
                    // What is not in this stream yet is in the reading to the end.
                    Err(_) if reach == Reach::Follow => return Ok(()),
                    Err(_) => stream.next().await?,
                }
            } else {
                tokio::select! {
                    bytes = stream.next() => bytes?,
                    _ = self.stop.changed() => continue,
                }
            };
            let mut records = Vec::new();
            match &bytes {
                Some(bytes) => lines.push(bytes, |record| records.push(record)),
                None if reach == Reach::End => lines.finish(|record| records.push(record)),
                None => {}
            }
            for foreign in lines.take_foreign() {
                self.report.seldom("foreign", &format!("container {container}: the log API says: {foreign}"));
            }
            records.retain(|record| cursor.admit(&mut resume, record));
            if !records.is_empty() {
                let piece = Piece { container: Rc::clone(&container), records };
                if self.out.send(piece).await.is_err() {
                    return Ok(());
                }
            }
            if bytes.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether nothing will ever be written again.
    async fn over(&self) -> bool {
        match self.api.pod().await {
            Ok(pod) => pod.is_over(&self.container.name),
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    fn complain(&self, error: &ApiError) {
        // A container that has not started yet is no fault.
        if !error.is_waiting() {
            self.report.seldom(error.kind(), &format!("container {}: {error}", self.container.name));
        }
    }
}

#[cfg(test)]
mod tests;
