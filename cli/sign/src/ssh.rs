//! Signatures by SSH keys, as `ssh-keygen -Y` makes and checks them (OpenSSH's PROTOCOL.sshsig).
//!
//! The crate ssh-key reads and writes the formats; ring, which TLS is made with here too, signs and verifies.
//! What only ssh-keygen can sign with (a passphrase, an agent, a key on hardware) is left to it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use ssh_key::private::KeypairData;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

use crate::statement::STATEMENT;

/// What signatures of ours are for; one made for something else is not taken.
pub const NAMESPACE: &str = "capture@logtap.io";

/// The file that holds the signature.
pub const SIGNATURE: &str = "statement.json.sig";

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
    /// ssh-keygen is needed and cannot be run.
    #[error("{} needs ssh-keygen, which cannot be run: {source}", path.display())]
    Keygen {
        /// The key's file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// ssh-keygen did not sign.
    #[error("ssh-keygen does not sign with {}: {said}", path.display())]
    Refused {
        /// The key's file.
        path: PathBuf,
        /// What it said.
        said: String,
    },
    /// What was made is no signature.
    #[error("the signature cannot be written down: {0}")]
    Format(#[from] ssh_key::Error),
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is none.
    #[error("{SIGNATURE} is no SSH signature: {0}")]
    Format(String),
    /// It was made for something else.
    #[error("{SIGNATURE} was made for \"{0}\", not for \"{NAMESPACE}\"")]
    Namespace(String),
    /// The kind of key is not known here.
    #[error("{SIGNATURE} is by a key of type {0}, which this logtap cannot verify; ssh-keygen -Y verify may")]
    Kind(String),
    /// It is not of this statement.
    #[error("{SIGNATURE} is no signature of {STATEMENT}: one of them was changed")]
    Wrong,
}

/// Signs with the key in a file: a private key, or a public one whose other half an agent holds.
///
/// # Errors
/// If the key cannot be used.
pub fn sign(key: &Path, message: &[u8]) -> Result<String, SignError> {
    let text = fs::read(key).map_err(|source| SignError::Read { path: key.to_owned(), source })?;
    let read = PrivateKey::from_openssh(&text).ok().filter(|private| !private.is_encrypted());
    match read.as_ref().map(|private| (private, private.key_data())) {
        Some((private, KeypairData::Ed25519(pair))) => {
            let pair = signature::Ed25519KeyPair::from_seed_and_public_key(pair.private.as_ref(), pair.public.as_ref());
            let pair = pair.map_err(|_| ssh_key::Error::PublicKey)?;
            let data = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, message)?;
            let signature = Signature::new(Algorithm::Ed25519, pair.sign(&data).as_ref())?;
            let public = private.public_key().key_data().clone();
            Ok(SshSig::new(public, NAMESPACE, HashAlg::Sha512, signature)?.to_pem(LineEnding::LF)?)
        }
        _ => by_keygen(key, message),
    }
}

/// Has ssh-keygen sign; it asks for a passphrase where the terminal is.
fn by_keygen(key: &Path, message: &[u8]) -> Result<String, SignError> {
    let failed = |source| SignError::Keygen { path: key.to_owned(), source };
    let mut child = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it reads says why.
        let _ended_early = stdin.write_all(message).is_err();
    }
    let done = child.wait_with_output().map_err(failed)?;
    let signature = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() || SshSig::from_pem(&signature).is_err() {
        let said = String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or("it says nothing").to_owned();
        return Err(SignError::Refused { path: key.to_owned(), said });
    }
    Ok(signature)
}

/// The key that signed this message, after its signature was verified. Whether that key counts is another
/// question: see [`crate::signers`].
///
/// # Errors
/// If it is no valid signature of the message.
pub fn signer(signature: &[u8], message: &[u8]) -> Result<PublicKey, Invalid> {
    let format = |error: ssh_key::Error| Invalid::Format(error.to_string());
    let signed = SshSig::from_pem(signature).map_err(format)?;
    if signed.namespace() != NAMESPACE {
        return Err(Invalid::Namespace(signed.namespace().to_owned()));
    }
    let data = SshSig::signed_data(NAMESPACE, signed.hash_alg(), message).map_err(format)?;
    let key = signed.public_key();
    let by = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8], signature: &[u8]| {
        UnparsedPublicKey::new(algorithm, key).verify(&data, signature).map_err(|_| Invalid::Wrong)
    };
    let bytes = signed.signature_bytes();
    match (key, signed.algorithm()) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => by(&signature::ED25519, &key.0, bytes)?,
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }) => {
            by(&signature::ECDSA_P256_SHA256_FIXED, key.as_sec1_bytes(), &fixed(bytes, 32)?)?;
        }
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 }) => {
            by(&signature::ECDSA_P384_SHA384_FIXED, key.as_sec1_bytes(), &fixed(bytes, 48)?)?;
        }
        (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(hash) }) => {
            let algorithm = match hash {
                HashAlg::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                _ => &signature::RSA_PKCS1_2048_8192_SHA512,
            };
            let number = |number: &ssh_key::Mpint| number.as_positive_bytes().map(<[u8]>::to_vec).ok_or(Invalid::Wrong);
            let parts = RsaPublicKeyComponents { n: number(&key.n)?, e: number(&key.e)? };
            parts.verify(algorithm, &data, bytes).map_err(|_| Invalid::Wrong)?;
        }
        (_, other) => return Err(Invalid::Kind(other.to_string())),
    }
    Ok(PublicKey::from(key.clone()))
}

/// The name of a key, as ssh-keygen -l prints it: `SHA256:…`.
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The two numbers of an ECDSA signature, each of `size` bytes.
fn fixed(signature: &[u8], size: usize) -> Result<Vec<u8>, Invalid> {
    let mut out = Vec::with_capacity(2 * size);
    let mut rest = signature;
    for _ in 0..2 {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(Invalid::Wrong)?;
        let (number, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Invalid::Wrong)?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let missing = size.checked_sub(number.len()).ok_or(Invalid::Wrong)?;
        out.resize(out.len() + missing, 0);
        out.extend_from_slice(number);
        rest = tail;
    }
    if rest.is_empty() { Ok(out) } else { Err(Invalid::Wrong) }
}
