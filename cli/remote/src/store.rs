//! What uploads and downloads ask of an object store, whichever it is.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::content::{Piece, Sums};
use crate::gcs::Gcs;
use crate::location::{Location, Scheme};
use crate::s3::S3;
use crate::sessions::Sessions;
use crate::{RemoteError, link};

/// Under this name the SHA-256 of an object's bytes stands in its metadata.
pub(crate) const SHA256: &str = "logtap-sha256";

/// A bucket that can be asked.
#[derive(Debug)]
pub(crate) enum Store {
    S3(S3),
    Gcs(Box<Gcs>),
}

/// When a small object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// If there is none of that name.
    Absent,
    /// If it is still this version.
    Version(String),
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there now.
    Done,
    /// The condition does not hold.
    Refused,
}

/// A small object.
#[derive(Debug)]
pub(crate) struct Small {
    pub(crate) bytes: Vec<u8>,
    /// For [`Condition::Version`].
    pub(crate) version: String,
}

/// What a store says about an object.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) size: u64,
    /// What whoever wrote it said about it.
    pub(crate) sha256: Option<String>,
}

/// A file on its way up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'u> {
    pub(crate) key: &'u str,
    pub(crate) piece: &'u Piece,
    pub(crate) sums: &'u Sums,
    /// As many parts as it has permits are on their way at the same time.
    pub(crate) gate: &'u Semaphore,
    pub(crate) sessions: &'u Sessions,
    /// Bytes that are there.
    pub(crate) done: &'u AtomicU64,
}

/// Bytes as they come.
#[derive(Debug)]
pub(crate) enum Body {
    S3(aws_sdk_s3::primitives::ByteStream),
    Gcs(google_cloud_storage::read_object::ReadObjectResponse),
    Http(reqwest::Response),
}

impl Body {
    /// The next bytes; an error in the midst says only that the connection was lost.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, String>> {
        match self {
            Self::S3(body) => body.next().await.map(|bytes| bytes.map_err(|error| crate::error::chain(&error))),
            Self::Gcs(body) => body.next().await.map(|bytes| bytes.map_err(|error| crate::error::chain(&error))),
            Self::Http(body) => body.chunk().await.map_err(|error| link::without_query(&error)).transpose(),
        }
    }
}

/// A signed address.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) url: String,
}

impl Store {
    /// Finds credentials as the store's own tools do.
    pub(crate) async fn connect(location: &Location) -> Result<Self, RemoteError> {
        match location.scheme {
            Scheme::S3 => S3::connect(location).await.map(Self::S3),
            Scheme::Gs => Gcs::connect(location).await.map(Box::new).map(Self::Gcs),
        }
    }

    /// Reads a small object; `None` if there is none.
    pub(crate) async fn small(&self, key: &str, most: u64) -> Result<Option<Small>, RemoteError> {
        match self {
            Self::S3(store) => store.small(key, most).await,
            Self::Gcs(store) => store.small(key, most).await,
        }
    }

    /// Writes a small object.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes, when: &Condition) -> Result<Written, RemoteError> {
        match self {
            Self::S3(store) => store.put(key, bytes, when, None).await,
            Self::Gcs(store) => store.put(key, bytes, when, None).await,
        }
    }

    /// Names that begin what lies one level below a place; none if that may not be asked.
    pub(crate) async fn below(&self, place: &Location) -> Result<Vec<String>, RemoteError> {
        let prefix = place.key("");
        let prefixes = match self {
            Self::S3(store) => store.prefixes(&prefix).await,
            Self::Gcs(store) => store.prefixes(&prefix).await?,
        };
        let name = |found: &String| found.strip_prefix(&prefix)?.strip_suffix('/').map(str::to_owned);
        Ok(prefixes.iter().filter_map(name).filter(|name| !name.is_empty()).collect())
    }

    /// What is known of an object; `None` if there is none.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<Head>, RemoteError> {
        match self {
            Self::S3(store) => store.head(key).await,
            Self::Gcs(store) => store.head(key).await,
        }
    }

    /// Brings a file there, in parts if it is large; goes on where a killed process stopped.
    pub(crate) async fn send(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        match self {
            Self::S3(store) => store.send(file).await,
            Self::Gcs(store) => store.send(file).await,
        }
    }

    /// Bytes of an object from `from` on.
    pub(crate) async fn open(&self, key: &str, from: u64) -> Result<Body, RemoteError> {
        match self {
            Self::S3(store) => store.open(key, from).await,
            Self::Gcs(store) => store.open(key, from).await,
        }
    }

    /// Removes an object; that there is none is no error.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), RemoteError> {
        match self {
            Self::S3(store) => store.delete(key).await,
            Self::Gcs(store) => store.delete(key).await,
        }
    }

    /// An address that anybody can read an object at.
    pub(crate) async fn sign(&self, key: &str, expires: Duration) -> Result<Signed, RemoteError> {
        match self {
            Self::S3(store) => store.sign(key, expires).await,
            Self::Gcs(store) => store.sign(key, expires).await,
        }
    }

    /// When the credentials that sign end, if they do.
    pub(crate) fn credentials_end(&self) -> Option<SystemTime> {
        match self {
            Self::S3(store) => store.credentials_end(),
            Self::Gcs(_) => None,
        }
    }
}
