//! Downloads: every file is compared with the manifest while it comes, in a directory beside the target that
//! is renamed when all are there. What a killed download left is gone on with.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use logtap_capture::disk::{Disk, DiskFile};
use logtap_capture::lock::Lock;
use logtap_capture::name;
use logtap_capture::reader::Capture;
use logtap_capture::target::Target;
use logtap_manifest::{Entry, MANIFEST, MAX_MANIFEST, Manifest};
use sha2::{Digest as _, Sha256};

use crate::content::hex;
use crate::link::Link;
use crate::requests::{self, ATTEMPTS};
use crate::store::{Body, Small, Store};
use crate::{Control, Location, RemoteError};

/// Bytes of what is there already that are read at once.
const PIECE: usize = 1 << 20;

/// Places below the one that was named that are looked at for a capture.
const MOST_BELOW: usize = 20;

/// Where a capture is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a bucket.
    Bucket(Location),
    /// Behind a link.
    Link(String),
}

/// What has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Id of the capture.
    pub capture_id: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub size: u64,
}

/// What is asked for files.
#[derive(Debug)]
enum Origin {
    Bucket(Box<Store>, Location),
    Link(Link),
}

/// What all files of a run share.
struct Run<'r> {
    origin: Origin,
    /// Where they grow.
    dir: &'r Path,
    disk: &'r dyn Disk,
    control: &'r Control<'r>,
    done: &'r AtomicU64,
}

/// Downloads a capture to a place; `sized` is told how many bytes will come.
///
/// # Errors
/// If it does not exist, may not be read, is damaged, asks for a file that is not a capture's, or cannot be
/// written. Nothing is at the target then. After a failure that another try may mend, what has come stays
/// beside it for that.
pub fn download(
    source: &Source,
    target: &Target,
    disk: &Arc<dyn Disk>,
    concurrency: usize,
    sized: &dyn Fn(u64),
    control: Control<'_>,
) -> Result<Downloaded, RemoteError> {
    let lock = target.resume_directory()?;
    let growing = target.growing();
    let done = AtomicU64::new(0);
    let came = control.block_on(&done, async {
        let (origin, capture_id, files) = find(source).await?;
        sized(files.iter().map(|file| file.size).sum());
        let run = Run { origin, dir: &growing, disk: disk.as_ref(), control: &control, done: &done };
        run.clear(&files)?;
        stream::iter(files.iter().enumerate())
            .map(|(n, file)| run.fetch(n, file))
            .buffer_unordered(concurrency)
            .try_collect::<()>()
            .await?;
        Ok(Downloaded { capture_id, files: files.len() as u64, size: files.iter().map(|file| file.size).sum() })
    });
    let whole = came.and_then(|came| match Capture::open(&growing) {
        Ok(_) => Ok(came),
        Err(error) => Err(RemoteError::Damaged(format!("the files are no capture: {error}"))),
    });
    match whole {
        Ok(came) => {
            if let Err(error) = target.finish_directory(disk.as_ref(), lock) {
                if let Ok(lock) = Lock::take(&growing) {
                    target.abandon_directory(disk.as_ref(), lock);
                }
                return Err(error.into());
            }
            Ok(came)
        }
        Err(error) => {
            if error.may_be_mended() {
                drop(lock);
                // Unless nothing has come.
                fs::remove_dir(&growing).unwrap_or_default();
            } else {
                target.abandon_directory(disk.as_ref(), lock);
            }
            Err(error)
        }
    }
}

/// The manifest of the only capture one level below a place.
async fn only_below(store: &Store, place: &Location) -> Result<(Location, Small), RemoteError> {
    let mut found = Vec::new();
    for name in store.below(place).await?.into_iter().take(MOST_BELOW) {
        let below = place.below(&name);
        if store.head(&below.key(MANIFEST)).await?.is_some() {
            found.push(below);
        }
    }
    if found.len() > 1 {
        let names = found.iter().map(Location::to_string).collect::<Vec<_>>().join(", ");
        return Err(RemoteError::Usage(format!("there are several captures at {place}: name one of {names}")));
    }
    let nothing = || RemoteError::NotFound(format!("there is no capture at {place}"));
    let only = found.pop().ok_or_else(nothing)?;
    let manifest = store.small(&only.key(MANIFEST), MAX_MANIFEST).await?.ok_or_else(nothing)?;
    Ok((only, manifest))
}

async fn find(source: &Source) -> Result<(Origin, String, Vec<Entry>), RemoteError> {
    match source {
        Source::Bucket(place) => {
            let store = Store::connect(place).await?;
            let (place, manifest) = match store.small(&place.key(MANIFEST), MAX_MANIFEST).await? {
                Some(manifest) => (place.clone(), manifest),
                None => only_below(&store, place).await?,
            };
            let manifest = Manifest::parse(&manifest.bytes)?;
            Ok((Origin::Bucket(Box::new(store), place), manifest.capture_id, manifest.files))
        }
        Source::Link(url) => {
            let link = Link::open(url).await?;
            let files = link.list.files.iter().map(|file| file.entry.clone()).collect();
            let id = link.list.capture_id.clone();
            Ok((Origin::Link(link), id, files))
        }
    }
}

impl Run<'_> {
    /// Removes what an earlier run left and this one has no use for.
    fn clear(&self, files: &[Entry]) -> Result<(), RemoteError> {
        let failed = |source| RemoteError::Local { path: self.dir.to_owned(), source };
        for entry in fs::read_dir(self.dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let wanted = entry
                .file_name()
                .to_str()
                .is_some_and(|file| file == name::LOCK || files.iter().any(|wanted| wanted.path == file));
            if !wanted {
                self.disk.unlink(&entry.path()).map_err(failed)?;
            }
        }
        Ok(())
    }

    async fn open(&self, n: usize, file: &Entry, from: u64) -> Result<Body, RemoteError> {
        match &self.origin {
            Origin::Bucket(store, place) => store.open(&place.key(&file.key()), from).await,
            Origin::Link(link) => link.file(n, from).await,
        }
    }

    /// Brings a file, or the rest of it.
    async fn fetch(&self, n: usize, file: &Entry) -> Result<(), RemoteError> {
        let path = self.dir.join(&file.path);
        let failed = |source| RemoteError::Local { path: path.clone(), source };
        let (mut hash, mut at) = self.left(&path, file).map_err(failed)?;
        self.control.check()?;
        self.done.fetch_add(at, Ordering::Relaxed);
        let mut began = at;
        loop {
            let out = if at == 0 { self.disk.create_new(&path) } else { self.disk.open(&path) }.map_err(failed)?;
            self.receive(n, file, &mut hash, at, out.as_ref()).await?;
            out.sync().map_err(failed)?;
            if hex(&hash.clone().finalize()) == file.sha256 {
                return Ok(());
            }
            self.disk.unlink(&path).map_err(failed)?;
            if began == 0 {
                let what = "is not what was uploaded: its SHA-256 differs";
                return Err(RemoteError::Damaged(format!("{} {what}", file.path)));
            }
            // What an earlier run left was not what it had received: the machine stopped.
            (hash, at, began) = (Sha256::new(), 0, 0);
        }
    }

    /// What an earlier run left of a file: its sum so far, and its length.
    fn left(&self, path: &Path, file: &Entry) -> io::Result<(Sha256, u64)> {
        let mut hash = Sha256::new();
        let mut there = match fs::File::open(path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((hash, 0)),
            Err(error) => return Err(error),
        };
        let length = there.metadata()?.len();
        if length == 0 || length > file.size {
            self.disk.unlink(path)?;
            return Ok((hash, 0));
        }
        let mut buffer = vec![0; PIECE];
        let mut at = 0;
        while self.control.check().is_ok() {
            let got = there.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            hash.update(&buffer[..got]);
            at += got as u64;
        }
        Ok((hash, at))
    }

    /// Receives from `at` to the end; a lost connection is taken up again.
    async fn receive(
        &self,
        n: usize,
        file: &Entry,
        hash: &mut Sha256,
        mut at: u64,
        out: &dyn DiskFile,
    ) -> Result<(), RemoteError> {
        let mut tried = 0;
        while at < file.size {
            let before = at;
            let mut why = "the connection was cut".to_owned();
            match self.open(n, file, at).await {
                Ok(mut body) => {
                    while let Some(next) = body.next().await {
                        let bytes = match next {
                            Ok(bytes) => bytes,
                            Err(lost) => {
                                why = lost;
                                break;
                            }
                        };
                        if at + bytes.len() as u64 > file.size {
                            let why = format!(
                                "{} is not what was uploaded: it is longer than {} bytes",
                                file.path, file.size
                            );
                            return Err(RemoteError::Damaged(why));
                        }
                        let written = out.write_all_at(&bytes, at);
                        written.map_err(|source| RemoteError::Local { path: self.dir.join(&file.path), source })?;
                        hash.update(&bytes);
                        at += bytes.len() as u64;
                        self.done.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    }
                }
                Err(RemoteError::NotFound(_)) => {
                    return Err(RemoteError::Damaged(format!(
                        "{} is missing where the manifest says it is",
                        file.path
                    )));
                }
                Err(error) => return Err(error),
            }
            if at < file.size {
                tried = if at > before { 1 } else { tried + 1 };
                if tried >= ATTEMPTS {
                    return Err(RemoteError::Network(format!("{} did not come whole: {why}", file.path)));
                }
                requests::pause(tried, None).await;
            }
        }
        Ok(())
    }
}
