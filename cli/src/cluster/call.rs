//! One call to the API server: request out, answer or error back, never without a deadline.

use std::time::Duration;

use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

use super::error::ClusterError;

/// Longest wait for a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for an answer. Webhooks of others may hold a write for up to 30 s each.
const ANSWER: Duration = Duration::from_secs(60);

/// What is asked.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    content_type: &'static str,
    accept: &'static str,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The object.
    pub(crate) object: Value,
    /// What admission wants the person to know, one sentence each.
    pub(crate) warnings: Vec<String>,
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path, "application/json", None)
    }

    pub(super) fn post(path: String, body: &Value) -> Self {
        Self::new(Method::POST, path, "application/json", Some(body))
    }

    pub(super) fn delete(path: String, options: &Value) -> Self {
        Self::new(Method::DELETE, path, "application/json", Some(options))
    }

    pub(super) fn merge(path: String, patch: &Value) -> Self {
        Self::new(Method::PATCH, path, "application/merge-patch+json", Some(patch))
    }

    /// The body is JSON, which is YAML.
    pub(super) fn apply(path: String, object: &Value) -> Self {
        Self::new(Method::PATCH, path, "application/apply-patch+yaml", Some(object))
    }

    /// Where the answer is of another type than most.
    pub(super) fn accept(mut self, content_type: &'static str) -> Self {
        self.accept = content_type;
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    fn new(method: Method, path: String, content_type: &'static str, body: Option<&Value>) -> Self {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        Self { method, path, query: Vec::new(), content_type, accept: "application/json", body }
    }

    fn uri(&self) -> String {
        let query: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{name}={}", escaped(value.as_bytes()))).collect();
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

/// Sends a call and reads the object that comes back.
pub(super) async fn send(client: &kube::Client, call: &Call) -> Result<Answer, ClusterError> {
    let (headers, bytes) = fetch(client, call).await?;
    let object = serde_json::from_slice(&bytes).map_err(|_| {
        ClusterError::Unreachable("what answers at its address speaks no JSON; is it the right one?".to_owned())
    })?;
    Ok(Answer { object, warnings: warnings(&headers) })
}

/// Sends a call and reads its whole answer.
pub(super) async fn fetch(client: &kube::Client, call: &Call) -> Result<(HeaderMap, Vec<u8>), ClusterError> {
    let request = Request::builder()
        .method(&call.method)
        .uri(call.uri())
        .header(http::header::CONTENT_TYPE, call.content_type)
        .header(http::header::ACCEPT, call.accept)
        .body(Body::from(call.body.clone()))
        .map_err(|error| ClusterError::Unreachable(error.to_string()))?;
    let whole = async {
        let (head, body) = client.send(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes().to_vec();
        Ok::<_, kube::Error>((head, bytes))
    };
    let (head, bytes) = match tokio::time::timeout(ANSWER, whole).await {
        Ok(answer) => answer?,
        Err(_) => {
            return Err(ClusterError::Unreachable(format!("no answer within {} seconds", ANSWER.as_secs())));
        }
    };
    if head.status.is_success() {
        return Ok((head.headers, bytes));
    }
    let object: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let message = Some(text("message")).filter(|message| !message.is_empty());
    Err(ClusterError::Refused {
        code: head.status.as_u16(),
        reason: text("reason"),
        message: message.unwrap_or_else(|| format!("the API server answers {}", head.status)),
    })
}

/// The texts of `Warning: 299 agent "text"`, with what quoted strings escape.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let text = |value: &http::HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let quoted = value.split_once('"')?.1.rsplit_once('"')?.0.to_owned();
        let mut text = String::new();
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            text.push(if character == '\\' { characters.next()? } else { character });
        }
        Some(text)
    };
    headers.get_all(http::header::WARNING).iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped() {
        let call = Call::get("/x".to_owned()).query("labelSelector", "app=a b,c!=d/é");
        assert_eq!(call.uri(), "/x?labelSelector=app%3Da%20b%2Cc%21%3Dd%2F%C3%A9");
    }

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        headers.append(http::header::WARNING, r#"299 - "logtap: \"x\" \\ y""#.parse().unwrap());
        headers.append(http::header::WARNING, "299 - garbage".parse().unwrap());
        assert_eq!(warnings(&headers), [r#"logtap: "x" \ y"#]);
    }
}
