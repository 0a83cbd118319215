//! Why the cluster did not do what was asked, and which exit code that is.

use crate::error::{CliError, Kind};

/// A call that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The API server answered with an error.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// The status' reason, such as `Forbidden`.
        reason: String,
        /// Its sentence.
        message: String,
    },
    /// It did not answer.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// An object that was to be sent names no kind that this program knows.
    #[error("{0} is no kind of object that logtap writes")]
    UnknownKind(String),
}

impl ClusterError {
    /// The object, or its kind, is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// The person may not do that. Admission also answers 403, and then it is no matter of rights.
    pub(crate) fn is_denied(&self) -> bool {
        match self {
            Self::Refused { code: 401, .. } => true,
            Self::Refused { code: 403, message, .. } => {
                message.contains("cannot ") || message.contains("attempting to grant")
            }
            _ => false,
        }
    }

    /// Somebody else wrote first.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// An error that tells what was being done.
    pub(crate) fn while_doing(&self, what: &str) -> CliError {
        CliError::new(self.kind(), format!("{what}: {self}"))
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Unreachable(_) => Kind::Network,
            error if error.is_denied() => Kind::Permission,
            error if error.is_missing() => Kind::NotFound,
            Self::Refused { code: 429 | 500.., .. } => Kind::Network,
            _ => Kind::Internal,
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        // The outer texts say the same as the inner ones, and less.
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        match &error {
            kube::Error::Auth(auth) => {
                Self::Refused { code: 401, reason: "Unauthorized".to_owned(), message: auth.to_string() }
            }
            _ => Self::Unreachable(innermost.to_string()),
        }
    }
}

impl From<ClusterError> for CliError {
    fn from(error: ClusterError) -> Self {
        Self::new(error.kind(), error)
    }
}
