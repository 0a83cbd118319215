//! Plain HTTP requests, tried again as the server asks: for links, and for what Google's library does not do.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};

use crate::RemoteError;
use crate::link::without_query;

/// Requests that fail for a while are tried this often.
pub(crate) const ATTEMPTS: u32 = 6;
/// A server is not waited for longer than this between two of them.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Nothing came for this long: the connection is lost.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that says what is wrong.
const MAX_SAID: usize = 64 << 10;

/// A client for all requests of a run.
pub(crate) fn client() -> Result<Client, RemoteError> {
    let built = Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(SILENCE)
        // What is signed for one place is not taken to another, and not out of TLS.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("logtap/", env!("CARGO_PKG_VERSION")))
        .build();
    built.map_err(|error| RemoteError::Network(format!("cannot prepare requests: {error}")))
}

/// True for answers that another try may change.
pub(crate) fn may_change(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

/// How long to wait before try number `tried + 1`: as long as the server says, else longer each time.
pub(crate) async fn pause(tried: u32, answer: Option<&Response>) {
    let asked = answer.and_then(|answer| answer.headers().get(RETRY_AFTER)?.to_str().ok()).and_then(asked);
    // Not all at the same moment.
    let own = Duration::from_millis(fastrand::u64(150..350)) * 2_u32.pow(tried.min(6));
    tokio::time::sleep(asked.unwrap_or(own).min(LONGEST_WAIT)).await;
}

/// The wait that a `Retry-After` asks for, no longer than anybody waits.
pub(crate) fn asked(retry_after: &str) -> Option<Duration> {
    retry_after.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Sends a request until the answer is one.
pub(crate) async fn send(
    what: &str,
    request: impl AsyncFn() -> Result<RequestBuilder, RemoteError>,
) -> Result<Response, RemoteError> {
    let mut tried = 0;
    loop {
        tried += 1;
        match request().await?.send().await {
            Ok(answer) if may_change(answer.status()) && tried < ATTEMPTS => pause(tried, Some(&answer)).await,
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_builder() => {
                return Err(RemoteError::Refused(format!("{what}: {}", without_query(&error))));
            }
            Err(_) if tried < ATTEMPTS => pause(tried, None).await,
            Err(error) => return Err(RemoteError::Network(format!("{what}: {}", without_query(&error)))),
        }
    }
}

/// The error of an answer that is none of success.
pub(crate) async fn refused(what: &str, mut answer: Response) -> RemoteError {
    let status = answer.status().as_u16();
    let mut said = Vec::new();
    while let Ok(Some(bytes)) = answer.chunk().await {
        said.extend_from_slice(&bytes);
        if said.len() > MAX_SAID {
            break;
        }
    }
    RemoteError::answered(status, what, &reason(&String::from_utf8_lossy(&said)))
}

/// What an answer in JSON or XML says in words.
fn reason(said: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(said).unwrap_or_default();
    if let Some(message) = json.pointer("/error/message").and_then(serde_json::Value::as_str) {
        return message.to_owned();
    }
    let tag = |name: &str| {
        let (_, rest) = said.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    [tag("Code"), tag("Message")].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        assert_eq!(reason(r#"{"error":{"code":403,"message":"no"}}"#), "no");
        assert_eq!(
            reason("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"),
            "AccessDenied: Request has expired"
        );
        assert_eq!(reason("<html>"), "");
    }
}
