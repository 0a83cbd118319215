//! Why something was not carried to or from a bucket.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use logtap_capture::target::TargetError;
use logtap_manifest::ManifestError;

/// What failed, by what can be done about it. No half upload is ever a capture, no half download is seen.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The arguments cannot be used.
    #[error("{0}")]
    Usage(String),
    /// Something else has the name at the destination.
    #[error("{url} exists: {why}")]
    Exists {
        /// What is there.
        url: String,
        /// How it differs from what was to be put there.
        why: String,
    },
    /// Bucket, object or capture do not exist.
    #[error("{0}")]
    NotFound(String),
    /// There are no credentials, or they do not suffice.
    #[error("{0}")]
    Permission(String),
    /// A link does not work, or not any more.
    #[error("{0}")]
    Link(String),
    /// The network or the service failed, after all retries.
    #[error("{0}")]
    Network(String),
    /// Another process uploads to the same place.
    #[error("another logtap uploads to {0}")]
    Busy(String),
    /// What came is not what the manifest says.
    #[error("{0}")]
    Damaged(String),
    /// Manifest or list ask for something that is not done.
    #[error("{0}")]
    Refused(String),
    /// A file of the capture has changed since it was summed.
    #[error("{0} has changed while it was uploaded")]
    Changed(String),
    /// The place of the result.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A file here.
    #[error("cannot use {}: {source}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<ManifestError> for RemoteError {
    fn from(error: ManifestError) -> Self {
        match error {
            ManifestError::Damaged(why) => Self::Damaged(why),
            ManifestError::Refused(why) => Self::Refused(why),
        }
    }
}

impl RemoteError {
    /// The system's reason, if there is one.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Local { source, .. } | Self::Target(TargetError::Io { source, .. }) => Some(source),
            _ => None,
        }
    }

    /// True if the same command may succeed later, and goes on then.
    #[must_use]
    pub fn may_be_mended(&self) -> bool {
        matches!(self, Self::Network(_) | Self::Permission(_) | Self::Link(_) | Self::NotFound(_) | Self::Cancelled)
    }

    /// An answer of a service: what was asked for, its status and what it said.
    pub(crate) fn answered(status: u16, what: &str, said: &str) -> Self {
        let said = said.trim();
        let message = if said.is_empty() { format!("{what}: status {status}") } else { format!("{what}: {said}") };
        match status {
            401 | 403 => Self::Permission(message),
            404 | 410 => Self::NotFound(message),
            416 => Self::Damaged(format!("{what}: it is shorter than it was when it was uploaded")),
            408 | 429 | 500.. => Self::Network(message),
            _ => Self::Refused(message),
        }
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
