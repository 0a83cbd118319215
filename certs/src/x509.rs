//! A certificate as far as decisions need it: its bytes, whom it is for, how long it is good.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

const PEM_TAG: &str = "CERTIFICATE";

/// One X.509 certificate. Equality and order are those of its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate {
    der: Vec<u8>,
    name: String,
    authority: bool,
    public_key: Vec<u8>,
    not_before: SystemTime,
    not_after: SystemTime,
}

/// Bytes that are no certificate.
#[derive(Debug, thiserror::Error)]
#[error("it is no X.509 certificate: {0}")]
pub struct Unreadable(String);

impl Certificate {
    /// Reads one in DER.
    ///
    /// # Errors
    /// If the bytes are not exactly one certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, Unreadable> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| Unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(Unreadable("bytes follow it".to_owned()));
        }
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            name: name.unwrap_or_default().to_owned(),
            authority: parsed.is_ca(),
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            der: der.to_vec(),
        })
    }

    /// All certificates of a PEM text, and how many sections of it were none; text without any section
    /// counts as one.
    #[must_use]
    pub fn from_pem(text: &[u8]) -> (Vec<Self>, usize) {
        let Ok(sections) = pem::parse_many(text) else { return (Vec::new(), 1) };
        let is_other = sections.is_empty() && !text.trim_ascii().is_empty();
        let total = sections.len() + usize::from(is_other);
        let read = |section: &pem::Pem| (section.tag() == PEM_TAG).then(|| Self::from_der(section.contents()).ok());
        let good: Vec<Self> = sections.iter().filter_map(read).flatten().collect();
        let bad = total - good.len();
        (good, bad)
    }

    /// In PEM, the same text each time.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        pem::encode_config(&pem::Pem::new(PEM_TAG, self.der.clone()), config)
    }

    /// The bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's common name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may sign others.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.authority
    }

    /// The subject's public key.
    #[must_use]
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// First moment at which it is good.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// Moment from which it is expired.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// Whether it is good at a moment.
    #[must_use]
    pub fn is_good(&self, now: SystemTime) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("name", &self.name).field("not_after", &self.not_after).finish()
    }
}

fn moment(time: ASN1Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}
