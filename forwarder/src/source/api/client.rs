//! The two requests to the API server: our pod, and the log of one of its containers.

use std::rc::Rc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use jiff::Timestamp;
use serde_json::Value;

use super::Pod;
use crate::figures::Figures;
use crate::http::{Connection, HttpError, Server, TrustError, trust};
use crate::identity::Identity;

/// Most bytes of a pod or of an error.
const MAX_ANSWER: usize = 4 << 20;

/// The API server, asked as our own service account.
pub(crate) struct Api {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) identity: Identity,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) figures: Rc<Figures>,
}

/// Which log of a container, from where on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    /// From the second of this time on, nanoseconds since 1970.
    pub(super) since: Option<i64>,
    /// Whether the stream goes on as long as the container writes.
    pub(super) follow: bool,
    /// The life before the present one.
    pub(super) previous: bool,
}

/// Why the API server gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("cannot read the token or the CA for the API server: {0}")]
    Identity(#[from] std::io::Error),
    #[error("the cluster's CA cannot be used: {0}")]
    Trust(#[from] TrustError),
    #[error("the API server cannot be reached: {0}; trying again")]
    Http(#[from] HttpError),
    #[error(
        "not allowed to read logs in namespace {namespace}: {message}; bind the ClusterRole logtap-forwarder to the \
         pod's service account there; trying again"
    )]
    Forbidden { namespace: String, message: String },
    #[error("the API server answers {status}: {message}; trying again")]
    Status { status: u16, message: String },
    #[error("the API server's answer cannot be read: {0}; trying again")]
    Body(String),
}

impl ApiError {
    /// What messages about it are counted under.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Identity(_) => "identity",
            Self::Trust(_) => "trust",
            Self::Http(_) => "http",
            Self::Forbidden { .. } => "forbidden",
            Self::Status { .. } => "status",
            Self::Body(_) => "body",
        }
    }

    /// Whether it only says that there is no such log: the container has not started, or had no other life.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Status { status: 400, .. })
    }

    /// Whether it is an outage, which may be over in a moment.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Body(_) | Self::Status { status: 500..=599, .. })
    }
}

/// A log as it comes.
pub(crate) struct LogStream {
    body: Incoming,
    _connection: Connection,
}

impl LogStream {
    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl Api {
    /// Our pod.
    pub(crate) async fn pod(&self) -> Result<Pod, ApiError> {
        let (body, _connection) = self.get(&self.path("")).await?;
        let bytes =
            Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| ApiError::Body(error.to_string()))?;
        let raw: Value =
            serde_json::from_slice(&bytes.to_bytes()).map_err(|error| ApiError::Body(error.to_string()))?;
        Ok(Pod::new(raw))
    }

    /// A log of a container.
    pub(super) async fn log(&self, container: &str, query: Query) -> Result<LogStream, ApiError> {
        let (body, connection) = self.get(&self.path(&log_query(container, query))).await?;
        Ok(LogStream { body, _connection: connection })
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/pods/{}{rest}", self.namespace, self.pod)
    }

    async fn get(&self, path: &str) -> Result<(Incoming, Connection), ApiError> {
        self.figures.asked.add(1);
        let tls = trust(Some(&self.identity.cluster_ca()?))?;
        let server = Server { host: self.host.clone(), port: self.port, tls: Some(tls) };
        let request = Request::get(path)
            .header(HOST, server.authority())
            .header(ACCEPT, "application/json, */*")
            .header(AUTHORIZATION, format!("Bearer {}", self.identity.api_token()?))
            .body(Full::default())
            .map_err(|error| ApiError::Body(error.to_string()))?;
        let mut connection = server.connect().await?;
        let answer = connection.send(request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok((answer.into_body(), connection));
        }
        let message = match Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
            Ok(body) => message(&body.to_bytes()),
            Err(error) => error.to_string(),
        };
        Err(match status.as_u16() {
            403 => ApiError::Forbidden { namespace: self.namespace.clone(), message },
            status => ApiError::Status { status, message },
        })
    }
}

fn log_query(container: &str, query: Query) -> String {
    let Query { since, follow, previous } = query;
    let mut text = format!("/log?container={container}&follow={follow}&timestamps=true");
    if let Some(since) = since.and_then(|ns| Timestamp::from_second(ns.div_euclid(1_000_000_000)).ok()) {
        text.push_str(&format!("&sinceTime={since}"));
    }
    if previous {
        text.push_str("&previous=true");
    }
    text
}

/// The message of a Kubernetes `Status`, or the beginning of whatever else came.
fn message(body: &[u8]) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status.as_ref().and_then(|status| status["message"].as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).chars().take(200).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_asks_for_whole_seconds() {
        let query = Query { since: None, follow: true, previous: false };
        assert_eq!(log_query("app", query), "/log?container=app&follow=true&timestamps=true");
        let query = Query { since: Some(1_790_000_000_999_999_999), follow: false, previous: true };
        let expected = "/log?container=app&follow=false&timestamps=true&sinceTime=2026-09-21T14:13:20Z&previous=true";
        assert_eq!(log_query("app", query), expected);
    }

    #[test]
    fn the_message_is_what_people_can_read() {
        let body = br#"{"kind":"Status","message":"pods \"p\" is forbidden"}"#;
        assert_eq!(message(body), "pods \"p\" is forbidden");
        assert_eq!(message(b"upstream timed out"), "upstream timed out");
    }
}
