//! Google Cloud Storage: reads, small writes and signatures through Google's library, credentials as
//! `gcloud` leaves them. What the library does not do across processes, resumed sessions, is in `session`.

mod session;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use google_cloud_storage::client::Storage;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::retry_policy::RetryableErrors;
use http::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::error::chain;
use crate::location::Location;
use crate::store::{Body, Condition, Head, Outgoing, SHA256, Signed, Small, Written};
use crate::{RemoteError, requests};

/// Names the emulator that is used instead, without credentials.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";
const ENDPOINT: &str = "https://storage.googleapis.com";

#[derive(Debug)]
pub(crate) struct Gcs {
    storage: Storage,
    client: Client,
    credentials: Credentials,
    place: Location,
    endpoint: String,
    emulated: bool,
}

impl Gcs {
    pub(crate) async fn connect(place: &Location) -> Result<Self, RemoteError> {
        let emulator = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty());
        let emulated = emulator.is_some();
        let endpoint = match emulator {
            Some(host) if host.contains("://") => host.trim_end_matches('/').to_owned(),
            Some(host) => format!("http://{host}"),
            None => ENDPOINT.to_owned(),
        };
        let credentials = if emulated {
            credentials::anonymous::Builder::new().build()
        } else {
            credentials::Builder::default().build().map_err(|error| none(&chain(&error)))?
        };
        let tries = RetryableErrors.with_attempt_limit(requests::ATTEMPTS);
        let mut builder = Storage::builder().with_credentials(credentials.clone()).with_retry_policy(tries);
        if emulated {
            builder = builder.with_endpoint(&endpoint);
        }
        let storage = builder.build().await.map_err(|error| none(&chain(&error)))?;
        let gcs = Self { storage, client: requests::client()?, credentials, place: place.clone(), endpoint, emulated };
        gcs.authorization().await?;
        Ok(gcs)
    }

    /// The library's name of the bucket.
    fn bucket(&self) -> String {
        format!("projects/_/buckets/{}", self.place.bucket)
    }

    async fn authorization(&self) -> Result<HeaderMap, RemoteError> {
        match self.credentials.headers(http::Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => Ok(data),
            Ok(CacheableResource::NotModified) => Ok(HeaderMap::new()),
            Err(error) => Err(none(&chain(&error))),
        }
    }

    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, RemoteError> {
        Ok(request.headers(self.authorization().await?))
    }

    /// Address of an object's metadata.
    fn address(&self, key: &str) -> String {
        format!("{}/storage/v1/b/{}/o/{}", self.endpoint, self.place.bucket, encoded(key))
    }

    pub(crate) async fn small(&self, key: &str, most: u64) -> Result<Option<Small>, RemoteError> {
        let what = format!("cannot read {}", self.place.url(key));
        let mut got = match self.storage.read_object(self.bucket(), key).send().await {
            Ok(got) => got,
            Err(error) if error.http_status_code() == Some(404) && !chain(&error).contains("bucket does not exist") => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&what, &error)),
        };
        let version = got.object().generation.to_string();
        let mut bytes = Vec::new();
        while let Some(next) = got.next().await {
            let next = next.map_err(|error| failed(&what, &error))?;
            if bytes.len() as u64 + next.len() as u64 > most {
                return Err(RemoteError::Refused(format!("{} is larger than {most} bytes", self.place.url(key))));
            }
            bytes.extend_from_slice(&next);
        }
        Ok(Some(Small { bytes, version }))
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        when: &Condition,
        sha256: Option<&str>,
    ) -> Result<Written, RemoteError> {
        let generation: i64 = match when {
            Condition::Absent => 0,
            // One that cannot be: nothing is replaced then.
            Condition::Version(version) => version.parse().unwrap_or(i64::MAX),
        };
        let crc = crc32c::crc32c(&bytes);
        let request = self
            .storage
            .write_object(self.bucket(), key, bytes)
            .with_known_crc32c(crc)
            .set_if_generation_match(generation)
            .set_metadata(sha256.map(|sum| (SHA256, sum)))
            .send_unbuffered()
            .await;
        match request {
            Ok(_) => Ok(Written::Done),
            Err(error) if error.http_status_code() == Some(412) => Ok(Written::Refused),
            Err(error) => Err(failed(&format!("cannot write {}", self.place.url(key)), &error)),
        }
    }

    /// Beginnings of names up to the next slash behind a prefix; none if the bucket may not be listed.
    pub(crate) async fn prefixes(&self, prefix: &str) -> Result<Vec<String>, RemoteError> {
        let what = format!("cannot list {}", self.place.url(prefix));
        let address = format!("{}/storage/v1/b/{}/o", self.endpoint, self.place.bucket);
        let answer = requests::send(&what, async || {
            self.authorized(self.client.get(&address).query(&[("prefix", prefix), ("delimiter", "/")])).await
        })
        .await?;
        if !answer.status().is_success() {
            return Ok(Vec::new());
        }
        let bytes = answer.bytes().await.map_err(|error| RemoteError::Network(format!("{what}: {error}")))?;
        let listed: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let found = listed["prefixes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(found.map(str::to_owned).collect())
    }

    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, RemoteError> {
        let what = format!("cannot look at {}", self.place.url(key));
        let answer = requests::send(&what, async || self.authorized(self.client.get(self.address(key))).await).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(requests::refused(&what, answer).await);
        }
        let bytes = answer.bytes().await.map_err(|error| RemoteError::Network(format!("{what}: {error}")))?;
        let object: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let size = text("/size").and_then(|size| size.parse().ok()).unwrap_or_default();
        Ok(Some(Head { size, sha256: text(&format!("/metadata/{SHA256}")) }))
    }

    pub(crate) async fn send(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        let _permit = file.gate.acquire().await;
        if file.sums.parts.len() > 1 {
            return self.send_session(file).await;
        }
        let bytes = file.piece.summed_part(0, file.sums)?;
        let written = self.put(file.key, bytes, &Condition::Absent, Some(&file.sums.sha256)).await?;
        file.done.fetch_add(file.sums.size, std::sync::atomic::Ordering::Relaxed);
        Ok(written)
    }

    pub(crate) async fn open(&self, key: &str, from: u64) -> Result<Body, RemoteError> {
        let request = self.storage.read_object(self.bucket(), key);
        let request = if from > 0 { request.set_read_range(ReadRange::offset(from)) } else { request };
        let got = request.send().await;
        got.map(Body::Gcs).map_err(|error| failed(&format!("cannot read {}", self.place.url(key)), &error))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), RemoteError> {
        let what = format!("cannot delete {}", self.place.url(key));
        let answer =
            requests::send(&what, async || self.authorized(self.client.delete(self.address(key))).await).await?;
        if answer.status().is_success() || answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(requests::refused(&what, answer).await)
    }

    pub(crate) async fn sign(&self, key: &str, expires: Duration) -> Result<Signed, RemoteError> {
        let what = format!("cannot sign {}", self.place.url(key));
        let signer = credentials::Builder::default().build_signer().map_err(|error| none(&chain(&error)))?;
        let mut signed = SignedUrlBuilder::for_object(self.bucket(), key).with_expiration(expires);
        if self.emulated {
            signed = signed.with_endpoint(&self.endpoint);
        }
        let signed = signed.sign_with(&signer).await;
        let url = signed.map_err(|error| RemoteError::Permission(format!("{what}: {}", chain(&error))))?;
        Ok(Signed { url })
    }
}

/// A CRC as Google spells it.
fn spelled(crc: u32) -> String {
    BASE64_STANDARD.encode(crc.to_be_bytes())
}

/// A key as one segment of a path.
fn encoded(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn none(why: &str) -> RemoteError {
    RemoteError::Permission(format!("no Google Cloud credentials: {why}"))
}

fn failed(what: &str, error: &google_cloud_storage::Error) -> RemoteError {
    if error.is_authentication() {
        return none(&chain(error));
    }
    match error.http_status_code() {
        Some(status) => RemoteError::answered(status, what, &chain(error)),
        None => RemoteError::Network(format!("{what}: {}", chain(error))),
    }
}
