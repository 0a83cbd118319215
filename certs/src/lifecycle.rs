//! What a replica does next about authority, bundle and leaf: a function of what is stored, what is
//! published, and the time. Any number of replicas run it side by side; none leads.
//!
//! Three rules keep every served leaf good for every client, whichever replica writes first: a good
//! leaf gives way only to one of an authority that was seen published for a while, as clients hear of
//! it late; what is published loses an authority only when it has expired; everything is written only
//! over the version that was read.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::bundle::Bundle;
use crate::keyring::Keyring;
use crate::mint::{Authority, Leaf, MintError};
use crate::x509::Certificate;

/// Lives and waits.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Life of an authority. The next one is made after two thirds of it.
    pub authority_life: Duration,
    /// Life of a leaf. A new one is signed after two thirds of it.
    pub leaf_life: Duration,
    /// How long an authority is seen published before it signs in place of another: API servers take
    /// a while to hear of it.
    pub settle: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self::new(hours(365 * 24), hours(24))
    }
}

/// Longest time between looks when nothing is told to have changed.
const LOOK: Duration = Duration::from_secs(30);
/// Longest time that API servers need to hear of an authority.
const SETTLE: Duration = Duration::from_secs(300);

impl Policy {
    /// With these lives, and waits that fit them.
    #[must_use]
    pub fn new(authority_life: Duration, leaf_life: Duration) -> Self {
        Self { authority_life, leaf_life, settle: SETTLE.min(authority_life / 20) }
    }

    /// Time between looks: short enough for a leaf to be renewed in its last third.
    #[must_use]
    pub fn look(&self) -> Duration {
        LOOK.min(self.leaf_life / 12)
    }
}

/// What the shared place holds.
#[derive(Debug, Clone)]
pub enum Stored {
    /// It could not be asked.
    Unknown,
    /// Nothing.
    Missing,
    /// This.
    Found(Box<Keyring>),
}

/// What clients are told to trust.
#[derive(Debug, Clone)]
pub enum Published {
    /// It could not be asked.
    Unknown,
    /// Nobody is told anything: there are no clients.
    Absent,
    /// The text of each place where clients read.
    Found(Vec<String>),
}

/// A new content of the shared place.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// No usable authority is stored: make one, beside those that may still have leaves.
    Found(Bundle),
    /// The authority has passed two thirds of its life: make the next.
    Announce,
    /// The next authority has been published long enough: let it sign.
    Promote,
    /// Parts cannot be read: write what can.
    Mend,
}

/// What to do. The parts are independent; after a write or a publication, look again.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Write the shared place, over the version that was read.
    pub write: Option<Change>,
    /// Publish this text everywhere, over the version that was read.
    pub publish: Option<String>,
    /// Sign a leaf by this authority and serve it.
    pub sign: Option<Authority>,
    /// Whether clients can verify what is served now.
    pub ready: Result<(), NotReady>,
}

/// Why clients could not verify what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Nothing is served.
    #[error("there is no certificate yet")]
    NoLeaf,
    /// The leaf is expired or not yet good.
    #[error("the certificate is not valid at this time; check the clock")]
    Invalid,
    /// It is not known what clients trust.
    #[error("what the API server trusts cannot be read")]
    Unknown,
    /// Clients trust other authorities.
    #[error("the API server does not trust the certificate's issuer yet")]
    Unpublished,
}

/// One replica's view of authority and leaf.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    policy: Policy,
    names: Vec<String>,
    leaf: Option<Leaf>,
    /// Since when each authority was seen published in every place.
    seen: BTreeMap<Certificate, SystemTime>,
}

impl Lifecycle {
    /// For leaves with these names.
    #[must_use]
    pub fn new(policy: Policy, names: Vec<String>) -> Self {
        Self { policy, names, leaf: None, seen: BTreeMap::new() }
    }

    /// Lives and waits.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The leaf that is served.
    #[must_use]
    pub fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref()
    }

    /// Decides. Changes nothing but the memory of when authorities were first seen published.
    pub fn decide(&mut self, stored: &Stored, published: &Published, now: SystemTime) -> Decision {
        let seen = Seen::new(published);
        self.remember(&seen, now);
        Decision {
            write: self.change(stored, &seen, now),
            publish: self.publication(stored, published, &seen, now),
            sign: self.signer(stored, &seen, now),
            ready: self.ready(&seen, now),
        }
    }

    /// Signs a leaf as decided, and remembers it as the one that is served.
    ///
    /// # Errors
    /// If it cannot be made; the old one stays.
    pub fn sign(&mut self, by: &Authority, now: SystemTime) -> Result<&Leaf, MintError> {
        let leaf = by.sign(&self.names, now, self.policy.leaf_life)?;
        Ok(self.leaf.insert(leaf))
    }

    /// The shared place's new content.
    ///
    /// # Errors
    /// If an authority cannot be made.
    pub fn apply(&self, change: &Change, stored: &Stored, now: SystemTime) -> Result<Keyring, MintError> {
        let mut ring = match stored {
            Stored::Found(ring) => (**ring).clone(),
            Stored::Unknown | Stored::Missing => Keyring::default(),
        };
        let mint = || Authority::mint(now, self.policy.authority_life);
        let mut leaving = Vec::new();
        match change {
            Change::Found(served) => {
                leaving.extend(served.iter().cloned());
                leaving.extend(ring.current.take().map(|old| old.certificate().clone()));
                let next = ring.next.take().filter(|next| next.certificate().is_good(now));
                ring.current = Some(next.map_or_else(mint, Ok)?);
            }
            Change::Announce => ring.next = Some(mint()?),
            Change::Promote => {
                if let Some(next) = ring.next.take() {
                    leaving.extend(ring.current.replace(next).map(|old| old.certificate().clone()));
                }
            }
            Change::Mend => {}
        }
        let named: Vec<Certificate> =
            ring.current.iter().chain(&ring.next).map(|authority| authority.certificate().clone()).collect();
        let retired = ring.retired.iter().cloned().chain(leaving).filter(|one| !named.contains(one));
        ring.retired = retired.collect::<Bundle>().unexpired(now);
        ring.faults.clear();
        Ok(ring)
    }

    fn remember(&mut self, seen: &Seen, now: SystemTime) {
        if matches!(seen, Seen::Unknown) {
            return;
        }
        let everywhere = seen.any().filter(|one| seen.holds(one));
        // A clock that was put back must not shorten the wait.
        let since = |one: &Certificate| self.seen.get(one).copied().filter(|since| *since <= now).unwrap_or(now);
        self.seen = everywhere.map(|one| (one.clone(), since(one))).collect();
    }

    /// Whether every client must have heard of an authority by now.
    fn is_settled(&self, authority: &Authority, now: SystemTime) -> bool {
        let since = self.seen.get(authority.certificate());
        since.is_some_and(|since| now.duration_since(*since).is_ok_and(|waited| waited >= self.policy.settle))
    }

    fn change(&self, stored: &Stored, seen: &Seen, now: SystemTime) -> Option<Change> {
        let ring = match stored {
            Stored::Unknown => return None,
            Stored::Missing => return Some(Change::Found(self.served(seen))),
            Stored::Found(ring) => ring,
        };
        let Some(current) = ring.signing(now) else { return Some(Change::Found(self.served(seen))) };
        if !ring.faults.is_empty() {
            return Some(Change::Mend);
        }
        match &ring.next {
            None => (now >= two_thirds(current.certificate())).then_some(Change::Announce),
            Some(next) => self.is_settled(next, now).then_some(Change::Promote),
        }
    }

    /// Authorities whose leaves may be in use, as far as this replica can tell.
    fn served(&self, seen: &Seen) -> Bundle {
        seen.any().chain(self.leaf.iter().map(|leaf| leaf.issuer().certificate())).cloned().collect()
    }

    fn publication(&self, stored: &Stored, published: &Published, seen: &Seen, now: SystemTime) -> Option<String> {
        let Published::Found(texts) = published else { return None };
        let mut wanted: Vec<Certificate> = self.served(seen).iter().cloned().collect();
        if let Stored::Found(ring) = stored {
            wanted.extend(ring.certificates().cloned());
        }
        let wanted = wanted.into_iter().collect::<Bundle>().unexpired(now);
        let text = wanted.to_pem();
        (!wanted.is_empty() && texts.iter().any(|one| *one != text)).then_some(text)
    }

    fn signer(&self, stored: &Stored, seen: &Seen, now: SystemTime) -> Option<Authority> {
        let stored = match stored {
            Stored::Found(ring) => ring.signing(now),
            Stored::Unknown | Stored::Missing => None,
        };
        let Some(leaf) = &self.leaf else { return stored.filter(|one| seen.trusts(one)).cloned() };
        let own = Some(leaf.issuer()).filter(|one| one.certificate().is_good(now));
        let stays = own.is_some_and(|own| self.ready(seen, now).is_ok() && seen.holds(own.certificate()));
        let best = stored.filter(|one| seen.trusts(one) && (!stays || self.is_settled(one, now))).or(own);
        let due = now >= two_thirds(leaf.certificate()) || now < leaf.certificate().not_before();
        best.filter(|best| due || *best != leaf.issuer()).cloned()
    }

    fn ready(&self, seen: &Seen, now: SystemTime) -> Result<(), NotReady> {
        let leaf = self.leaf.as_ref().ok_or(NotReady::NoLeaf)?;
        if !leaf.certificate().is_good(now) {
            return Err(NotReady::Invalid);
        }
        match seen {
            Seen::Unknown => Err(NotReady::Unknown),
            seen if seen.trusts(leaf.issuer()) => Ok(()),
            _ => Err(NotReady::Unpublished),
        }
    }
}

/// What is published, read.
enum Seen {
    Unknown,
    Absent,
    Bundles(Vec<Bundle>),
}

impl Seen {
    fn new(published: &Published) -> Self {
        match published {
            Published::Unknown => Self::Unknown,
            Published::Absent => Self::Absent,
            Published::Found(texts) => Self::Bundles(texts.iter().map(|text| Bundle::parse(text.as_bytes())).collect()),
        }
    }

    /// Whether every client can verify leaves of an authority; so it is where there are no clients.
    fn trusts(&self, authority: &Authority) -> bool {
        matches!(self, Self::Absent) || self.holds(authority.certificate())
    }

    /// Whether an authority was seen in each place.
    fn holds(&self, authority: &Certificate) -> bool {
        match self {
            Self::Unknown | Self::Absent => false,
            Self::Bundles(all) => all.iter().all(|bundle| bundle.contains(authority)),
        }
    }

    /// What is in any of the places.
    fn any(&self) -> impl Iterator<Item = &Certificate> {
        let bundles: &[Bundle] = if let Self::Bundles(all) = self { all } else { &[] };
        bundles.iter().flat_map(Bundle::iter)
    }
}

/// When two thirds of a certificate's life have passed.
fn two_thirds(certificate: &Certificate) -> SystemTime {
    let life = certificate.not_after().duration_since(certificate.not_before()).unwrap_or_default();
    certificate.not_before() + life * 2 / 3
}
