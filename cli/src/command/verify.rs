//! `logtap verify`: whether a capture is what somebody signed.

use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use logtap_capture::archive::ArchiveError;
use logtap_capture::folder::Folder;
use logtap_capture::reader::OpenError;
use logtap_capture::time;
use logtap_sign::check::{self, Differences};
use logtap_sign::files::{self, FilesError};
use logtap_sign::signers::Signers;
use logtap_sign::statement::{STATEMENT, Statement};
use logtap_sign::{SIGNATURES, minisign, sigstore, ssh};
use serde::Serialize;

use crate::args::{self, FormatArgs};
use crate::error::{CliError, Kind};
use crate::output::Ui;

/// Check that a capture is what somebody signed
///
/// Says yes only for a key that you name: a key that lies in the capture proves nothing. Files that
/// were changed, removed or added are named.
///
/// Exit status is 6 if the signature does not count or a file differs, 0 if all is as it was signed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap verify capture/ --allowed-signers ~/.ssh/allowed_signers\n  logtap verify capture/ --key colleague.pub\n  ssh-keygen -Y verify -n capture@logtap.io -f allowed_signers -I me@example.com \\\n    -s capture/statement.json.sig < capture/statement.json"
)]
pub(crate) struct VerifyArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A file of allowed signers, as ssh-keygen reads it; may be repeated
    #[arg(long, value_name = "FILE")]
    allowed_signers: Vec<PathBuf>,
    /// A file with public keys, of SSH or minisign or in PEM; may be repeated
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Only a signature of this name in the allowed signers counts
    #[arg(long, value_name = "NAME", requires = "allowed_signers")]
    identity: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl VerifyArgs {
    /// What `sign --verify` of 1.x asks for.
    pub(crate) fn of_sign(
        dir: PathBuf,
        key: Option<PathBuf>,
        allowed_signers: Vec<PathBuf>,
        jobs: Option<NonZeroUsize>,
    ) -> Self {
        let format = FormatArgs { format: None };
        Self { dir, allowed_signers, key: key.into_iter().collect(), identity: None, format, jobs }
    }
}

/// What was found; `docs/signing.md` describes it.
#[derive(Debug, Serialize)]
struct Verified {
    version: u32,
    dir: String,
    valid: bool,
    /// Why the signature does not count; absent if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who signed, as the user's file names them.
    signer: Option<String>,
    /// Fingerprint of the key that signed.
    key: Option<String>,
    /// Sum of the statement.
    root_hash: String,
    #[serde(flatten)]
    differences: Differences,
}

/// Checks.
///
/// # Errors
/// If it is not as it was signed, by a key that the user named, or that cannot be found out.
pub(crate) fn run(args: VerifyArgs, ui: &Ui) -> Result<(), CliError> {
    let named = named(&args, ui)?;
    let folder = Folder::open(&args.dir).map_err(|error| match error {
        // What cannot be read is not what somebody signed.
        OpenError::Archive { source: ArchiveError::Refused(_), .. } => CliError::new(Kind::Findings, error),
        other => other.into(),
    })?;
    let read = |name: &str| {
        let bytes = folder.read(name).map_err(|error| CliError::at(&args.dir.join(name), &error))?;
        let unsigned = || format!("{} is not signed: it has no {name}", args.dir.display());
        bytes.ok_or_else(|| CliError::new(Kind::Findings, unsigned()))
    };
    let bytes = read(STATEMENT)?;
    // Of several signatures that of the kind of key which was named is looked at; others are files too many.
    let names = folder.names().map_err(|error| CliError::at(&args.dir, &error))?;
    let there = SIGNATURES.into_iter().filter(|file| names.iter().any(|name| name == file));
    let file = there.min_by_key(|name| named.is_empty(name)).unwrap_or(ssh::SIGNATURE);
    let Judged { signer, key, reason } = named.judge(file, &read(file)?, &bytes, args.identity.as_deref());
    // What a stranger states is not worth comparing with.
    let differences = if reason.is_none() {
        let statement = Statement::read(&bytes).map_err(|error| CliError::new(Kind::Findings, error))?;
        check::compare(&folder, &statement, file, args::threads(args.jobs)).map_err(unreadable)?
    } else {
        Differences::default()
    };
    let found = Verified {
        version: 1,
        dir: args.dir.display().to_string(),
        valid: reason.is_none() && differences.is_empty(),
        reason,
        signer,
        key,
        root_hash: files::sha256(&bytes),
        differences,
    };
    tell(&found, ui)
}

/// What a signature comes to.
struct Judged {
    signer: Option<String>,
    key: Option<String>,
    /// Why it does not count.
    reason: Option<String>,
}

fn by_ssh_key(signature: &[u8], bytes: &[u8], signers: &Signers, identity: Option<&str>) -> Judged {
    let key = match ssh::signer(signature, bytes) {
        Ok(key) => key,
        Err(why) => return Judged { signer: None, key: None, reason: Some(why.to_string()) },
    };
    let signer = signers.who(&key, identity).map(str::to_owned);
    let key = ssh::fingerprint(&key);
    let reason = signer.is_none().then(|| format!("it is signed by {key}, which is no key that you named"));
    Judged { signer, key: Some(key), reason }
}

/// The keys that were named, by kind.
#[derive(Default)]
struct Named {
    ssh: Signers,
    minisign: Vec<minisign::Key>,
    sigstore: Vec<sigstore::Key>,
}

impl Named {
    /// True if no key of the kind that makes such a file was named.
    fn is_empty(&self, file: &str) -> bool {
        match file {
            minisign::SIGNATURE => self.minisign.is_empty(),
            sigstore::SIGNATURE => self.sigstore.is_empty(),
            _ => self.ssh.is_empty(),
        }
    }

    fn judge(&self, file: &str, signature: &[u8], bytes: &[u8], identity: Option<&str>) -> Judged {
        let found = match file {
            minisign::SIGNATURE => minisign::verify(signature, bytes, &self.minisign)
                .map(|key| ("minisign key", &key.number))
                .map_err(|why| why.to_string()),
            sigstore::SIGNATURE => sigstore::verify(signature, bytes, &self.sigstore)
                .map(|key| ("the owner of key", &key.fingerprint))
                .map_err(|why| why.to_string()),
            _ => return by_ssh_key(signature, bytes, &self.ssh, identity),
        };
        match found {
            Ok((who, key)) => Judged { signer: Some(format!("{who} {key}")), key: Some(key.clone()), reason: None },
            Err(why) => Judged { signer: None, key: None, reason: Some(why) },
        }
    }

    /// Takes a file that holds a key of another kind than SSH's; false if it does not.
    fn takes(&mut self, text: &str) -> bool {
        let (minisign, sigstore) = (minisign::Key::read(text), sigstore::Key::read(text));
        let taken = minisign.is_some() || sigstore.is_some();
        self.minisign.extend(minisign);
        self.sigstore.extend(sigstore);
        taken
    }
}

fn named(args: &VerifyArgs, ui: &Ui) -> Result<Named, CliError> {
    if args.allowed_signers.is_empty() && args.key.is_empty() {
        return Err(CliError::usage("whose signature counts? A key that lies in the capture proves nothing")
            .hint("name a file of allowed signers with --allowed-signers, or a public key with --key"));
    }
    let now = time::now().div_euclid(time::SECOND);
    let mut all = Named::default();
    for path in args.allowed_signers.iter().chain(&args.key) {
        let text = fs::read_to_string(path).map_err(|error| CliError::at(path, &error))?;
        if args.key.contains(path) && all.takes(&text) {
            continue;
        }
        let read = Signers::read(&text, now);
        for (line, why) in &read.unused {
            ui.note(format_args!("{} line {line} names nobody: {why}", path.display()));
        }
        all.ssh.add(read);
    }
    if SIGNATURES.iter().all(|file| all.is_empty(file)) {
        return Err(CliError::usage("the files that you named hold no key that counts"));
    }
    if args.identity.is_some() {
        // Whoever asks for a name asks for one of the allowed signers.
        (all.minisign, all.sigstore) = (Vec::new(), Vec::new());
    }
    Ok(all)
}

fn tell(found: &Verified, ui: &Ui) -> Result<(), CliError> {
    if ui.json {
        ui.print_json(found)?;
    } else {
        let mut out = ui.data();
        let named = |out: &mut dyn io::Write, what: &str, files: &[String]| {
            files.iter().try_for_each(|file| writeln!(out, "{what}  {file}"))
        };
        let changed: Vec<String> = found.differences.mismatches.iter().map(|one| one.file.clone()).collect();
        named(&mut out, "changed", &changed)?;
        named(&mut out, "missing", &found.differences.missing)?;
        named(&mut out, "extra  ", &found.differences.extra)?;
        out.flush()?;
    }
    match (&found.reason, found.valid) {
        (Some(why), _) => Err(CliError::new(Kind::Findings, format!("{} does not verify: {why}", found.dir))),
        (None, false) => {
            let Differences { mismatches, missing, extra } = &found.differences;
            let counts = format!("{} changed, {} missing, {} extra", mismatches.len(), missing.len(), extra.len());
            let error = CliError::new(Kind::Findings, format!("{} is not as it was signed: {counts}", found.dir));
            let is_audit =
                mismatches.is_empty() && extra.is_empty() && missing.iter().all(|file| file.starts_with("audit"));
            Err(if is_audit {
                error.hint(
                    "a snapshot and an upload leave audit.jsonl behind, which names clients; nothing else is missing",
                )
            } else {
                error
            })
        }
        (None, true) => {
            let (signer, key) = (found.signer.as_deref().unwrap_or_default(), found.key.as_deref().unwrap_or_default());
            ui.note(format_args!("{} is as {signer} signed it ({key})", found.dir));
            Ok(())
        }
    }
}

/// A directory that cannot be compared.
pub(crate) fn unreadable(error: FilesError) -> CliError {
    match &error {
        FilesError::Io { path, source } => CliError::at(path, source),
        FilesError::NoFile(_) | FilesError::NoText(_) => CliError::new(Kind::Findings, error),
    }
}
