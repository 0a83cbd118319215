//! Amazon S3 and what speaks its protocol. Credentials, regions and endpoints come from where the `aws`
//! command takes them.

mod failed;
mod lost;
mod parts;
mod retry;

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::ProvideCredentials as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use crate::RemoteError;
use crate::location::Location;
use crate::store::{Body, Condition, Head, Outgoing, SHA256, Signed, Small, Written};
use failed::{answer, failed, status};
use retry::AsAsked;

/// Requests that fail for a while are tried this often.
const ATTEMPTS: u32 = 6;
/// A conditional write that another one is in the way of is tried this often.
const CONFLICTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct S3 {
    client: Client,
    place: Location,
    credentials_end: Option<SystemTime>,
}

impl S3 {
    pub(crate) async fn connect(place: &Location) -> Result<Self, RemoteError> {
        use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
        use aws_smithy_http_client::{Builder, tls};
        let http = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).build();
        let mut shared = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts);
        if std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
            shared = shared.retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        }
        let shared = shared.load().await;
        let provider = shared.credentials_provider().ok_or_else(|| none("no source of them is known"))?;
        let credentials = provider.provide_credentials().await.map_err(|error| none(&crate::error::chain(&error)))?;
        let own_endpoint = shared.endpoint_url().is_some()
            || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|url| !url.is_empty());
        let mut config =
            aws_sdk_s3::config::Builder::from(&shared).force_path_style(own_endpoint).retry_classifier(AsAsked);
        if shared.region().is_none() {
            config = config.region(aws_config::Region::new("us-east-1"));
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            place: place.clone(),
            credentials_end: credentials.expiry(),
        })
    }

    pub(crate) async fn small(&self, key: &str, most: u64) -> Result<Option<Small>, RemoteError> {
        let got = self
            .client
            .get_object()
            .bucket(&self.place.bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let mut got = match got {
            Ok(got) => got,
            Err(error) if answer(&error).1 == "NoSuchKey" => return Ok(None),
            Err(error) => return Err(failed(&format!("cannot read {}", self.place.url(key)), &error)),
        };
        let version = got.e_tag().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(next) = got.body.next().await {
            let next = next.map_err(|error| RemoteError::Network(format!("{}: {error}", self.place.url(key))))?;
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
        let crc = BASE64_STANDARD.encode(crc32c::crc32c(&bytes).to_be_bytes());
        let mut conflicts = 0;
        loop {
            let request = self.client.put_object().bucket(&self.place.bucket).key(key).checksum_crc32_c(&crc);
            let request = match when {
                Condition::Absent => request.if_none_match("*"),
                Condition::Version(version) => request.if_match(version),
            };
            let request = match sha256 {
                Some(sum) => request.metadata(SHA256, sum),
                None => request,
            };
            match request.body(ByteStream::from(bytes.clone())).send().await {
                Ok(_) => return Ok(Written::Done),
                Err(error) if status(&error) == 412 => return Ok(Written::Refused),
                Err(error) if status(&error) == 409 && conflicts < CONFLICTS => {
                    conflicts += 1;
                    tokio::time::sleep(Duration::from_millis(200) * conflicts).await;
                }
                Err(error) => return Err(failed(&format!("cannot write {}", self.place.url(key)), &error)),
            }
        }
    }

    /// Beginnings of keys up to the next slash behind a prefix; none if the bucket may not be listed.
    pub(crate) async fn prefixes(&self, prefix: &str) -> Vec<String> {
        let asked = self.client.list_objects_v2().bucket(&self.place.bucket).prefix(prefix).delimiter("/");
        let listed = asked.send().await.map(|page| page.common_prefixes.unwrap_or_default()).unwrap_or_default();
        listed.into_iter().filter_map(|one| one.prefix).collect()
    }

    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, RemoteError> {
        match self.client.head_object().bucket(&self.place.bucket).key(key).send().await {
            Ok(head) => Ok(Some(Head {
                size: head.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                sha256: head.metadata().and_then(|metadata| metadata.get(SHA256)).cloned(),
            })),
            Err(error) if status(&error) == 404 => Ok(None),
            Err(error) => Err(failed(&format!("cannot look at {}", self.place.url(key)), &error)),
        }
    }

    pub(crate) async fn send(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        if file.sums.parts.len() > 1 {
            return self.send_parts(file).await;
        }
        let _permit = file.gate.acquire().await;
        let bytes = file.piece.summed_part(0, file.sums)?;
        let written = self.put(file.key, bytes, &Condition::Absent, Some(&file.sums.sha256)).await?;
        file.done.fetch_add(file.sums.size, Ordering::Relaxed);
        Ok(written)
    }

    pub(crate) async fn open(&self, key: &str, from: u64) -> Result<Body, RemoteError> {
        let request = self.client.get_object().bucket(&self.place.bucket).key(key);
        let request = if from > 0 { request.range(format!("bytes={from}-")) } else { request };
        let got =
            request.send().await.map_err(|error| failed(&format!("cannot read {}", self.place.url(key)), &error))?;
        Ok(Body::S3(got.body))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), RemoteError> {
        let deleted = self.client.delete_object().bucket(&self.place.bucket).key(key).send().await;
        deleted.map(drop).map_err(|error| failed(&format!("cannot delete {}", self.place.url(key)), &error))
    }

    pub(crate) async fn sign(&self, key: &str, expires: Duration) -> Result<Signed, RemoteError> {
        let config = PresigningConfig::expires_in(expires)
            .map_err(|error| RemoteError::Usage(format!("no link can be signed: {error}")))?;
        let signed = self.client.get_object().bucket(&self.place.bucket).key(key).presigned(config).await;
        let signed = signed.map_err(|error| failed(&format!("cannot sign {}", self.place.url(key)), &error))?;
        Ok(Signed { url: signed.uri().to_owned() })
    }

    pub(crate) fn credentials_end(&self) -> Option<SystemTime> {
        self.credentials_end
    }
}

fn none(why: &str) -> RemoteError {
    RemoteError::Permission(format!("no AWS credentials: {why}"))
}
