//! The flags of a receiver that runs in the cluster while its capture is written here: which of them
//! are for this machine, and which the container gets.

use std::path::PathBuf;

use logtap_capture::session::Options;

use super::value::parse_fsync;
use super::{RecvArgs, read_small, read_tokens, redactor};
use crate::command::recv::key;
use crate::deployed::file;
use crate::error::CliError;

/// What is done here, and what the container is told.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    /// The capture directory on this machine.
    pub(crate) dir: PathBuf,
    /// How it is written.
    pub(crate) options: Options,
    /// The receive time stands on every line.
    pub(crate) rx: bool,
    /// Flags for the container.
    pub(crate) flags: Vec<String>,
    /// Files for those flags.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// What the container is told about redaction and senders.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Names of the rules; `None` without redaction.
    pub(crate) redaction: Option<Vec<String>>,
    pub(crate) flags: Vec<String>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl RecvArgs {
    /// Splits the flags.
    ///
    /// # Errors
    /// If one cannot be used, or not together with `--in-cluster`.
    pub(in crate::command::recv) fn into_elsewhere(self) -> Result<Elsewhere, CliError> {
        for (given, flag) in [
            (self.tls_cert.is_some(), "--tls-cert: a receiver in the cluster gets a certificate of its own"),
            (!self.webhook_url.is_empty(), "--webhook-url"),
            (self.alert_rules.is_some(), "--alert-rules"),
            (self.stream.stream_listen.is_some(), "--stream-listen"),
            (self.auth.is_some(), "--auth: a receiver in the cluster asks for pods' tokens unless --no-auth is given"),
        ] {
            if given {
                return Err(CliError::usage(format!("not with --in-cluster: {flag}")));
            }
        }
        let hash = self.redact_hash.then_some(self.redact_key_file.clone());
        let mut told = tell(&self.dir, self.redact.as_deref(), self.redact_patterns.as_deref(), hash)?;
        if let Some(path) = &self.auth_token_file {
            told.files.push(("tokens".to_owned(), read_tokens(path)?.join("\n").into_bytes()));
            told.flags.extend(["--auth-token-file".to_owned(), file("tokens")]);
        }
        if self.rx {
            told.flags.push("--rx".to_owned());
        }
        let Told { redaction, flags, files } = told;
        let options = Options {
            max_file: self.max_file,
            max_disk: self.max_disk,
            fsync: parse_fsync(&self.fsync)?,
            redaction,
            tool: format!("logtap {}", env!("CARGO_PKG_VERSION")),
            background: true,
        };
        Ok(Elsewhere { dir: self.dir, options, rx: self.rx, flags, files })
    }
}

/// Checks the rules here, so that a file that cannot be used stops the start, and passes them on.
pub(crate) fn tell(
    dir: &std::path::Path,
    rules: Option<&str>,
    patterns: Option<&std::path::Path>,
    hash: Option<Option<PathBuf>>,
) -> Result<Told, CliError> {
    let checked = redactor(dir, rules, patterns, hash.clone())?;
    let mut told = Told { redaction: checked.map(|redactor| redactor.names().to_vec()), ..Told::default() };
    if let Some(rules) = rules {
        told.flags.push(format!("--redact={rules}"));
    }
    if let Some(path) = patterns {
        told.files.push(("patterns.yaml".to_owned(), read_small(path)?.into_bytes()));
        told.flags.extend(["--redact-patterns".to_owned(), file("patterns.yaml")]);
    }
    if let Some(key_file) = hash {
        told.files.push(("redact.key".to_owned(), key::load(key_file, dir)?.to_vec()));
        told.flags.extend(["--redact-hash".to_owned(), "--redact-key-file".to_owned(), file("redact.key")]);
    }
    Ok(told)
}
