//! What the replicas share: the authority that signs, the one that will, and those that did.
//!
//! The form is a map of names to bytes, as a Secret holds it. Reading never fails: a part that cannot
//! be used is left out and named, so that one spoilt part does not take the good ones with it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::bundle::Bundle;
use crate::mint::Authority;
use crate::x509::Certificate;

const CURRENT: [&str; 2] = ["ca.crt", "ca.key"];
const NEXT: [&str; 2] = ["next.crt", "next.key"];
const RETIRED: &str = "retired.crt";

/// The stored form.
pub type Data = BTreeMap<String, Vec<u8>>;

/// The authorities of all replicas.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keyring {
    /// Signs leaves.
    pub current: Option<Authority>,
    /// Is published already and will sign leaves.
    pub next: Option<Authority>,
    /// Signed leaves that may still be served.
    pub retired: Bundle,
    /// What could not be read, and why.
    pub faults: Vec<String>,
}

impl Keyring {
    /// Every name that the stored form may have.
    pub const NAMES: [&'static str; 5] = [CURRENT[0], CURRENT[1], NEXT[0], NEXT[1], RETIRED];

    /// Reads the stored form.
    #[must_use]
    pub fn parse(data: &Data) -> Self {
        let mut ring = Self::default();
        let mut spoilt = Vec::new();
        ring.current = pair(data, CURRENT, &mut ring.faults, &mut spoilt);
        ring.next = pair(data, NEXT, &mut ring.faults, &mut spoilt);
        let (retired, bad) = data.get(RETIRED).map_or((Vec::new(), 0), |text| Certificate::from_pem(text));
        if bad > 0 {
            ring.faults.push(format!("{RETIRED}: {bad} parts are no certificates"));
        }
        // A certificate whose key is lost has signed leaves all the same.
        ring.retired = retired.into_iter().chain(spoilt).collect();
        ring
    }

    /// The stored form.
    #[must_use]
    pub fn to_data(&self) -> Data {
        let mut data = Data::new();
        for (authority, [certificate, key]) in [(&self.current, CURRENT), (&self.next, NEXT)] {
            if let Some(authority) = authority {
                data.insert(certificate.to_owned(), authority.certificate().to_pem().into_bytes());
                data.insert(key.to_owned(), authority.key_pem().into_bytes());
            }
        }
        if !self.retired.is_empty() {
            data.insert(RETIRED.to_owned(), self.retired.to_pem().into_bytes());
        }
        data
    }

    /// Every authority in it.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let pairs = self.current.iter().chain(&self.next).map(Authority::certificate);
        pairs.chain(self.retired.iter())
    }

    /// The authority that signs, if it is good at a moment.
    #[must_use]
    pub fn signing(&self, now: SystemTime) -> Option<&Authority> {
        self.current.as_ref().filter(|one| one.certificate().is_good(now))
    }
}

fn pair(data: &Data, names: [&str; 2], faults: &mut Vec<String>, spoilt: &mut Vec<Certificate>) -> Option<Authority> {
    let [certificate, key] = names.map(|name| data.get(name).map(Vec::as_slice).unwrap_or_default());
    if certificate.is_empty() && key.is_empty() {
        return None;
    }
    let (mut read, _) = Certificate::from_pem(certificate);
    let Some(first) = read.drain(..).next() else {
        faults.push(format!("{}: no certificate", names[0]));
        return None;
    };
    let loaded = std::str::from_utf8(key)
        .map_err(|error| error.to_string())
        .and_then(|key| Authority::load(first.clone(), key).map_err(|error| error.to_string()));
    match loaded {
        Ok(authority) if first.is_ours() => return Some(authority),
        Ok(_) => faults.push(format!("{}: the authority is not one that a webhook made", names[0])),
        Err(why) => faults.push(format!("{}: {why}", names[1])),
    }
    spoilt.push(first);
    None
}
