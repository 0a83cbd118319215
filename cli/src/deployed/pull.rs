//! Brings the lines of a receiver in the cluster to this machine, whatever happens in between: a
//! connection that breaks, a laptop that slept, a container or a pod that was replaced.

use std::time::Duration;

use http::Method;
use logtap_inject::vocabulary::port;
use logtap_receiver::stream::{CLOSE_PATH, CONTENT_TYPE, Frames, STATE_PATH, STREAM_PATH, State};
use serde_json::Value;

use super::find::Receiver;
use super::local::Local;
use crate::cluster::resource::text;
use crate::cluster::{Cluster, ClusterError, Heard, Signals, Tunnel};
use crate::error::{CliError, Kind};
use crate::output::Ui;

/// A stream that says nothing for so long is dead: signs of life come every second.
const SILENCE: Duration = Duration::from_secs(10);
/// First and longest pause before another try.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Tries of a download in a row that came to nothing.
const TRIES: u32 = 12;

/// What is to be brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Everything that comes; once the person asks to end, the receiver takes no more and the rest is brought.
    UntilTold,
    /// Everything that comes, until the person asks to end; the receiver goes on.
    Follow,
    /// What it has now.
    WhatIsThere,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// The goal is reached.
    All,
    /// The person did not want to wait. So many lines are known to be left there.
    Left(u64),
    /// The receiver was removed. So many lines went with it.
    Gone(u64),
}

/// A pull and what it knows.
pub(crate) struct Pull<'p> {
    pub(crate) cluster: &'p Cluster,
    pub(crate) receiver: &'p Receiver,
    pub(crate) local: &'p mut Local,
    pub(crate) signals: &'p mut Signals,
    pub(crate) ui: &'p Ui,
    goal: Goal,
    /// The capture that is being followed and the lines that it had when it was last heard of.
    following: Option<(String, u64)>,
    /// Lines up to here are wanted, where only what is there is.
    wanted: Option<u64>,
    told: bool,
    closed: bool,
}

/// How one connection ended.
enum Connection {
    Over(Pulled),
    Broken,
    /// The person asked to end: another one is made at once.
    Again,
}

impl<'p> Pull<'p> {
    pub(crate) fn new(
        cluster: &'p Cluster,
        receiver: &'p Receiver,
        local: &'p mut Local,
        signals: &'p mut Signals,
        ui: &'p Ui,
        goal: Goal,
    ) -> Self {
        let (following, wanted) = (None, None);
        Self { cluster, receiver, local, signals, ui, goal, following, wanted, told: false, closed: false }
    }

    /// Brings lines until the goal is reached. `told` is called when the person asks to end, once.
    ///
    /// # Errors
    /// If lines cannot be written here, the person may not read there, or a download comes to nothing.
    pub(crate) fn run(mut self, mut told: impl FnMut(&Cluster)) -> Result<Pulled, CliError> {
        let (mut pause, mut tries, mut said) = (PAUSE.0, 0, String::new());
        loop {
            let before = self.local.added();
            let why = match self.connection(&mut told)? {
                Ok(Connection::Over(pulled)) => return Ok(pulled),
                Ok(Connection::Again) => continue,
                Ok(Connection::Broken) => "the connection broke".to_owned(),
                Err(error) if error.is_denied() && self.following.is_none() => return Err(error.into()),
                Err(error) => error.to_string(),
            };
            if self.receiver.is_there(self.cluster) == Ok(false) {
                let lost = self.lose_rest()?;
                return Ok(Pulled::Gone(lost));
            }
            if self.local.added() > before {
                (pause, tries) = (PAUSE.0, 0);
            }
            tries += 1;
            if self.goal == Goal::WhatIsThere && tries >= TRIES {
                return Err(CliError::new(
                    Kind::Network,
                    format!("receiver {} cannot be read: {why}", self.receiver.title()),
                )
                .hint("the same command goes on where it was"));
            }
            if said != why && tries > 1 {
                self.ui.note(format_args!("reading from receiver {} again and again: {why}", self.receiver.name));
                said = why;
            }
            let jittered = pause.mul_f64(0.5 + fastrand::f64());
            if self.cluster.wait(jittered, self.signals) && self.interrupted(&mut told) {
                return Ok(Pulled::Left(self.left()));
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Lines known to be there and not here.
    fn left(&self) -> u64 {
        self.following.as_ref().map_or(0, |(capture, total)| (total + 1).saturating_sub(self.local.next(capture)))
    }

    fn lose_rest(&mut self) -> Result<u64, CliError> {
        match self.following.take() {
            Some((capture, total)) => self.local.lose_rest(&capture, total),
            None => Ok(0),
        }
    }

    /// The person asked to end; true if that means at once.
    fn interrupted(&mut self, told: &mut impl FnMut(&Cluster)) -> bool {
        if self.told || self.goal != Goal::UntilTold {
            return true;
        }
        self.told = true;
        told(self.cluster);
        false
    }

    fn connection(&mut self, told: &mut impl FnMut(&Cluster)) -> Result<Result<Connection, ClusterError>, CliError> {
        let (mut tunnel, state) = match connect(self.cluster, self.receiver) {
            Ok(connected) => connected,
            Err(error) => return Ok(Err(error)),
        };
        self.follow(&state)?;
        if self.told && !self.closed {
            match tunnel.ask(&Method::POST, CLOSE_PATH) {
                Ok(_) => self.closed = true,
                Err(error) => return Ok(Err(error)),
            }
        }
        let capture = state.capture_id;
        if self.goal == Goal::WhatIsThere && self.local.next(&capture) > *self.wanted.get_or_insert(state.total) {
            return Ok(Ok(Connection::Over(Pulled::All)));
        }
        let path = format!("{STREAM_PATH}?capture={capture}&after={}", self.local.next(&capture) - 1);
        let mut stream = match tunnel.open(&path, CONTENT_TYPE) {
            Ok(stream) => stream,
            Err(error) => return Ok(Err(error)),
        };
        let mut frames = Frames::default();
        loop {
            match stream.next(SILENCE, self.signals) {
                Ok(Heard::Bytes(bytes)) => frames.add(&bytes),
                Ok(Heard::Interrupted) if self.interrupted(told) => {
                    return Ok(Ok(Connection::Over(Pulled::Left(self.left()))));
                }
                Ok(Heard::Interrupted) => return Ok(Ok(Connection::Again)),
                Ok(Heard::Ended | Heard::Silent) => return Ok(Ok(Connection::Broken)),
                Err(error) => return Ok(Err(error)),
            }
            loop {
                let frame = match frames.take() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(error) => return Ok(Err(ClusterError::Unreachable(error.to_string()))),
                };
                let missing = self.local.add(&capture, &frame)?;
                if missing > 0 {
                    self.ui.note(format_args!(
                        "{missing} lines were gone before they could be downloaded; a mark stands in their place"
                    ));
                }
                self.following = Some((capture.clone(), frame.total));
                let all = self.local.next(&capture) > frame.total;
                let there = self.wanted.is_some_and(|wanted| self.local.next(&capture) > wanted);
                if (self.closed && frame.stopped && all) || there {
                    return Ok(Ok(Connection::Over(Pulled::All)));
                }
            }
        }
    }

    /// A pod that was replaced has another capture: what the old one had and is not here is lost.
    fn follow(&mut self, state: &State) -> Result<(), CliError> {
        if self.following.as_ref().is_some_and(|(capture, _)| *capture == state.capture_id) {
            return Ok(());
        }
        if self.following.is_some() {
            let lost = self.lose_rest()?;
            self.ui.note(format_args!(
                "the receiver's pod was replaced: {lost} lines that were not downloaded went with it"
            ));
            (self.closed, self.wanted) = (false, None);
        }
        self.following = Some((state.capture_id.clone(), state.total));
        Ok(())
    }
}

/// What a receiver says of itself.
///
/// # Errors
/// If it cannot be asked.
pub(crate) fn state(cluster: &Cluster, receiver: &Receiver) -> Result<State, ClusterError> {
    connect(cluster, receiver).map(|(_, state)| state)
}

fn connect<'c>(cluster: &'c Cluster, receiver: &Receiver) -> Result<(Tunnel<'c>, State), ClusterError> {
    let pods = receiver.pods(cluster)?;
    // One that ends still has lines that no other has.
    let Some(pod) = pods.iter().find(|pod| is_running(pod)) else {
        return Err(ClusterError::Unreachable("none of its pods runs".to_owned()));
    };
    let mut tunnel = cluster.tunnel(&receiver.namespace, text(pod, "name"), port::RECEIVER_STREAM)?;
    let bytes = tunnel.ask(&Method::GET, STATE_PATH)?;
    let state = serde_json::from_slice(&bytes)
        .map_err(|error| ClusterError::Unreachable(format!("what answers is no receiver: {error}")))?;
    Ok((tunnel, state))
}

fn is_running(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running" && !pod["status"]["containerStatuses"][0]["state"]["running"].is_null()
}
