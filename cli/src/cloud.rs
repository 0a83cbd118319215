//! Captures to and from buckets and links: what the command line adds to `logtap_remote`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::target::Target;
use logtap_capture::{name, time};
use logtap_carry::{CarryError, Source, snapshot};
use logtap_remote::{Content, Control, Downloaded, Location, Outcome, Piece, RemoteError, Shared, Upload, Uploaded};
use serde::Serialize;

use crate::command::download::DownloadArgs;
use crate::command::upload::UploadArgs;
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::{carrying, size, state_dir};

/// What `upload --json` prints.
#[derive(Debug, Serialize)]
struct UploadReport {
    source: String,
    destination: String,
    outcome: &'static str,
    files: usize,
    bytes: u64,
    #[serde(flatten)]
    share: Option<ShareReport>,
}

#[derive(Debug, Serialize)]
struct ShareReport {
    expires: String,
    share_url: String,
    share_urls: std::collections::BTreeMap<String, String>,
}

/// Uploads a capture.
///
/// # Errors
/// As the command.
pub(crate) fn upload(args: UploadArgs, ui: &Ui) -> Result<(), CliError> {
    let UploadArgs { dir, url, to, concurrency, share, expires, force, allow_unredacted, format: _ } = args;
    let place = Location::parse(&url.or(to).unwrap_or_default())?;
    let source = carrying::open(&dir)?;
    let redacted = is_redacted(&source);
    if !redacted && !allow_unredacted {
        let message = format!("{} was not redacted, or not all of it, and stays here", dir.display());
        return Err(CliError::usage(message).hint("--allow-unredacted uploads it all the same"));
    }
    let place = place.below(source.id());
    let pieces = pieces(&source, allow_unredacted)?;
    let tool = carrying::tool();
    let sessions = state_dir::path()?.join("uploads");
    let upload = Upload {
        place: &place,
        pieces,
        capture_id: source.id(),
        redacted,
        tool: &tool,
        concurrency: concurrency.get(),
        force,
        allow_unredacted,
        sessions: &sessions,
    };
    let bytes = source.bytes();
    let Uploaded { outcome, manifest } = carrying::watched(ui, bytes, |cancelled, bar| {
        let progress = |done| bar.inc(done);
        logtap_remote::upload(&upload, Control { cancelled, progress: &progress })
    })?;
    let shared = if share { Some(sign(&place, expires, allow_unredacted, ui)?) } else { None };
    let outcome = match outcome {
        Outcome::Stored => "stored",
        Outcome::Same => {
            ui.note(format_args!("{place} is there already, the same; nothing was sent"));
            "same"
        }
        Outcome::Replaced => "replaced",
    };
    if let Some(shared) = &shared {
        let why = if shared.cut_by_credentials { ", when the credentials that signed it do" } else { "" };
        ui.note(format_args!(
            "the link ends at {}{why}; whoever has it can read the capture",
            time::format(shared.expires)
        ));
    }
    let report = UploadReport {
        source: dir.display().to_string(),
        destination: place.to_string(),
        outcome,
        files: manifest.files.len(),
        bytes: manifest.size(),
        share: shared.map(|Shared { url, expires, files, .. }| ShareReport {
            expires: time::format(expires),
            share_url: url,
            share_urls: files,
        }),
    };
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    writeln!(text, "{place}  {} files, {}", report.files, size::show(report.bytes))?;
    if let Some(share) = &report.share {
        writeln!(text, "{}", share.share_url)?;
    }
    Ok(text.flush()?)
}

fn sign(place: &Location, expires: std::time::Duration, unredacted: bool, ui: &Ui) -> Result<Shared, CliError> {
    carrying::watched(ui, 0, |cancelled, _| {
        logtap_remote::share(place, expires, unredacted, Control { cancelled, progress: &|_| () })
    })
}

/// True if every line of a capture went through redaction, as it says itself.
fn is_redacted(source: &Source) -> bool {
    let redaction = source.capture.metadata.as_ref().and_then(|metadata| metadata.redaction.as_ref());
    redaction.is_some_and(|redaction| redaction.enabled)
}

/// The files of a capture as they are now.
fn pieces(source: &Source, audit: bool) -> Result<Vec<Piece>, CliError> {
    let mut pieces = Vec::new();
    for (name, member) in snapshot::members(source)? {
        let content = match member {
            snapshot::Member::Bytes(bytes) => Content::Bytes(bytes.into()),
            snapshot::Member::File(file, cut) => Content::File(file.clone(), cut.length, cut.tail),
        };
        pieces.push(Piece { name, content });
    }
    if audit {
        pieces.extend(audits(source.dir())?);
    }
    Ok(pieces)
}

/// The audit logs of a capture: one, or those that 1.x's merge left.
fn audits(dir: &Path) -> Result<Vec<Piece>, CliError> {
    let mut pieces = Vec::new();
    // A snapshot has none.
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(pieces) };
    for entry in entries {
        let path = entry?.path();
        let name = name::of(&path).to_owned();
        if !name.starts_with("audit") || !name.ends_with(".jsonl") {
            continue;
        }
        let file = File::open(&path).map_err(|error| CliError::at(&path, &error))?;
        let length = file.metadata()?.len();
        pieces.push(Piece { name, content: Content::File(Arc::new(file), length, &[]) });
    }
    Ok(pieces)
}

/// What `download --json` prints.
#[derive(Debug, Serialize)]
struct DownloadReport {
    source: String,
    output: String,
    capture_id: String,
    files: u64,
    bytes: u64,
}

/// Downloads a capture from a bucket or from behind a link.
///
/// # Errors
/// As the command.
pub(crate) fn download(args: DownloadArgs, ui: &Ui) -> Result<(), CliError> {
    let DownloadArgs { url, dir, out, concurrency, follow, .. } = args;
    if follow {
        return Err(CliError::usage("--follow is for k8s://: what is in a bucket does not grow"));
    }
    let dir = dir.or(out);
    let (source, dir) = if url.starts_with("http") {
        let dir = dir.ok_or_else(|| CliError::usage("name the directory to write to, after the link"))?;
        (logtap_remote::Source::Link(url.clone()), dir)
    } else {
        let place = Location::parse(&url)?;
        let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let dir = dir.unwrap_or_else(|| PathBuf::from(last));
        (logtap_remote::Source::Bucket(place), dir)
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let target = Target::directory(&dir, &[], false).map_err(CarryError::from)?;
    let Downloaded { capture_id, files, size } = carrying::watched(ui, 0, |cancelled, bar| {
        let (progress, sized) = (|done| bar.inc(done), |bytes| bar.set_length(bytes));
        let control = Control { cancelled, progress: &progress };
        logtap_remote::download(&source, &target, &disk, concurrency.get(), &sized, control)
    })?;
    // A link is as good as a password: it is not printed again.
    let source = url.split('?').next().unwrap_or_default().to_owned();
    let report = DownloadReport { source, output: dir.display().to_string(), capture_id, files, bytes: size };
    if ui.json {
        return ui.print_json(&report);
    }
    let mut text = ui.data();
    writeln!(text, "{}  {files} files, {}, each as it was uploaded", report.output, size::show(size))?;
    Ok(text.flush()?)
}

impl From<RemoteError> for CliError {
    fn from(error: RemoteError) -> Self {
        const AGAIN: &str = "the same command goes on where it was";
        let error = match error {
            RemoteError::Target(error) => return CarryError::from(error).into(),
            other => other,
        };
        let full = error.io().is_some_and(|cause| cause.kind() == io::ErrorKind::StorageFull);
        let (kind, hint) = match &error {
            RemoteError::Usage(_) => (Kind::Usage, None),
            RemoteError::Exists { .. } => {
                (Kind::Usage, Some("--force replaces another state of the same capture, and nothing else"))
            }
            RemoteError::NotFound(_) => (Kind::NotFound, None),
            RemoteError::Permission(_) => (
                Kind::Permission,
                Some("what `aws sts get-caller-identity` or `gcloud auth list` shows is what is used"),
            ),
            RemoteError::Link(_) => {
                (Kind::Permission, Some("has it expired, or been cut? ask whoever shared the capture for a new link"))
            }
            RemoteError::Network(_) => (Kind::Network, Some(AGAIN)),
            RemoteError::Busy(_) => (Kind::InUse, None),
            RemoteError::Damaged(_) => (Kind::Findings, Some("nothing of it was kept; ask whoever uploaded it")),
            RemoteError::Refused(_) => (Kind::Usage, None),
            RemoteError::Changed(_) => (Kind::Internal, Some(AGAIN)),
            RemoteError::Cancelled => (Kind::Cancelled, Some(AGAIN)),
            RemoteError::Local { source, .. } => {
                let hint = full.then_some("nothing was left there; make room, or name a place on another disk");
                (Self::from(io::Error::from(source.kind())).kind, hint)
            }
            RemoteError::Target(_) => (Kind::Internal, None),
        };
        let error = Self::new(kind, error);
        if let Some(hint) = hint { error.hint(hint) } else { error }
    }
}
