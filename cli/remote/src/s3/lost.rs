//! Multipart uploads of which nothing is remembered here, because the memory was lost or is on another
//! machine: the bucket is asked for them, and one is gone on with where its parts are this file's.
//!
//! The key holds the digest of the file, so that whoever began an upload of it had the same bytes in mind. It
//! is not believed: a part counts by its size and its CRC-32C, and what came of such an upload is looked at
//! again when it is complete. One that is of no use stays: it may be somebody's who is at work.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_s3::types::ChecksumAlgorithm;

use super::S3;
use super::parts::{Believed, Stored};
use crate::RemoteError;
use crate::store::Outgoing;

/// Uploads of the same key that are looked at, the newest first.
const MOST: usize = 8;

impl S3 {
    /// The upload of this file that has most of its parts, and those parts; `None` if none has any.
    pub(super) async fn found(
        &self,
        file: Outgoing<'_>,
    ) -> Result<Option<(String, BTreeMap<usize, Stored>)>, RemoteError> {
        let asked = self.client.list_multipart_uploads().bucket(&self.place.bucket).prefix(file.key).send().await;
        // Whoever may not ask, or asks a store that does not know, begins anew.
        let Ok(listed) = asked else { return Ok(None) };
        let is_like_ours = |algorithm: Option<&ChecksumAlgorithm>| algorithm == Some(&ChecksumAlgorithm::Crc32C);
        let mut uploads: Vec<_> = listed
            .uploads()
            .iter()
            .filter(|upload| upload.key() == Some(file.key) && is_like_ours(upload.checksum_algorithm()))
            .collect();
        uploads.sort_by_key(|upload| Reverse(upload.initiated().map(|when| when.secs())));
        let mut best: Option<(String, BTreeMap<usize, Stored>)> = None;
        for id in uploads.into_iter().take(MOST).filter_map(|upload| upload.upload_id()) {
            let Some(parts) = self.stored(id, file, Believed::Sums).await? else { continue };
            if parts.len() > best.as_ref().map_or(0, |(_, parts)| parts.len()) {
                best = Some((id.to_owned(), parts));
            }
        }
        Ok(best)
    }

    /// Gives up an upload that was begun here. That it stays is no error: the bucket's lifecycle ends it.
    pub(super) async fn abandon(&self, id: &str, file: Outgoing<'_>) {
        let asked = self.client.abort_multipart_upload().bucket(&self.place.bucket).key(file.key).upload_id(id);
        drop(asked.send().await);
    }
}
