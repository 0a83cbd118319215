//! Uploads: data first, each file under a name that only its bytes have, the manifest last and only if no
//! other is there. Until then there is no capture; a killed upload is gone on with.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use logtap_manifest::{Entry, MANIFEST, MAX_MANIFEST, Manifest};
use tokio::sync::Semaphore;

use crate::content::Sums;
use crate::sessions::Sessions;
use crate::store::{Condition, Outgoing, Small, Store, Written};
use crate::{Control, Location, Piece, RemoteError};

/// A capture that is to be uploaded.
#[derive(Debug)]
pub struct Upload<'u> {
    /// Where it will be.
    pub place: &'u Location,
    /// What it consists of.
    pub pieces: Vec<Piece>,
    /// Its id.
    pub capture_id: &'u str,
    /// True if every line went through redaction.
    pub redacted: bool,
    /// Name and version of the program.
    pub tool: &'u str,
    /// Parts that are on their way at the same time, at least 1.
    pub concurrency: usize,
    /// Replaces another upload of the same capture.
    pub force: bool,
    /// Uploads what was not redacted, too.
    pub allow_unredacted: bool,
    /// The directory that remembers what was begun.
    pub sessions: &'u Path,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is there now.
    Stored,
    /// It was there already.
    Same,
    /// It is there in place of another.
    Replaced,
}

/// What is there.
#[derive(Debug)]
pub struct Uploaded {
    /// What became of it.
    pub outcome: Outcome,
    /// Its files.
    pub manifest: Manifest,
}

/// Uploads.
///
/// # Errors
/// If it must not, may not or cannot be done; there is no capture at the place then, or the one that was.
pub fn upload(upload: &Upload<'_>, control: Control<'_>) -> Result<Uploaded, RemoteError> {
    if !upload.allow_unredacted && !upload.redacted {
        return Err(RemoteError::Usage("the capture was not redacted and is not uploaded".to_owned()));
    }
    if !upload.allow_unredacted && upload.pieces.iter().any(|piece| piece.name.starts_with("audit")) {
        return Err(RemoteError::Usage("audit.jsonl names clients and is not uploaded".to_owned()));
    }
    let sessions = Sessions::open(upload.sessions, &upload.place.to_string())?;
    let mut sums = Vec::new();
    for piece in &upload.pieces {
        sums.push(piece.sum(&control)?);
    }
    let entries = upload.pieces.iter().zip(&sums).map(|(piece, sums)| sums.entry(&piece.name)).collect();
    let manifest = Manifest::new(upload.capture_id, upload.tool, upload.redacted, entries);
    let done = AtomicU64::new(0);
    let outcome = control.block_on(&done, run(upload, &sums, &manifest, &sessions, &done))?;
    sessions.forget();
    Ok(Uploaded { outcome, manifest })
}

async fn run(
    upload: &Upload<'_>,
    sums: &[Sums],
    manifest: &Manifest,
    sessions: &Sessions,
    done: &AtomicU64,
) -> Result<Outcome, RemoteError> {
    let store = Store::connect(upload.place).await?;
    let key = upload.place.key(MANIFEST);
    let there = match store.small(&key, MAX_MANIFEST).await {
        // Whoever may only write is not told whether there is one; the write is conditional.
        Err(RemoteError::Permission(_)) => None,
        other => other?,
    };
    let former = match &there {
        Some(there) => match replaceable(there, manifest, upload)? {
            None => return Ok(Outcome::Same),
            former => former,
        },
        None => None,
    };
    let gate = Semaphore::new(upload.concurrency);
    let entries = upload.pieces.iter().zip(sums).map(|(piece, sums)| {
        let entry = sums.entry(&piece.name);
        (upload.place.key(&entry.key()), piece, sums)
    });
    let jobs: Vec<_> = entries.collect();
    stream::iter(&jobs)
        .map(|(key, piece, sums)| {
            bring(&store, upload.place, Outgoing { key, piece, sums, gate: &gate, sessions, done })
        })
        .buffer_unordered(upload.concurrency)
        .try_collect::<()>()
        .await?;
    let when = there.map_or(Condition::Absent, |there| Condition::Version(there.version));
    match store.put(&key, manifest.bytes().into(), &when).await? {
        Written::Done => {}
        // Somebody else was faster, or the answer to the first try was lost.
        Written::Refused => {
            let there = store.small(&key, MAX_MANIFEST).await?;
            let there = there.ok_or_else(|| RemoteError::Network(format!("{} has gone meanwhile", upload.place)))?;
            let same = Manifest::parse(&there.bytes).is_ok_and(|there| there.files == manifest.files);
            if !same {
                return Err(exists(upload, "somebody else uploaded it meanwhile"));
            }
        }
    }
    let Some(former) = former else { return Ok(Outcome::Stored) };
    let kept: BTreeSet<String> = manifest.files.iter().map(Entry::key).collect();
    for gone in former.files.iter().map(Entry::key).filter(|key| !kept.contains(key)) {
        store.delete(&upload.place.key(&gone)).await?;
    }
    Ok(Outcome::Replaced)
}

/// The manifest that may be replaced by this one; `None` if it is this one.
fn replaceable(there: &Small, manifest: &Manifest, upload: &Upload<'_>) -> Result<Option<Manifest>, RemoteError> {
    let Ok(former) = Manifest::parse(&there.bytes) else {
        return Err(exists(upload, "its manifest.json is not logtap's, or damaged, and is not replaced"));
    };
    if former.files == manifest.files {
        return Ok(None);
    }
    if former.capture_id != manifest.capture_id {
        return Err(exists(upload, "another capture is there, which is not replaced"));
    }
    if !upload.force {
        return Err(exists(upload, "the same capture in another state is there"));
    }
    Ok(Some(former))
}

fn exists(upload: &Upload<'_>, why: &str) -> RemoteError {
    RemoteError::Exists { url: upload.place.to_string(), why: why.to_owned() }
}

/// Brings a file there, unless it is there.
async fn bring(store: &Store, place: &Location, file: Outgoing<'_>) -> Result<(), RemoteError> {
    if is_there(store, place, file).await? {
        file.sessions.remove(file.key)?;
        file.done.fetch_add(file.sums.size, std::sync::atomic::Ordering::Relaxed);
        return Ok(());
    }
    match store.send(file).await? {
        Written::Done => Ok(()),
        // Another upload of the same bytes, or the answer to the first try was lost.
        Written::Refused if is_there(store, place, file).await? => Ok(()),
        Written::Refused => {
            Err(RemoteError::Network(format!("{} is not there after all; try again", place.url(file.key))))
        }
    }
}

async fn is_there(store: &Store, place: &Location, file: Outgoing<'_>) -> Result<bool, RemoteError> {
    let head = match store.head(file.key).await {
        Err(RemoteError::Permission(_)) => None,
        other => other?,
    };
    match head {
        None => Ok(false),
        Some(head) if head.size == file.sums.size && head.sha256.as_ref() == Some(&file.sums.sha256) => Ok(true),
        Some(_) => {
            let why = "something else than this file has its name; remove it".to_owned();
            Err(RemoteError::Exists { url: place.url(file.key), why })
        }
    }
}
