//! One request at a time over one connection that is kept; again and again until there is an answer
//! that settles it.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Target;
use crate::figures::Figures;
use crate::http::{Connection, HttpError};
use crate::identity::Identity;
use crate::report::Report;

/// Shortest and longest pause before a request is sent again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// The pause once the process has to end.
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How long a request may go on without an answer once the process has to end, unless it began after
/// that on a new connection: an old one may be dead, which only a new one can tell in time.
const LAST_ANSWER: Duration = Duration::from_secs(1);
/// Longest pause that a target can ask for.
const MAX_ASKED: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// Longest wait for the rest of an answer whose status is known.
const REST: Duration = Duration::from_secs(5);
/// Most characters of an answer that are said.
const SAID: usize = 120;

/// How a request ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Taken,
    /// Too large; smaller ones may be taken.
    TooLarge,
    /// The target will never take it.
    Refused(u16),
}

/// What a status asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Settled(Outcome),
    Again,
}

/// An answer.
struct Answer {
    status: u16,
    /// How long the target asks to wait.
    wait: Option<Duration>,
    /// The beginning of its text.
    text: String,
}

/// The client.
pub(crate) struct Pusher {
    target: Target,
    identity: Identity,
    stopped: watch::Receiver<bool>,
    report: Rc<Report>,
    figures: Rc<Figures>,
    connection: Option<Connection>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("takes them"),
            Self::TooLarge => f.write_str("answers 413 to a single line"),
            Self::Refused(status) => write!(f, "answers {status}"),
        }
    }
}

impl Pusher {
    pub(crate) fn new(
        target: Target,
        identity: Identity,
        stopped: watch::Receiver<bool>,
        report: Rc<Report>,
        figures: Rc<Figures>,
    ) -> Self {
        Self { target, identity, stopped, report, figures, connection: None }
    }

    /// Posts a body until its fate is settled.
    pub(super) async fn push(&mut self, body: Bytes) -> Outcome {
        let mut pause = PAUSE.0;
        loop {
            let mut asked = None;
            match self.once(body.clone()).await {
                Ok(answer) => match next(answer.status) {
                    Next::Settled(outcome) => {
                        if outcome != Outcome::Taken {
                            self.complain("refusal", &format!("answers {}{}", answer.status, answer.text));
                        }
                        return outcome;
                    }
                    Next::Again => {
                        asked = answer.wait;
                        self.complain("status", &format!("answers {}{}; trying again", answer.status, answer.text));
                    }
                },
                Err(error) => {
                    self.connection = None;
                    self.complain("http", &format!("cannot be reached: {error}; trying again"));
                }
            }
            self.figures.retries.add(1);
            let stopping = *self.stopped.borrow();
            let wait = pause.max(asked.unwrap_or_default()).mul_f64(0.5 + fastrand::f64());
            let wait = if stopping { LAST_PAUSE } else { wait };
            tokio::select! {
                () = sleep(wait) => {}
                // The last chance comes soon, or never.
                _ = self.stopped.wait_for(|stopped| *stopped), if !stopping => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Posts a body once; whether it was taken.
    pub(super) async fn try_once(&mut self, body: Bytes) -> bool {
        self.once(body).await.is_ok_and(|answer| next(answer.status) == Next::Settled(Outcome::Taken))
    }

    async fn once(&mut self, body: Bytes) -> Result<Answer, HttpError> {
        // The target may have closed it meanwhile, which is no fault.
        let kept = self.connection.take().filter(Connection::is_open);
        let is_last = kept.is_none() && *self.stopped.borrow();
        let stopped = self.stopped.clone();
        tokio::select! {
            answer = self.exchange(kept, body) => answer,
            () = too_late(stopped), if !is_last => Err(HttpError::Timeout(LAST_ANSWER)),
        }
    }

    async fn exchange(&mut self, kept: Option<Connection>, body: Bytes) -> Result<Answer, HttpError> {
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.target.server.connect().await?,
        };
        let mut request = Request::post(&self.target.path)
            .header(HOST, self.target.server.authority())
            .header(USER_AGENT, concat!("logtap-forwarder/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(logtap_push::CAN_WAIT, "1");
        if self.target.is_private()
            && let Ok(token) = self.identity.receiver_token()
        {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(std::io::Error::other)?;
        let answer = connection.send(request).await?;
        let status = answer.status().as_u16();
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wait = wait.map(|seconds| Duration::from_secs(seconds).min(MAX_ASKED));
        // The connection can be used again once the answer was read to its end.
        let mut text = String::new();
        if let Ok(Ok(body)) = timeout(REST, Limited::new(answer.into_body(), MAX_ANSWER).collect()).await {
            self.connection = Some(connection);
            text = said(&body.to_bytes());
        }
        Ok(Answer { status, wait, text })
    }

    fn complain(&self, kind: &'static str, what: &str) {
        self.report.seldom(&format!("push {kind}"), &format!("the target {} {what}", self.target));
    }
}

/// Waits until an answer comes too late for another try.
async fn too_late(mut stopped: watch::Receiver<bool>) {
    // What is waited for is a lock, which must not be held while others may ask to stop, too.
    let stops = stopped.wait_for(|stopped| *stopped).await.is_ok();
    if stops {
        sleep(LAST_ANSWER).await;
    } else {
        std::future::pending().await
    }
}

/// The beginning of an answer's first line, as it can stand in a log.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default().trim();
    let line: String = line.chars().filter(|char| !char.is_control()).take(SAID).collect();
    if line.is_empty() { line } else { format!(" ({line})") }
}

fn next(status: u16) -> Next {
    match status {
        200..=299 => Next::Settled(Outcome::Taken),
        413 => Next::Settled(Outcome::TooLarge),
        400 | 422 => Next::Settled(Outcome::Refused(status)),
        _ => Next::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_never_succeed_is_given_up() {
        for status in [200, 204] {
            assert_eq!(next(status), Next::Settled(Outcome::Taken));
        }
        for status in [401, 403, 404, 408, 429, 500, 503, 302] {
            assert_eq!(next(status), Next::Again);
        }
        assert_eq!(next(413), Next::Settled(Outcome::TooLarge));
        assert_eq!(next(400), Next::Settled(Outcome::Refused(400)));
        assert_eq!(next(422), Next::Settled(Outcome::Refused(422)));
    }
}
