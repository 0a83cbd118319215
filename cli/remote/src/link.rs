//! Links: what is behind an `https://` address that somebody shared.

use logtap_manifest::{MAX_MANIFEST, ShareList};
use reqwest::{Client, StatusCode, Url};

use crate::RemoteError;
use crate::requests::{self, ATTEMPTS};
use crate::store::Body;

/// A list behind a link, and how its files are fetched.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    pub(crate) list: ShareList,
}

impl Link {
    /// Reads the list.
    pub(crate) async fn open(url: &str) -> Result<Self, RemoteError> {
        let url = Url::parse(url).map_err(|error| RemoteError::Usage(format!("that is no link: {error}")))?;
        let client = requests::client()?;
        let mut tried = 0;
        let bytes = loop {
            tried += 1;
            match read(&client, &url).await? {
                Ok(bytes) => break bytes,
                Err(_) if tried < ATTEMPTS => requests::pause(tried, None).await,
                Err(lost) => return Err(RemoteError::Network(format!("cannot read the link: {lost}"))),
            }
        };
        let list = ShareList::parse(&bytes)?;
        for file in &list.files {
            let there = Url::parse(&file.url).ok();
            // A list that came through TLS does not lead out of it.
            let leads_out = there.is_none_or(|there| there.scheme() != url.scheme() && there.scheme() != "https");
            if leads_out {
                return Err(RemoteError::Refused(format!(
                    "the address of {} in the list is not fetched",
                    file.entry.path
                )));
            }
        }
        Ok(Self { client, list })
    }

    /// Bytes of a file from `from` on.
    pub(crate) async fn file(&self, n: usize, from: u64) -> Result<Body, RemoteError> {
        let file = &self.list.files[n];
        let what = format!("cannot read {}", file.entry.path);
        let url = Url::parse(&file.url).map_err(|error| RemoteError::Refused(format!("{what}: {error}")))?;
        get(&self.client, &url, &what, from).await
    }
}

/// All of what is behind the link. The inner error is a lost connection.
async fn read(client: &Client, url: &Url) -> Result<Result<Vec<u8>, String>, RemoteError> {
    let mut body = get(client, url, "cannot read the link", 0).await?;
    let mut bytes = Vec::new();
    while let Some(next) = body.next().await {
        let next = match next {
            Ok(next) => next,
            Err(lost) => return Ok(Err(lost)),
        };
        if (bytes.len() + next.len()) as u64 > MAX_MANIFEST {
            let why = "what is behind the link is no list of a capture's files: it is too large";
            return Err(RemoteError::Refused(why.to_owned()));
        }
        bytes.extend_from_slice(&next);
    }
    Ok(Ok(bytes))
}

async fn get(client: &Client, url: &Url, what: &str, from: u64) -> Result<Body, RemoteError> {
    let request = async || {
        let request = client.get(url.clone());
        Ok(if from > 0 { request.header("range", format!("bytes={from}-")) } else { request })
    };
    let answer = requests::send(what, request).await?;
    let expected = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    if answer.status() != expected {
        if answer.status().is_success() {
            return Err(RemoteError::Network(format!("{what}: the server does not send a part of it")));
        }
        return Err(match requests::refused(what, answer).await {
            // Stores say with status 400 that a signature's form is wrong, or its time is over.
            RemoteError::Permission(said) | RemoteError::Refused(said) => RemoteError::Link(said),
            other => other,
        });
    }
    Ok(Body::Http(answer))
}

/// An error without the address's query, which is as good as a password.
pub(crate) fn without_query(error: &reqwest::Error) -> String {
    let mut text = crate::error::chain(error);
    if let Some(query) = error.url().and_then(Url::query) {
        text = text.replace(query, "…");
    }
    text
}
