//! What clients trust: a set of authorities as one PEM text.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crate::x509::Certificate;

/// An expired authority stays so long, for readers whose clocks are behind.
const GRACE: Duration = Duration::from_secs(3600);

/// Authorities, each once, in the order of their bytes: equal sets give equal texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle(BTreeSet<Certificate>);

impl Bundle {
    /// Reads a PEM text. What cannot be read or is no authority of ours is left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Certificate::from_pem(text).0.into_iter().collect()
    }

    /// The PEM text.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.iter().map(Certificate::to_pem).collect()
    }

    /// Whether an authority is among them.
    #[must_use]
    pub fn contains(&self, authority: &Certificate) -> bool {
        self.0.contains(authority)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The authorities.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.0.iter()
    }

    /// Those that somebody's clock may still hold for good.
    #[must_use]
    pub fn unexpired(self, now: SystemTime) -> Self {
        self.0.into_iter().filter(|one| now < one.not_after() + GRACE).collect()
    }
}

impl FromIterator<Certificate> for Bundle {
    fn from_iter<I: IntoIterator<Item = Certificate>>(all: I) -> Self {
        Self(all.into_iter().filter(Certificate::is_ours).collect())
    }
}
