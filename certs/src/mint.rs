//! Makes authorities and leaves: P-256, good from one hour before, so that clocks may disagree; short-lived
//! ones from half their life before.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::x509::{Certificate, Unreadable};

/// How long before its making a certificate is good, at most.
const EARLIER: Duration = Duration::from_secs(3600);
/// Name of every authority of ours; tells them from others in a bundle.
const NAME: &str = "logtap webhook CA";

/// Why nothing could be minted, or a pair is none.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The library cannot make it.
    #[error("no certificate could be made: {0}")]
    Library(#[from] rcgen::Error),
    /// What it made cannot be served.
    #[error("the certificate cannot be served: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificate cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The certificate is not an authority's.
    #[error("the certificate is not an authority's")]
    NoAuthority,
    /// Key and certificate are of different pairs.
    #[error("the key is not the certificate's")]
    Mismatch,
}

/// A certificate that signs leaves, with its key.
#[derive(Clone)]
pub struct Authority {
    certificate: Certificate,
    key: Arc<KeyPair>,
}

/// A certificate that is served, with its key, which never leaves the process.
#[derive(Clone, Debug)]
pub struct Leaf {
    certificate: Certificate,
    issuer: Authority,
    key: Arc<CertifiedKey>,
}

impl Authority {
    /// Makes a new one.
    ///
    /// # Errors
    /// If the library cannot.
    pub fn mint(now: SystemTime, life: Duration) -> Result<Self, MintError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(&[], now - earlier(life), now + life)?;
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = Certificate::from_der(params.self_signed(&key)?.der())?;
        Ok(Self { certificate, key: Arc::new(key) })
    }

    /// Puts certificate and PEM key together.
    ///
    /// # Errors
    /// If they are not an authority's, or not of one pair.
    pub fn load(certificate: Certificate, key: &str) -> Result<Self, MintError> {
        let key = KeyPair::from_pem(key)?;
        if !certificate.is_authority() {
            return Err(MintError::NoAuthority);
        }
        if key.der_bytes() != certificate.public_key() {
            return Err(MintError::Mismatch);
        }
        Ok(Self { certificate, key: Arc::new(key) })
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key in PEM, to be kept where only the replicas can read it.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Signs a leaf for these names. It never outlives the authority.
    ///
    /// # Errors
    /// If the library cannot, or a name is none.
    pub fn sign(&self, names: &[String], now: SystemTime, life: Duration) -> Result<Leaf, MintError> {
        let (der, own) = self.signed(names, now, life)?;
        let certificate = Certificate::from_der(&der)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let key = CertifiedKey::from_der(vec![der], private, &ring::default_provider())?;
        Ok(Leaf { certificate, issuer: self.clone(), key: Arc::new(key) })
    }

    /// Signs a leaf that another process serves: certificate and key in PEM.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn issue(&self, names: &[String], now: SystemTime, life: Duration) -> Result<(String, String), MintError> {
        let (der, own) = self.signed(names, now, life)?;
        Ok((Certificate::from_der(&der)?.to_pem(), own.serialize_pem()))
    }

    fn signed(
        &self,
        names: &[String],
        now: SystemTime,
        life: Duration,
    ) -> Result<(CertificateDer<'static>, KeyPair), MintError> {
        let own = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let end = (now + life).min(self.certificate.not_after());
        let mut params = params(names, now - earlier(life), end)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate.der()), self.key.as_ref())?;
        let der = params.signed_by(&own, &issuer)?.der().clone();
        Ok((der, own))
    }
}

impl Leaf {
    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Who signed it.
    #[must_use]
    pub fn issuer(&self) -> &Authority {
        &self.issuer
    }

    pub(crate) fn key(&self) -> Arc<CertifiedKey> {
        self.key.clone()
    }
}

impl Certificate {
    /// Whether it is an authority that a replica of ours made.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_authority() && self.name() == NAME
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Never so long that a new certificate would have passed two thirds of its life already.
fn earlier(life: Duration) -> Duration {
    EARLIER.min(life / 2)
}

fn params(names: &[String], start: SystemTime, end: SystemTime) -> Result<CertificateParams, MintError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = start.into();
    params.not_after = end.into();
    Ok(params)
}
