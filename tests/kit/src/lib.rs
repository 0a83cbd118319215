//! What the tests and benches of the project share: realistic logs with known personal data in
//! them, senders of every dialect, an independent reader of captures, and a handle on a running
//! receiver.
//!
//! Nothing here uses the code under test to check itself: only [`batches`] and [`client`] use the
//! project's encoder, and [`capture`] reads files with the `zstd` program and `serde_json` alone.

pub mod batches;
pub mod capture;
pub mod client;
pub mod counters;
pub mod frail;
pub mod generate;
pub mod incident;
pub mod labelled;
pub mod load;
pub mod process;
pub mod readme;
pub mod schema;
