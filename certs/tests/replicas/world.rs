//! A model of what replicas share: a versioned Secret, a versioned set of published bundles, true
//! time; and replicas whose clocks are wrong and who read, think and write at different moments.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use logtap_certs::{Authority, Change, Data, Keyring, Lifecycle, NotReady, Policy, Published, Stored};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

pub(crate) const NAME: &str = "logtap-webhook.logtap.svc";

pub(crate) fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// How late API servers may be.
const LAG: Duration = Duration::from_secs(240);

/// What an API server holds.
pub(crate) struct World {
    pub(crate) now: SystemTime,
    pub(crate) secret: Option<(u64, Data)>,
    pub(crate) bundles: Option<(u64, Vec<String>)>,
    version: u64,
    /// What was published before, and until when: API servers hear of changes late.
    replaced: Vec<(SystemTime, Vec<String>)>,
    pub(crate) conflicts: usize,
    pub(crate) authorities: Vec<Vec<u8>>,
}

/// Something a replica means to do, over what it has read.
enum Pending {
    Write(Change, Stored, Option<u64>),
    Publish(String, u64),
    Sign(Authority),
}

pub(crate) struct Replica {
    pub(crate) life: Lifecycle,
    /// Seconds that its clock is ahead.
    skew: i64,
    pending: Vec<Pending>,
    signed: usize,
    pub(crate) ready: Result<(), NotReady>,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let bundles = Some((1, vec![String::new(); 3]));
        Self { now, secret: None, bundles, version: 1, replaced: Vec::new(), conflicts: 0, authorities: Vec::new() }
    }

    pub(crate) fn ring(&self) -> Keyring {
        Keyring::parse(&self.secret.as_ref().expect("a secret").1)
    }

    pub(crate) fn put_secret(&mut self, data: Option<Data>) {
        self.version += 1;
        self.secret = data.map(|data| (self.version, data));
    }

    pub(crate) fn put_bundles(&mut self, bundles: Option<Vec<String>>) {
        self.version += 1;
        let recently = |until: SystemTime| self.now < until + LAG;
        self.replaced.retain(|(until, _)| recently(*until));
        self.replaced.extend(self.bundles.take().map(|(_, old)| (self.now, old)));
        self.bundles = bundles.map(|bundles| (self.version, bundles));
    }

    /// API servers have heard of everything.
    pub(crate) fn forget_history(&mut self) {
        self.replaced.clear();
    }

    /// Compare and swap.
    fn write(&mut self, over: Option<u64>, data: Data) {
        if self.secret.as_ref().map(|(version, _)| *version) == over {
            self.put_secret(Some(data));
            let ring = self.ring();
            for one in ring.current.iter().chain(&ring.next) {
                let der = one.certificate().der().to_vec();
                if !self.authorities.contains(&der) {
                    self.authorities.push(der);
                }
            }
        } else {
            self.conflicts += 1;
        }
    }

    /// Whether a client that has just read any of the bundles accepts what a replica serves.
    pub(crate) fn verify(&self, replica: &Replica) -> Result<(), String> {
        let Some(leaf) = replica.life.leaf() else { return Ok(()) };
        let Some((_, bundles)) = &self.bundles else { return Ok(()) };
        // A replica's first leaf may be ahead of what API servers have heard; it is not in use yet.
        let late = self.replaced.iter().filter(|(until, _)| replica.signed > 1 && self.now < *until + LAG);
        for bundle in bundles.iter().chain(late.flat_map(|(_, bundles)| bundles)) {
            let mut roots = RootCertStore::empty();
            for one in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
                roots.add(one.unwrap()).unwrap();
            }
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let verifier = verifier.map_err(|error| format!("empty bundle: {error}"))?;
            let now = UnixTime::since_unix_epoch(self.now.duration_since(UNIX_EPOCH).unwrap());
            let name = ServerName::try_from(NAME).unwrap();
            let der = CertificateDer::from(leaf.certificate().der());
            verifier.verify_server_cert(&der, &[], &name, &[], now).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Replica {
    pub(crate) fn new(skew: i64) -> Self {
        let life = Lifecycle::new(Policy::default(), vec![NAME.to_owned()]);
        Self { life, skew, pending: Vec::new(), signed: 0, ready: Err(NotReady::NoLeaf) }
    }

    pub(crate) fn restart(&mut self) {
        *self = Self::new(self.skew);
    }

    fn clock(&self, world: &World) -> SystemTime {
        let ahead = Duration::from_secs(self.skew.unsigned_abs());
        if self.skew >= 0 { world.now + ahead } else { world.now - ahead }
    }

    /// Reads, and decides.
    pub(crate) fn look(&mut self, world: &World) {
        let stored =
            world.secret.as_ref().map_or(Stored::Missing, |(_, data)| Stored::Found(Box::new(Keyring::parse(data))));
        let published =
            world.bundles.as_ref().map_or(Published::Absent, |(_, bundles)| Published::Found(bundles.clone()));
        let now = self.clock(world);
        let decision = self.life.decide(&stored, &published, now);
        self.ready = decision.ready;
        let version = world.secret.as_ref().map(|(version, _)| *version);
        self.pending.clear();
        self.pending.extend(decision.write.map(|change| Pending::Write(change, stored, version)));
        let at = world.bundles.as_ref().map(|(version, _)| *version);
        self.pending.extend(decision.publish.zip(at).map(|(text, at)| Pending::Publish(text, at)));
        self.pending.extend(decision.sign.map(Pending::Sign));
    }

    /// Does one thing of what it meant to do; false if there is none.
    pub(crate) fn act(&mut self, world: &mut World) -> bool {
        let now = self.clock(world);
        let Some(pending) = self.pending.pop() else { return false };
        match pending {
            Pending::Write(change, stored, over) => {
                let ring = self.life.apply(&change, &stored, now).unwrap();
                world.write(over, ring.to_data());
            }
            Pending::Publish(text, over) => match &world.bundles {
                Some((version, bundles)) if *version == over => {
                    let places = bundles.len();
                    world.put_bundles(Some(vec![text; places]));
                }
                _ => world.conflicts += 1,
            },
            Pending::Sign(by) => {
                self.life.sign(&by, now).unwrap();
                self.signed += 1;
            }
        }
        true
    }

    /// Looks and acts until there is nothing left to do.
    pub(crate) fn settle(&mut self, world: &mut World) {
        for _ in 0..10 {
            self.look(world);
            if self.pending.is_empty() {
                return;
            }
            while self.act(world) {}
        }
        panic!("a replica alone does not come to rest");
    }
}

/// All replicas in turn, until each has seen what the others wrote.
pub(crate) fn round(world: &mut World, replicas: &mut [Replica]) {
    for _ in 0..2 {
        for replica in replicas.iter_mut() {
            replica.settle(world);
        }
    }
}
