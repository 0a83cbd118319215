//! The capture handed out by line numbers, over HTTP on a loopback address: what a receiver in the
//! cluster serves, and how whoever downloads reads it.
//!
//! ```text
//! GET  /logtap/stream?capture=ID&after=N   frames, from line N + 1 on, until the receiver ends
//! GET  /logtap/stream/state                one JSON object: State
//! POST /logtap/stream/close                no more lines are taken; the total is final once `stopped`
//! ```
//!
//! Number n is the n-th data line that the capture ever held. A frame of at most about a megabyte of
//! lines goes out at a time, and one without lines at least every second. Where lines were evicted
//! before they were read, numbers are missing, and those are exactly the missing ones.
//!
//! The address is a loopback one because the right to forward a port of the pod is the right to read.

mod body;
mod frame;
mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use logtap_capture::metadata::{Counters, Evicted, Redaction};
use serde::{Deserialize, Serialize};

pub use frame::{Frame, FrameError, Frames};
pub(crate) use serve::{Ending, Stream};

/// Where frames are had.
pub const STREAM_PATH: &str = "/logtap/stream";
/// Where the state is had.
pub const STATE_PATH: &str = "/logtap/stream/state";
/// Where the receiver is told to take no more lines.
pub const CLOSE_PATH: &str = "/logtap/stream/close";
/// Content type of the frames; another one is of another version.
pub const CONTENT_TYPE: &str = "application/vnd.logtap.stream.v1";
/// A reader gets a frame at least so often.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// Whether and where the capture is handed out.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// A loopback address.
    pub listen: SocketAddr,
    /// The receiver ends by itself when nobody has read for so long.
    pub unused_for: Option<Duration>,
}

/// What is said about a capture that can be downloaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The capture; lines are numbered within it.
    pub capture_id: String,
    /// Lines that it ever held.
    pub total: u64,
    /// The total is final: no more lines are taken.
    pub stopped: bool,
    /// Readers of the stream at the moment.
    pub readers: u64,
    /// Seconds since somebody read, or since the start.
    pub unused: u64,
    /// Lines received and what became of them, at most a second ago.
    pub counters: Counters,
    /// Lines lost, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Lines that could not be read, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// What was deleted to make room.
    pub evicted: Evicted,
    /// Rules that every line went through.
    pub redaction: Option<Redaction>,
}
