//! `logtap upload`: a capture in a bucket, and links to it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::args::FormatArgs;
use crate::error::CliError;
use crate::output::Ui;
use crate::when;

/// Bring a capture, or a snapshot of one, to a bucket
///
/// It will be at URL/ID, where ID is the capture's; files come first, manifest.json last, so that half an
/// upload is no capture. What was killed or cut goes on with the same command: nothing that arrived is sent
/// again. A capture may be uploaded while a receiver writes it; what it has now is uploaded. What was not
/// redacted, and audit.jsonl, which names clients, stays here without --allow-unredacted.
///
/// Credentials, regions and endpoints are found where aws and gcloud find them.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap upload capture/ s3://incidents/2026\n  logtap upload capture/ gs://incidents --share --expires 24h"
)]
pub(crate) struct UploadArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The bucket and a prefix in it: s3://BUCKET/PREFIX or gs://BUCKET/PREFIX
    #[arg(value_name = "URL", required_unless_present = "to")]
    pub(crate) url: Option<String>,
    /// As URL
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    pub(crate) to: Option<String>,
    /// Parts on their way at the same time, of 8 MB each
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) concurrency: NonZeroUsize,
    /// Print a link that anybody can download the capture with
    #[arg(long)]
    pub(crate) share: bool,
    /// How long the link works, 7d at most
    #[arg(long, alias = "expiry", default_value = "24h", value_name = "TIME", value_parser = expiry)]
    pub(crate) expires: std::time::Duration,
    /// Replace another state of the same capture there
    #[arg(long)]
    pub(crate) force: bool,
    /// Upload, and share, what was not redacted, and audit.jsonl
    #[arg(long)]
    pub(crate) allow_unredacted: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// No store signs for longer.
const MAX_EXPIRY: i64 = 7 * 24 * 3600 * 1_000_000_000;

fn expiry(text: &str) -> Result<std::time::Duration, String> {
    let length = when::duration(text).ok_or_else(|| "write a number and m, h or d, like 24h or 7d".to_owned())?;
    if !(1_000_000_000..=MAX_EXPIRY).contains(&length) {
        return Err("from 1s to 7d is possible".to_owned());
    }
    Ok(std::time::Duration::from_nanos(length.unsigned_abs()))
}

/// Uploads.
///
/// # Errors
/// If the capture cannot be read, must not be uploaded, or the bucket not be written; the same command goes
/// on then.
#[cfg(feature = "cloud")]
pub(crate) fn run(args: UploadArgs, ui: &Ui) -> Result<(), CliError> {
    crate::cloud::upload(args, ui)
}

/// Says which build uploads.
///
/// # Errors
/// Always.
#[cfg(not(feature = "cloud"))]
pub(crate) fn run(_args: UploadArgs, _ui: &Ui) -> Result<(), CliError> {
    Err(without())
}

/// What a build without the feature says.
#[cfg(not(feature = "cloud"))]
pub(crate) fn without() -> CliError {
    CliError::usage("this logtap was built without buckets and links")
        .hint("build it with `cargo build --release --features cloud`")
}
