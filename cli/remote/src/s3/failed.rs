//! What the SDK's errors mean.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::RemoteError;
use crate::error::chain;

/// Status and code of an answer; 0 and nothing if there was none.
pub(super) fn answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> (u16, &str) {
    match error {
        SdkError::ServiceError(answer) => (answer.raw().status().as_u16(), answer.err().code().unwrap_or_default()),
        _ => (0, ""),
    }
}

/// The status of an answer.
pub(super) fn status<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> u16 {
    answer(error).0
}

pub(super) fn failed<E>(what: &str, error: &SdkError<E, HttpResponse>) -> RemoteError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answered) => {
            let status = answered.raw().status().as_u16();
            let region =
                answered.raw().headers().get("x-amz-bucket-region").filter(|_| matches!(status, 301 | 307 | 400));
            if let Some(region) = region {
                return RemoteError::Usage(format!(
                    "{what}: the bucket is in region {region}; set AWS_REGION={region}"
                ));
            }
            let (code, said) = (answered.err().code(), answered.err().message());
            let said = [code, said].into_iter().flatten().collect::<Vec<_>>().join(": ");
            // Some say that credentials are wrong or too old with status 400.
            let denied = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"];
            let status = if denied.iter().any(|one| code == Some(one)) { 403 } else { status };
            RemoteError::answered(status, what, &said)
        }
        SdkError::ConstructionFailure(_) => RemoteError::Refused(format!("{what}: {}", chain(error))),
        _ => RemoteError::Network(format!("{what}: {}", chain(error))),
    }
}
