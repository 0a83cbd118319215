//! Signatures by minisign keys. The crate minisign-verify verifies them; the program `minisign` makes them,
//! since it alone opens keys that have a password.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{PublicKey, Signature};

use crate::statement::STATEMENT;

/// The file that holds the signature, where minisign looks for it.
pub const SIGNATURE: &str = "statement.json.minisig";
/// What minisign shows beside a good signature.
const COMMENT: &str = "capture@logtap.io";
/// Bytes before the number of a key, in keys and signatures.
const ALGORITHM: usize = 2;

/// Why something was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's file cannot be read.
    #[error("cannot read the key {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("minisign cannot be run: {0}")]
    Program(io::Error),
    /// It did not sign.
    #[error("minisign does not sign with {}; it has said why", .0.display())]
    Refused(PathBuf),
    /// What is to be signed cannot be handed over, or the signature not be taken.
    #[error("cannot hand minisign what to sign: {0}")]
    Io(io::Error),
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is none.
    #[error("{SIGNATURE} is no minisign signature")]
    Format,
    /// It is by a key that was not named.
    #[error("it is signed by minisign key {0}, which is no key that you named")]
    Stranger(String),
    /// It is not of this statement.
    #[error("{SIGNATURE} is no signature of {STATEMENT}: one of them was changed")]
    Wrong,
}

/// A public key.
#[derive(Debug, Clone)]
pub struct Key {
    key: PublicKey,
    /// Its number, as minisign writes it.
    pub number: String,
}

impl Key {
    /// Reads a file of minisign's, or the key alone; `None` if it holds none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let line =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("untrusted comment:"))?;
        Some(Self { key: PublicKey::from_base64(line).ok()?, number: number(line)? })
    }
}

/// The number of the key in the first base64 line of a key or signature.
fn number(line: &str) -> Option<String> {
    let bytes = STANDARD.decode(line).ok()?;
    let number: [u8; 8] = bytes.get(ALGORITHM..ALGORITHM + 8)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_le_bytes(number)))
}

/// The number of the key that a signature says it is by; nothing is verified.
#[must_use]
pub fn signer(signature: &str) -> Option<String> {
    number(signature.lines().nth(1)?.trim())
}

/// Verifies a signature of a message by one of these keys; the one it is by.
///
/// # Errors
/// If it is none, by another key, or not of this message.
pub fn verify<'k>(signature: &[u8], message: &[u8], keys: &'k [Key]) -> Result<&'k Key, Invalid> {
    let text = std::str::from_utf8(signature).map_err(|_| Invalid::Format)?;
    let by = signer(text).ok_or(Invalid::Format)?;
    let signature = Signature::decode(text).map_err(|_| Invalid::Format)?;
    let mut same = keys.iter().filter(|key| key.number == by).peekable();
    if same.peek().is_none() {
        return Err(Invalid::Stranger(by));
    }
    // Two keys may have one number by design of somebody.
    same.find(|key| key.key.verify(message, &signature, false).is_ok()).ok_or(Invalid::Wrong)
}

/// Signs with the secret key in a file; minisign asks for its password where the terminal is.
///
/// # Errors
/// If the key or minisign cannot be used.
pub fn sign(key: &Path, message: &[u8]) -> Result<String, SignError> {
    fs::metadata(key).map_err(|source| SignError::Read { path: key.to_owned(), source })?;
    let folder = tempfile::tempdir().map_err(SignError::Io)?;
    let (from, to) = (folder.path().join(STATEMENT), folder.path().join(SIGNATURE));
    fs::write(&from, message).map_err(SignError::Io)?;
    let done = Command::new("minisign")
        .args(["-S", "-t", COMMENT, "-s"])
        .arg(key)
        .arg("-m")
        .arg(&from)
        .arg("-x")
        .arg(&to)
        // What it asks and says is for the person.
        .stdout(io::stderr())
        .status()
        .map_err(SignError::Program)?;
    if !done.success() {
        return Err(SignError::Refused(key.to_owned()));
    }
    fs::read_to_string(&to).map_err(SignError::Io)
}
