//! `logtap sign`: says who vouches for a capture, so that a change shows.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use logtap_capture::disk::RealDisk;
use logtap_capture::folder::Folder;
use logtap_capture::lock::Lock;
use logtap_capture::metadata::Metadata;
use logtap_sign::files::{self, MANIFEST};
use logtap_sign::place::{self, Signed};
use logtap_sign::ssh::{self, SignError};
use logtap_sign::statement::Statement;
use logtap_sign::{SIGNATURES, minisign, sigstore};
use serde::Serialize;

use super::verify::{self, VerifyArgs};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::{archived, args};

/// Private keys that are tried in turn, in `~/.ssh`, as ssh does.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Sign a capture, so that any change shows
///
/// Writes manifest.sha256 (checksums, for sha256sum -c), statement.json (an in-toto statement of the
/// files, lines, losses and redaction) and statement.json.sig, its signature by your SSH key.
/// logtap verify checks it, and so does ssh-keygen -Y verify -n capture@logtap.io. With
/// --format minisign the signature is statement.json.minisig, which minisign -V checks, too; with
/// --format sigstore it is a bundle for cosign verify-blob-attestation. A capture that a receiver
/// writes cannot be signed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap sign capture/\n  logtap sign capture/ --key ~/.ssh/incident_ed25519\n  logtap sign capture/ --format minisign --key release.key\n  logtap verify capture/ --allowed-signers ~/.ssh/allowed_signers"
)]
pub(crate) struct SignArgs {
    /// The capture
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The key to sign with: an SSH key (a public one if an agent holds the private one) or minisign's
    /// secret key, or one of curve P-256 in PEM [default: the first of ~/.ssh/id_ed25519, id_ecdsa, id_rsa; ~/.minisign/minisign.key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Kind of the signature; `json` is the same as --json
    #[arg(long, value_enum, default_value = "ssh", hide_possible_values = true, value_name = "ssh|minisign|sigstore")]
    pub(crate) format: SignFormat,
    /// Sign again what is signed already
    #[arg(long)]
    force: bool,
    /// Check instead, as logtap verify does (1.x)
    #[arg(long, hide = true)]
    verify: bool,
    /// Accepted with --verify: whose signatures count
    #[arg(long, value_name = "FILE", requires = "verify", hide = true)]
    allowed_signers: Vec<PathBuf>,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Kinds of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignFormat {
    /// By an SSH key
    Ssh,
    /// By a minisign key
    Minisign,
    /// By a P-256 key in PEM, as a Sigstore bundle
    Sigstore,
    /// By an SSH key, and printed as JSON
    Json,
}

impl SignFormat {
    /// The file that holds such a signature.
    fn file(self) -> &'static str {
        match self {
            Self::Minisign => minisign::SIGNATURE,
            Self::Sigstore => sigstore::SIGNATURE,
            Self::Ssh | Self::Json => ssh::SIGNATURE,
        }
    }

    /// The signature of these bytes, and the key that it is by.
    fn sign(self, key: &Path, bytes: &[u8]) -> Result<(String, String), CliError> {
        let internal = |error: Box<dyn std::error::Error + Send + Sync>| CliError::new(Kind::Internal, error);
        match self {
            Self::Minisign => {
                let signature = minisign::sign(key, bytes).map_err(of_minisign)?;
                let by = minisign::signer(&signature).ok_or_else(|| internal(minisign::Invalid::Format.into()))?;
                Ok((signature, by))
            }
            Self::Sigstore => {
                let (bundle, key) = sigstore::sign(key, bytes).map_err(of_sigstore)?;
                Ok((bundle, key.fingerprint))
            }
            Self::Ssh | Self::Json => {
                let signature = ssh::sign(key, bytes).map_err(of_ssh)?;
                let signer = ssh::signer(signature.as_bytes(), bytes).map_err(|error| internal(error.into()))?;
                Ok((signature, ssh::fingerprint(&signer)))
            }
        }
    }
}

/// What was signed; `docs/signing.md` describes it.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    dir: String,
    files: Vec<SignedFile>,
    /// Sum of the statement: names what was signed in one word.
    root_hash: String,
    /// Fingerprint of the key.
    key: String,
    signature: String,
}

#[derive(Debug, Serialize)]
struct SignedFile {
    file: String,
    sha256: String,
    bytes: u64,
}

/// Signs.
///
/// # Errors
/// If the directory is no capture, is in use, is signed already, or the key cannot be used.
pub(crate) fn run(args: SignArgs, ui: &Ui) -> Result<(), CliError> {
    if args.verify {
        let SignArgs { dir, key, allowed_signers, jobs, .. } = args;
        return verify::run(VerifyArgs::of_sign(dir, key, allowed_signers, jobs), ui);
    }
    let SignArgs { dir, key, format, force, jobs, .. } = args;
    let dir = dir.as_path();
    archived::refuse(dir, "signed")?;
    let metadata = match Metadata::read(dir) {
        Ok(Some(metadata)) => metadata,
        Ok(None) if dir.is_dir() => return Err(CliError::usage(format!("{} is no capture", dir.display()))),
        Ok(None) => return Err(CliError::new(Kind::NotFound, format!("{} does not exist", dir.display()))),
        Err(error) => return Err(CliError::new(Kind::Internal, error)),
    };
    let key = key.map_or_else(|| usual_key(format), Ok)?;
    let _held = Lock::take(dir)?;
    // A statement alone is what a run that was killed has left.
    if !force && SIGNATURES.iter().any(|name| fs::symlink_metadata(dir.join(name)).is_ok()) {
        let hint = "check it with logtap verify; --force replaces the signature by yours";
        return Err(CliError::usage(format!("{} is signed already", dir.display())).hint(hint));
    }
    place::clear(&RealDisk, dir).map_err(|error| CliError::at(dir, &error))?;
    let Described { files, manifest, statement } = describe(dir, &metadata, args::threads(jobs))?;
    let bytes = statement.bytes().map_err(|error| CliError::new(Kind::Internal, error))?;
    let (signature, key) = format.sign(&key, &bytes)?;
    let (name, manifest) = (format.file(), manifest.as_bytes());
    let signed = Signed { manifest, statement: &bytes, name, signature: signature.as_bytes() };
    place::place(&RealDisk, dir, signed).map_err(|error| CliError::at(dir, &error))?;
    if ui.json {
        let files = files.into_iter().map(|one| SignedFile { file: one.name, sha256: one.sha256, bytes: one.size });
        let (dir, root_hash) = (dir.display().to_string(), files::sha256(&bytes));
        return ui.print_json(&Report { version: 1, dir, files: files.collect(), root_hash, key, signature });
    }
    ui.note(format_args!("signed {} files with {key}", files.len()));
    Ok(())
}

/// What is to be signed. Nothing of it is written before there is a signature.
struct Described {
    /// All files, the manifest among them.
    files: Vec<files::Summed>,
    manifest: String,
    statement: Statement,
}

fn describe(dir: &Path, metadata: &Metadata, threads: usize) -> Result<Described, CliError> {
    let folder = Folder::Directory(dir.to_owned());
    let mut names = files::names(&folder, &SIGNATURES).map_err(verify::unreadable)?;
    names.retain(|name| name != MANIFEST);
    let mut files = files::sums(&folder, &names, threads).map_err(verify::unreadable)?;
    let manifest = files::manifest(&files);
    files.push(files::Summed {
        name: MANIFEST.to_owned(),
        sha256: files::sha256(manifest.as_bytes()),
        size: manifest.len() as u64,
    });
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let statement = Statement::new(&files, metadata);
    Ok(Described { files, manifest, statement })
}

fn usual_key(format: SignFormat) -> Result<PathBuf, CliError> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    if format == SignFormat::Minisign {
        let key = home.join(".minisign/minisign.key");
        return if key.is_file() {
            Ok(key)
        } else {
            Err(CliError::usage("there is no minisign key in ~/.minisign to sign with")
                .hint("name one with --key, or make one: minisign -G"))
        };
    }
    if format == SignFormat::Sigstore {
        return Err(CliError::usage("a Sigstore bundle needs a key of curve P-256: name its PEM file with --key")
            .hint("make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"));
    }
    let found = USUAL.iter().map(|name| home.join(".ssh").join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        CliError::usage("there is no SSH key in ~/.ssh to sign with")
            .hint("name one with --key, or make one: ssh-keygen -t ed25519")
    })
}

fn of_ssh(error: SignError) -> CliError {
    match &error {
        SignError::Read { path, source } => CliError::at(path, source),
        SignError::Refused { .. } => {
            CliError::new(Kind::Permission, error).hint("is it the right key, and its passphrase?")
        }
        SignError::Keygen { .. } | SignError::Format(_) => CliError::new(Kind::Internal, error),
    }
}

fn of_minisign(error: minisign::SignError) -> CliError {
    match &error {
        minisign::SignError::Read { path, source } => CliError::at(path, source),
        minisign::SignError::Program(_) => {
            CliError::new(Kind::NotFound, error).hint("it signs with keys of its own: install the package minisign")
        }
        minisign::SignError::Refused(_) => {
            CliError::new(Kind::Permission, error).hint("is it the right key, and its password?")
        }
        minisign::SignError::Io(_) => CliError::new(Kind::Internal, error),
    }
}

fn of_sigstore(error: sigstore::SignError) -> CliError {
    match &error {
        sigstore::SignError::Read { path, source } => CliError::at(path, source),
        sigstore::SignError::Key(_) => CliError::usage(error.to_string())
            .hint("openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW brings one into that form"),
        sigstore::SignError::Failed => CliError::new(Kind::Internal, error),
    }
}
