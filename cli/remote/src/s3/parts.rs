//! Large files, part by part. The upload's id is remembered before the first part is sent, and the store is
//! asked which parts it has: those are never sent again.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::S3;
use super::failed::{answer, failed, status};
use crate::RemoteError;
use crate::sessions::Session;
use crate::store::{Outgoing, SHA256, Written};

/// A part that the store has.
pub(super) struct Stored {
    etag: String,
    crc: Option<String>,
}

/// Which parts of an upload count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Believed {
    /// Those of which nothing is known that speaks against them: the upload was begun here.
    Own,
    /// Those whose sums are known and right.
    Sums,
}

impl S3 {
    pub(super) async fn send_parts(&self, file: Outgoing<'_>) -> Result<Written, RemoteError> {
        let part = file.piece.part();
        let mut known = file.sessions.get(file.key);
        if let Some(session) = known.take_if(|session| session.part != part) {
            self.abandon(&session.id, file).await;
        }
        let left = match &known {
            Some(session) => self.stored(&session.id, file, Believed::Own).await?,
            None => None,
        };
        // Asked once: whoever is stopped again and again would have to look at all that he has left.
        let lost = if file.sessions.are_new() { self.found(file).await? } else { None };
        let (id, stored, found) = match (known, left) {
            (Some(session), Some(left)) => (session.id, left, false),
            _ => match lost {
                Some((id, left)) => {
                    file.sessions.put(file.key, Session { id: id.clone(), part })?;
                    (id, left, true)
                }
                None => (self.begin(part, file).await?, BTreeMap::new(), false),
            },
        };
        let parts = file.piece.parts();
        let have: u64 = stored.keys().map(|n| parts[*n].1).sum();
        file.done.fetch_add(have, Ordering::Relaxed);
        let missing = (0..parts.len()).filter(|n| !stored.contains_key(n));
        // The gate lets through fewer; this is how many wait before it.
        let sent: Vec<Option<(usize, Stored)>> = stream::iter(missing)
            .map(|n| self.send_part(&id, n, file))
            .buffer_unordered(parts.len())
            .try_collect()
            .await?;
        let Some(sent) = sent.into_iter().collect::<Option<BTreeMap<_, _>>>() else {
            // Somebody else has completed the upload, or given it up: whoever asked looks what is there.
            file.sessions.remove(file.key)?;
            return Ok(Written::Refused);
        };
        let written = self.complete(&id, stored.into_iter().chain(sent), file).await?;
        // What somebody else began need not say what it is.
        Ok(if found { Written::Refused } else { written })
    }

    /// The parts of an upload that are those of this file; `None` if there is no such upload any more.
    pub(super) async fn stored(
        &self,
        id: &str,
        file: Outgoing<'_>,
        believed: Believed,
    ) -> Result<Option<BTreeMap<usize, Stored>>, RemoteError> {
        let mut parts = BTreeMap::new();
        let sizes = file.piece.parts();
        let request = self.client.list_parts().bucket(&self.place.bucket).key(file.key).upload_id(id);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if answer(&error).1 == "NoSuchUpload" || status(&error) == 404 => return Ok(None),
                Err(error) => {
                    return Err(failed(&format!("cannot list the parts of {}", self.place.url(file.key)), &error));
                }
            };
            for part in page.parts() {
                let Some(n) = part.part_number().and_then(|n| usize::try_from(n - 1).ok()).filter(|n| *n < sizes.len())
                else {
                    continue;
                };
                let ours = part.size() == i64::try_from(sizes[n].1).ok()
                    && part
                        .checksum_crc32_c()
                        .map_or(believed == Believed::Own, |crc| crc == spelled(file.sums.parts[n]));
                if let (true, Some(etag)) = (ours, part.e_tag()) {
                    parts.insert(n, Stored { etag: etag.to_owned(), crc: part.checksum_crc32_c().map(str::to_owned) });
                }
            }
        }
        Ok(Some(parts))
    }

    async fn begin(&self, part: u64, file: Outgoing<'_>) -> Result<String, RemoteError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.place.bucket)
            .key(file.key)
            .checksum_algorithm(ChecksumAlgorithm::Crc32C)
            .metadata(SHA256, &file.sums.sha256)
            .send()
            .await
            .map_err(|error| failed(&format!("cannot write {}", self.place.url(file.key)), &error))?;
        let id = begun.upload_id().unwrap_or_default().to_owned();
        file.sessions.put(file.key, Session { id: id.clone(), part })?;
        Ok(id)
    }

    /// Sends a part; `None` if there is no such upload any more.
    async fn send_part(&self, id: &str, n: usize, file: Outgoing<'_>) -> Result<Option<(usize, Stored)>, RemoteError> {
        let _permit = file.gate.acquire().await;
        let bytes = file.piece.summed_part(n, file.sums)?;
        let length = bytes.len() as u64;
        let crc = spelled(file.sums.parts[n]);
        let sent = self
            .client
            .upload_part()
            .bucket(&self.place.bucket)
            .key(file.key)
            .upload_id(id)
            .part_number(number(n))
            .checksum_crc32_c(&crc)
            .body(ByteStream::from(bytes))
            .send()
            .await;
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) if answer(&error).1 == "NoSuchUpload" => return Ok(None),
            Err(error) => {
                let what = format!("cannot write part {} of {}", n + 1, self.place.url(file.key));
                return Err(failed(&what, &error));
            }
        };
        file.done.fetch_add(length, Ordering::Relaxed);
        let etag = sent.e_tag().unwrap_or_default().to_owned();
        Ok(Some((n, Stored { etag, crc: sent.checksum_crc32_c().map(str::to_owned) })))
    }

    async fn complete(
        &self,
        id: &str,
        parts: impl Iterator<Item = (usize, Stored)>,
        file: Outgoing<'_>,
    ) -> Result<Written, RemoteError> {
        let parts: BTreeMap<usize, Stored> = parts.collect();
        let parts = parts.into_iter().map(|(n, stored)| {
            CompletedPart::builder().part_number(number(n)).e_tag(stored.etag).set_checksum_crc32_c(stored.crc).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let completed = self
            .client
            .complete_multipart_upload()
            .bucket(&self.place.bucket)
            .key(file.key)
            .upload_id(id)
            .if_none_match("*")
            .multipart_upload(parts)
            .send()
            .await;
        let written = match completed {
            Ok(_) => Written::Done,
            // An answer that was lost on its way looks like this, and so does another upload of the same bytes.
            Err(error) if matches!(status(&error), 404 | 409 | 412) => Written::Refused,
            // Somebody else has sent a part of it again meanwhile.
            Err(error) if answer(&error).1 == "InvalidPart" => {
                let url = self.place.url(file.key);
                return Err(RemoteError::Network(format!("parts of {url} were replaced while it was completed")));
            }
            Err(error) => return Err(failed(&format!("cannot complete {}", self.place.url(file.key)), &error)),
        };
        file.sessions.remove(file.key)?;
        Ok(written)
    }
}

/// S3 counts parts from 1.
fn number(n: usize) -> i32 {
    i32::try_from(n + 1).unwrap_or(i32::MAX)
}

/// A CRC as S3 spells it.
fn spelled(crc: u32) -> String {
    BASE64_STANDARD.encode(crc.to_be_bytes())
}
