//! The wire formats that log senders speak, decoded leniently and encoded exactly.
//!
//! Decodes Loki push (JSON v1 and v0, snappy protobuf), OTLP/HTTP logs (protobuf and JSON) and raw
//! newline-delimited JSON; encodes Loki push. Pure: bytes in, calls on a [`Sink`] out.
//!
//! Reading goes in two steps. [`unwrap`] takes off content encodings and finds out what the bytes
//! are, believing the bytes more than the headers. [`Payload::visit`] then walks them and hands each
//! line over, borrowed where possible. One bad line never costs its batch: what cannot be kept, and
//! what had to be changed, is counted in a [`Report`].

pub mod encode;

mod error;
mod json;
mod labels;
mod otlp;
mod payload;
mod proto;
mod report;
pub mod sequence;
mod sink;
mod text;
mod timestamp;

pub use error::DecodeError;
pub use labels::{LABELS_RAW, LabelForm, Labels, ParsedLabels};
pub use payload::{Format, Headers, Limits, Payload, Route, unwrap};
pub use report::{Altered, Reason, Reject, Report, Tally};
pub use sink::{Entry, Sink};
pub use timestamp::{Timestamp, TsFix};

/// Where Loki clients post.
pub const PUSH_PATH: &str = "/loki/api/v1/push";
/// Where Loki clients from before 1.0 post.
pub const LEGACY_PUSH_PATH: &str = "/api/prom/push";
/// Where newline-delimited `{ts,labels,msg}` objects are posted.
pub const RAW_PATH: &str = "/logtap/raw";
/// Where OTLP/HTTP exporters post logs.
pub const OTLP_PATH: &str = "/otlp/v1/logs";

/// A sender that keeps what it sends until the receiver has it says so with this header: it is asked
/// to wait (429) where others are told that their lines were dropped.
pub const CAN_WAIT: &str = "x-logtap-can-wait";

/// Nesting beyond which an OTLP value is rejected instead of read.
pub const MAX_DEPTH: usize = 128;

/// The metadata name for structured metadata that is neither an object nor null.
pub const METADATA_NAME: &str = "metadata";
