//! Signatures as Sigstore bundles (v0.3): the statement in a DSSE envelope, signed by a key of curve P-256
//! that lies in a PEM file. `cosign verify-blob-attestation` takes them; nothing here asks the network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::statement::STATEMENT;

/// The file that holds the bundle.
pub const SIGNATURE: &str = "statement.json.sigstore.json";
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What comes before the point of a P-256 key in its DER form (`SubjectPublicKeyInfo`).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of an uncompressed point.
const POINT: usize = 65;

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
    /// It holds another kind of key.
    #[error("{} holds no private key of curve P-256 in PKCS#8 without a password", .0.display())]
    Key(PathBuf),
    /// Something that does not happen.
    #[error("the signature cannot be made")]
    Failed,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is none.
    #[error("{SIGNATURE} is no Sigstore bundle (v0.3) of an in-toto statement: {0}")]
    Format(String),
    /// It holds another statement.
    #[error("{SIGNATURE} is of another statement than {STATEMENT}")]
    Other,
    /// No key that was named made it.
    #[error("it is signed by no key that you named")]
    Stranger,
}

/// A public key.
#[derive(Debug, Clone)]
pub struct Key {
    point: [u8; POINT],
    /// SHA-256 of its DER form, hexadecimal.
    pub fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Hint,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hint {
    hint: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    sig: String,
}

impl Key {
    /// Reads a public key in PEM; `None` if it is none of curve P-256.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let pem = pem::parse(text).ok().filter(|pem| pem.tag() == "PUBLIC KEY")?;
        Self::of(pem.contents().strip_prefix(&SPKI)?)
    }

    fn of(point: &[u8]) -> Option<Self> {
        let point: [u8; POINT] = point.try_into().ok()?;
        Some(Self { point, fingerprint: files::sha256(&[&SPKI[..], &point].concat()) })
    }
}

/// Signs with the private key in a file: the bundle, and the key.
///
/// # Errors
/// If the key cannot be used.
pub fn sign(path: &Path, message: &[u8]) -> Result<(String, Key), SignError> {
    let text = fs::read(path).map_err(|source| SignError::Read { path: path.to_owned(), source })?;
    let wrong = || SignError::Key(path.to_owned());
    let pem = pem::parse(text).ok().filter(|pem| pem.tag() == "PRIVATE KEY").ok_or_else(wrong)?;
    let random = SystemRandom::new();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pem.contents(), &random).map_err(|_| wrong())?;
    let key = Key::of(pair.public_key().as_ref()).ok_or_else(wrong)?;
    let sig = pair.sign(&random, &encoded(message)).map_err(|_| SignError::Failed)?;
    let bundle = Bundle {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: Material { public_key: Hint { hint: key.fingerprint.clone() } },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(message),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signed { sig: STANDARD.encode(sig) }],
        },
    };
    let text = serde_json::to_string(&bundle).map_err(|_| SignError::Failed)?;
    Ok((text + "\n", key))
}

/// Verifies a bundle of a message by one of these keys; the one it is by.
///
/// # Errors
/// If it is none, of something else, or by another key.
pub fn verify<'k>(bundle: &[u8], message: &[u8], keys: &'k [Key]) -> Result<&'k Key, Invalid> {
    let format = |what: &str| Invalid::Format(what.to_owned());
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(|error| Invalid::Format(error.to_string()))?;
    let Envelope { payload, payload_type, signatures } = bundle.dsse_envelope;
    if bundle.media_type != MEDIA_TYPE || payload_type != PAYLOAD_TYPE {
        return Err(format("its types are others"));
    }
    let [Signed { sig }] = &signatures[..] else { return Err(format("it has not one signature")) };
    let sig = STANDARD.decode(sig).map_err(|_| format("its signature is no base64"))?;
    if STANDARD.decode(payload).map_err(|_| format("its payload is no base64"))? != message {
        return Err(Invalid::Other);
    }
    let data = encoded(message);
    let by = |key: &&Key| UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.point).verify(&data, &sig).is_ok();
    keys.iter().find(by).ok_or(Invalid::Stranger)
}

/// What a DSSE signature is of (its pre-authentication encoding).
fn encoded(message: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), message.len());
    [head.as_bytes(), message].concat()
}
