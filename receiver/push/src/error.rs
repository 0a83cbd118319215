//! Why a whole body was refused.
//!
//! Damage to single lines is never an error: it is counted in a [`crate::Report`].

/// A body that cannot be taken. The text is one line, fit for the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is, or unpacks to, more bytes than allowed.
    #[error("body is larger than {limit} bytes once unpacked: send smaller batches")]
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// Nothing in the body can be read as log lines.
    #[error("body is not readable as {expected}: {why}")]
    Unreadable {
        /// What the route takes.
        expected: &'static str,
        /// What was found instead.
        why: String,
    },
    /// The body is packed in more layers than any client uses.
    #[error("body is packed in more than {limit} layers: send it packed once")]
    TooManyLayers {
        /// The number of layers that are unpacked.
        limit: usize,
    },
}

impl DecodeError {
    /// The HTTP status to answer with: 413 or 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::Unreadable { .. } | Self::TooManyLayers { .. } => 400,
        }
    }
}
