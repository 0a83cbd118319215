//! Receives logs over HTTP and keeps them in a capture.
//!
//! ```text
//! server ──► routes ──► ingest ──► queue ──► writer thread ──► capture
//!  accept     auth,      decode,    bounded   group, append,
//!  TLS        caps       redact     in bytes  acknowledge
//!                │                     │            │
//!                └──────── ledger ◄────┴────────────┘   every line has an outcome
//! ```
//!
//! `stream` hands the capture out by line numbers, on an address of its own.
//!
//! The answer never waits longer for the disk than the acknowledgement
//! timeout: a tap must not hurt the thing it listens to.

mod alerts;
mod auth;
mod body;
pub mod config;
mod gaps;
pub mod identity;
mod ingest;
mod interner;
mod ledger;
mod metrics;
mod notify;
mod numbers;
mod otlp;
mod queue;
mod redaction;
mod routes;
mod run;
mod server;
pub mod shutdown;
pub mod stream;
mod watch;
mod writer;

pub use alerts::{AlertError, Alerts};
pub use gaps::reason;
pub use ledger::{Counts, Snapshot};
pub use notify::{EVENTS, WebhookAuth};
pub use run::{ReceiverError, Running, Summary, start, start_on};
