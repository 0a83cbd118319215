//! What an uploaded capture consists of, and what is behind a link to one: types, and reading without trust.
//! `docs/buckets.md` describes the bytes.
//!
//! It is apart from what asks stores, so that it can be built, tested and fuzzed without any of that.

mod manifest;
mod share;

pub use manifest::{Entry, MANIFEST, MAX_MANIFEST, Manifest, is_safe};
pub use share::{ShareList, SharedFile};

/// Why bytes are not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// They are not what they should be.
    #[error("{0}")]
    Damaged(String),
    /// They are of a later version, or ask for something that is not done.
    #[error("{0}")]
    Refused(String),
}
