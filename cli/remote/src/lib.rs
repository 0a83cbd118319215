//! Captures in buckets (`s3://`, `gs://`) and behind links (`https://`): the one place that speaks to
//! object stores.
//!
//! ```text
//! pieces of a capture ──► content (sums) ──► store: s3, gcs ──► files/…, at last manifest.json
//! manifest.json, or a list behind a link ──► names, sizes, sums ──► temporary directory ──► capture
//! ```
//!
//! Calls block: tasks and their runtime stay in here. `docs/buckets.md` describes what lies in a bucket.

mod content;
mod download;
mod error;
mod gcs;
mod link;
mod location;
mod requests;
mod run;
mod s3;
mod sessions;
mod share;
mod store;
mod upload;

pub use content::{Content, Piece};
pub use download::{Downloaded, Source, download};
pub use error::RemoteError;
pub use location::Location;
pub use run::Control;
pub use share::{MAX_EXPIRY, Shared, share};
pub use upload::{Outcome, Upload, Uploaded, upload};
