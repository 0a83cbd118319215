//! Certificates that others write: loaded from files, replaced without a
//! restart when the files change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::x509::Certificate;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file holds no certificate or key in PEM.
    #[error("{} holds no {what} in PEM form", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key cannot be used together, or at all.
    #[error("{} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The TLS library's reason.
        reason: String,
    },
    /// The TLS library cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The certificate in force. Handshakes take the newest; reloading never
/// replaces a good certificate by a broken one.
#[derive(Debug)]
pub struct Reloading {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    seen: ArcSwap<Stamp>,
}

type Stamp = [Option<SystemTime>; 2];

impl Reloading {
    /// Loads a certificate chain and its key.
    ///
    /// # Errors
    /// See [`CertError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, CertError> {
        let loaded = load_pair(certificate, key)?;
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(loaded),
            seen: ArcSwap::from_pointee([modified(certificate), modified(key)]),
        }))
    }

    /// Loads the files again if they changed since the last time; true if a new certificate is in force.
    ///
    /// # Errors
    /// If the new files cannot be used; the old certificate stays.
    pub fn reload(&self) -> Result<bool, CertError> {
        let stamp = [modified(&self.certificate), modified(&self.key)];
        if **self.seen.load() == stamp {
            return Ok(false);
        }
        self.seen.store(Arc::new(stamp));
        self.current.store(Arc::new(load_pair(&self.certificate, &self.key)?));
        Ok(true)
    }

    /// The certificate in force, as far as it can be read.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.current.load().cert.first().and_then(|der| Certificate::from_der(der).ok())
    }
}

impl ResolvesServerCert for Reloading {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CertError> {
    fs::read(path).map_err(|source| CertError::Read { path: path.to_owned(), source })
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    let pem = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if chain.is_empty() { Err(CertError::Empty { path: path.to_owned(), what: "certificate" }) } else { Ok(chain) }
}

fn load_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertError> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| CertError::Empty { path: key.to_owned(), what: "private key" })?;
    let unusable = |error: rustls::Error| CertError::Unusable {
        path: certificate.to_owned(),
        reason: format!("with {}: {error}", key.display()),
    };
    let pair = CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(unusable)?;
    pair.keys_match().map_err(unusable)?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(dir: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn touch(path: &Path) {
        let later = SystemTime::now() + std::time::Duration::from_secs(2);
        fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
    }

    #[test]
    fn reloads_good_and_keeps_the_old_against_bad() {
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = write_pair(dir.path());
        let resolver = Reloading::load(&certificate, &key).unwrap();
        let first = resolver.current.load_full();
        assert!(!resolver.reload().unwrap());
        write_pair(dir.path());
        touch(&certificate);
        assert!(resolver.reload().unwrap());
        let second = resolver.current.load_full();
        assert_ne!(first.cert, second.cert);
        fs::write(&key, "nonsense").unwrap();
        assert!(matches!(resolver.reload(), Err(CertError::Empty { .. })));
        assert_eq!(resolver.current.load_full().cert, second.cert);
    }

    #[test]
    fn key_of_another_certificate() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificate, _) = write_pair(one.path());
        let (_, key) = write_pair(other.path());
        assert!(matches!(Reloading::load(&certificate, &key), Err(CertError::Unusable { .. })));
    }
}
