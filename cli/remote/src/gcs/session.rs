//! Large files in a resumable session, which Google keeps for a week. Its address is remembered before the
//! first byte is sent; after a kill Google says how many bytes it has, and the rest is sent.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Gcs, spelled};
use crate::link::without_query;
use crate::requests::{self, ATTEMPTS};
use crate::sessions::Session;
use crate::store::{Outgoing, SHA256, Written};
use crate::{RemoteError, error};

/// What Google says of a session.
enum State {
    /// It has this many bytes.
    Has(u64),
    /// The object is there.
    Complete,
    /// There is no such session any more.
    Gone,
}

impl Gcs {
    pub(super) async fn send_session(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        let part = file.piece.part();
        let left = match file.sessions.get(file.key).filter(|session| session.part == part) {
            Some(session) => match self.ask(&session.id, file).await? {
                State::Has(bytes) => Some((session.id, bytes)),
                State::Complete => return self.finished(file),
                State::Gone => None,
            },
            None => None,
        };
        let (session, mut at) = match left {
            Some(left) => left,
            None => match self.begin(part, file).await? {
                Some(session) => (session, 0),
                None => return Ok(Written::Refused),
            },
        };
        file.done.fetch_add(at, Ordering::Relaxed);
        let mut tried = 0;
        loop {
            let (answer, lost) = match self.send_from(&session, at, file).await? {
                Ok(answer) => (Some(answer), String::new()),
                Err(lost) => (None, lost),
            };
            let status = answer.as_ref().map(Response::status);
            let state = match (answer, status) {
                (Some(answer), Some(StatusCode::OK | StatusCode::CREATED)) => {
                    if !self.is_whole(answer, file).await? {
                        let url = self.place.url(file.key);
                        return Err(RemoteError::Damaged(format!(
                            "{url} did not arrive as it was sent; it was removed again"
                        )));
                    }
                    State::Complete
                }
                (Some(answer), Some(StatusCode::PERMANENT_REDIRECT)) => State::Has(received(&answer)),
                (_, Some(StatusCode::PRECONDITION_FAILED)) => return self.finished(file).map(|_| Written::Refused),
                (Some(answer), Some(status)) if !requests::may_change(status) => {
                    return Err(requests::refused(&format!("cannot write {}", self.place.url(file.key)), answer).await);
                }
                (answer, status) => {
                    tried += 1;
                    if tried >= ATTEMPTS {
                        let why = status.map_or(lost, |status| format!("status {status}"));
                        return Err(RemoteError::Network(format!("cannot write {}: {why}", self.place.url(file.key))));
                    }
                    requests::pause(tried, answer.as_ref()).await;
                    self.ask(&session, file).await?
                }
            };
            match state {
                State::Complete => {
                    file.done.fetch_add(file.sums.size - at, Ordering::Relaxed);
                    return self.finished(file);
                }
                State::Has(bytes) => {
                    if bytes > at {
                        tried = 0;
                        file.done.fetch_add(bytes - at, Ordering::Relaxed);
                    }
                    at = bytes;
                }
                State::Gone => {
                    file.sessions.remove(file.key)?;
                    let why = "the session ended before the file was whole; the same command begins it again";
                    return Err(RemoteError::Network(format!("cannot write {}: {why}", self.place.url(file.key))));
                }
            }
        }
    }

    fn finished(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        file.sessions.remove(file.key)?;
        Ok(Written::Done)
    }

    /// Begins a session; `None` if the object is there.
    async fn begin(&self, part: u64, file: Outgoing<'_>) -> Result<Option<String>, RemoteError> {
        let what = format!("cannot write {}", self.place.url(file.key));
        let address = format!("{}/upload/storage/v1/b/{}/o", self.endpoint, self.place.bucket);
        let object = json!({
            "name": file.key,
            "contentType": "application/octet-stream",
            "crc32c": spelled(file.sums.crc32c),
            "metadata": { SHA256: file.sums.sha256 },
        });
        let body = object.to_string();
        let answer = requests::send(&what, async || {
            let request = self
                .client
                .post(&address)
                .query(&[("uploadType", "resumable"), ("ifGenerationMatch", "0"), ("name", file.key)])
                .header("content-type", "application/json; charset=utf-8")
                .header("x-upload-content-length", file.sums.size)
                .body(body.clone());
            self.authorized(request).await
        })
        .await?;
        if answer.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(requests::refused(&what, answer).await);
        }
        let session = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let session = session.ok_or_else(|| RemoteError::Network(format!("{what}: no session came")))?.to_owned();
        file.sessions.put(file.key, Session { id: session.clone(), part })?;
        Ok(Some(session))
    }

    /// Sends the next part. The inner error is a lost connection.
    async fn send_from(
        &self,
        session: &str,
        at: u64,
        file: Outgoing<'_>,
    ) -> Result<Result<Response, String>, RemoteError> {
        let (part, size) = (file.piece.part(), file.sums.size);
        let n = (at / part) as usize;
        // What came of a part that was cut is not sent again either.
        let bytes: Bytes = file.piece.summed_part(n, file.sums)?.slice((at % part) as usize..);
        let range = format!("bytes {at}-{}/{size}", at + bytes.len() as u64 - 1);
        let request =
            self.client.put(session).header(CONTENT_LENGTH, bytes.len()).header(CONTENT_RANGE, range).body(bytes);
        Ok(self.authorized(request).await?.send().await.map_err(|error| without_query(&error)))
    }

    /// Asks how much of the file a session has.
    async fn ask(&self, session: &str, file: Outgoing<'_>) -> Result<State, RemoteError> {
        let what = format!("cannot go on with {}", self.place.url(file.key));
        let range = format!("bytes */{}", file.sums.size);
        let answer = requests::send(&what, async || {
            let request = self.client.put(session).header(CONTENT_LENGTH, 0).header(CONTENT_RANGE, &range);
            self.authorized(request).await
        })
        .await?;
        match answer.status() {
            StatusCode::PERMANENT_REDIRECT => Ok(State::Has(received(&answer))),
            StatusCode::OK | StatusCode::CREATED => {
                // An emulator makes an object of what it has when it is asked.
                Ok(if self.is_whole(answer, file).await? { State::Complete } else { State::Gone })
            }
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::BAD_REQUEST | StatusCode::PRECONDITION_FAILED => {
                Ok(State::Gone)
            }
            _ => Err(requests::refused(&what, answer).await),
        }
    }

    /// True if what was made of the file is the file; it is removed otherwise.
    async fn is_whole(&self, answer: Response, file: Outgoing<'_>) -> Result<bool, RemoteError> {
        let bytes = answer.bytes().await.map_err(|error| RemoteError::Network(error::chain(&error)))?;
        let object: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let says = |key: &str, value: &str| object.get(key).and_then(Value::as_str).is_none_or(|said| said == value);
        let whole = says("size", &file.sums.size.to_string()) && says("crc32c", &spelled(file.sums.crc32c));
        if !whole {
            self.delete(file.key).await?;
            file.sessions.remove(file.key)?;
        }
        Ok(whole)
    }
}

/// Bytes that a session has: `Range: bytes=0-N`, or none.
fn received(answer: &Response) -> u64 {
    let range = answer.headers().get(RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.rsplit_once('-')?.1.parse::<u64>().ok()).map_or(0, |last| last + 1)
}
