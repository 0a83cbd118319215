//! The Kubernetes API, as thin as can be: each part turns one question of this program into calls.

mod bindings;
mod shared;
mod watch;

use std::future::Future;
use std::time::Duration;

pub(crate) use bindings::KubeBindings;
pub(crate) use shared::KubeShared;
pub(crate) use watch::{Observer, follow};

/// Longest wait for an answer of the API server.
const CALL: Duration = Duration::from_secs(10);

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Somebody else wrote first, or the object is (or is not) there against what was read.
    #[error("somebody else wrote it first")]
    Conflict,
    /// This program may not.
    #[error("{0}; apply the webhook's manifests again, which grant it")]
    Denied(String),
    /// The object, or the namespace it would be in, is not there.
    #[error("not found: {0}")]
    Missing(String),
    /// All else; worth another try.
    #[error("{0}")]
    Failed(String),
}

impl ClusterError {
    /// Name of a call's result, for metrics.
    #[must_use]
    pub fn outcome<T>(result: &Result<T, Self>) -> &'static str {
        match result {
            Ok(_) => "ok",
            Err(Self::Conflict) => "conflict",
            Err(Self::Denied(_)) => "denied",
            Err(Self::Missing(_) | Self::Failed(_)) => "error",
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => match status.code {
                401 | 403 => Self::Denied(status.message.clone()),
                404 => Self::Missing(status.message.clone()),
                409 => Self::Conflict,
                _ => Self::Failed(format!("the API server answers {}: {}", status.code, status.message)),
            },
            other => Self::Failed(format!("the API server cannot be reached: {other}")),
        }
    }
}

/// A call that must come back.
pub(crate) async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(CALL, call).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ClusterError::Failed(format!("the API server did not answer within {CALL:?}"))),
    }
}
