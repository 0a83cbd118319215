//! Waits as long as a server asks. The SDK knows the errors of S3 itself; what others that speak its
//! protocol say with status 429 and `Retry-After`, it does not.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;

use crate::requests;

#[derive(Debug)]
pub(super) struct AsAsked;

impl ClassifyRetry for AsAsked {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let answer: Option<&HttpResponse> = context.response();
        let Some(answer) = answer.filter(|answer| matches!(answer.status().as_u16(), 429 | 503)) else {
            return RetryAction::NoActionIndicated;
        };
        match answer.headers().get("retry-after").and_then(requests::asked) {
            Some(wait) => {
                RetryAction::retryable_error_with_explicit_delay(aws_config::retry::ErrorKind::ThrottlingError, wait)
            }
            None => RetryAction::throttling_error(),
        }
    }

    fn name(&self) -> &'static str {
        "Retry-After"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::http_status_code_classifier())
    }
}
