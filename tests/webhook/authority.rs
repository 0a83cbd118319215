//! Replicas that share an authority over a fake API server, each serving real TLS; what they serve
//! is verified as the API server would, against the bundle that is published at that moment.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use logtap_certs::{Lifecycle, Live, Policy, server_config};
use logtap_webhook::admin::Readiness;
use logtap_webhook::authority::{Last, Replica};
use logtap_webhook::metrics::{Gauges, Metrics};
use logtap_webhook::namespaces::Namespaces;
use logtap_webhook::shutdown::{self, Trigger};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::fakes::FakeShared;
use crate::stage::{NAME, config, millis};

/// True time, moved by the test.
#[derive(Debug, Clone)]
struct Sky(Arc<AtomicU64>);

impl Sky {
    fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }
}

impl TimeProvider for Sky {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

struct One {
    live: Arc<Live>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    _trigger: Trigger,
}

struct Fleet {
    shared: FakeShared,
    sky: Sky,
    replicas: Vec<One>,
    tasks: Mutex<JoinSet<()>>,
}

impl Fleet {
    /// Three replicas, whose clocks are ahead by these seconds, started at one moment.
    fn start(shared: FakeShared, skews: [i64; 3]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let sky = Sky(Arc::new(AtomicU64::new(now)));
        let mut tasks = JoinSet::new();
        let mut replicas = Vec::new();
        for skew in skews {
            let namespaces = Arc::new(Namespaces::new(config()));
            namespaces.listed(&[].into());
            let (trigger, shutdown) = shutdown::channel();
            let readiness = Arc::new(Readiness::new(namespaces, shutdown));
            readiness.version_known();
            let live = Arc::new(Live::default());
            let (time, skew) = (sky.clone(), AtomicI64::new(skew));
            let clock = move || {
                let seconds = time.0.load(Ordering::Relaxed).saturating_add_signed(skew.load(Ordering::Relaxed));
                UNIX_EPOCH + Duration::from_secs(seconds)
            };
            let metrics = Arc::new(Metrics::default());
            let bell = Arc::new(Notify::new());
            shared.0.bells.lock().unwrap().push(bell.clone());
            let replica = Replica {
                shared: shared.clone(),
                lifecycle: Lifecycle::new(Policy::default(), vec![NAME.to_owned()]),
                live: live.clone(),
                readiness: readiness.clone(),
                metrics: metrics.clone(),
                clock: Arc::new(clock),
                last: Last::default(),
            };
            tasks.spawn(replica.run(bell));
            replicas.push(One { live, readiness, metrics, _trigger: trigger });
        }
        Self { shared, sky, replicas, tasks: Mutex::new(tasks) }
    }

    async fn ready(&self) {
        for _ in 0..300 {
            if self.replicas.iter().all(|one| one.readiness.check().is_ok()) {
                return;
            }
            tokio::time::sleep(millis(10)).await;
        }
        let states: Vec<_> = self.replicas.iter().map(|one| one.readiness.check()).collect();
        panic!("not ready: {states:?}");
    }

    /// Hours pass, and every replica looks at its leaf: one with less than a third of its life left is
    /// replaced.
    async fn pass(&self, time: Duration) {
        self.sky.pass(time);
        self.shared.ring();
        let now = self.sky.0.load(Ordering::Relaxed);
        let good = |one: &One| {
            let text = one.metrics.text(&Gauges::default());
            let line = "logtap_webhook_cert_not_after_seconds{kind=\"leaf\"} ";
            let until = text.lines().find_map(|text| text.strip_prefix(line)).unwrap().parse::<u64>().unwrap();
            until >= now + 8 * 3600
        };
        for _ in 0..3000 {
            if self.replicas.iter().all(good) {
                return;
            }
            tokio::time::sleep(millis(1)).await;
        }
        panic!("a leaf was not renewed");
    }

    /// One handshake with each replica against what is published now.
    async fn admit(&self) -> Result<(), String> {
        let bundle = self.shared.look(|objects| objects.bundles.clone().unwrap().1.remove(0));
        let mut roots = RootCertStore::empty();
        for one in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(one.unwrap()).unwrap();
        }
        let client = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), Arc::new(self.sky.clone()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        for (number, one) in self.replicas.iter().enumerate() {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config(one.live.clone(), None).unwrap()));
            let (near, far) = tokio::io::duplex(64 << 10);
            let name = ServerName::try_from(NAME).unwrap();
            let (client, _) = tokio::join!(connector.connect(name, near), acceptor.accept(far));
            client.map_err(|error| format!("replica {number}: {error}"))?;
        }
        Ok(())
    }

    /// Every handshake of a while succeeds.
    async fn admits_for(&self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            self.admit().await.unwrap();
            tokio::time::sleep(millis(1)).await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.lock().unwrap().abort_all();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_121_three_replicas_start_together() {
    for _ in 0..10 {
        let fleet = Fleet::start(FakeShared::with_configuration(), [-600, 0, 600]);
        fleet.ready().await;
        fleet.admit().await.unwrap();
        assert_eq!(fleet.shared.look(|objects| objects.stored), 1, "one authority was stored");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_123_secret_deleted_and_spoilt_at_run_time() {
    let fleet = Fleet::start(FakeShared::with_configuration(), [600, -600, 0]);
    fleet.ready().await;
    fleet.shared.change(|objects| objects.secret = None);
    fleet.admits_for(millis(500)).await;
    assert!(fleet.shared.look(|objects| objects.secret.is_some()));
    fleet.shared.change(|objects| {
        objects.secret.as_mut().unwrap().1.insert("ca.key".to_owned(), b"nonsense".to_vec());
        objects.secret.as_mut().unwrap().0 += 1000;
    });
    fleet.admits_for(millis(500)).await;
    fleet.ready().await;
    let faults = fleet.shared.look(|objects| logtap_certs::Keyring::parse(&objects.secret.clone().unwrap().1).faults);
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_101_leaves_and_authorities_rotate_under_load() {
    let fleet = Fleet::start(FakeShared::with_configuration(), [-600, 600, 0]);
    fleet.ready().await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let first = fleet.shared.look(|objects| objects.secret.clone().unwrap().1["ca.crt"].clone());
    for _ in 0..3 {
        // Less than what is left of a leaf after two thirds of its life.
        fleet.pass(hours(6)).await;
        fleet.admits_for(millis(100)).await;
    }
    // Months in which leaves were renewed; the last hours of the first authority's two thirds.
    for _ in 0..365 * 24 * 2 / 3 / 7 + 1 {
        fleet.pass(hours(7)).await;
        fleet.admit().await.unwrap();
    }
    for _ in 0..3 {
        fleet.sky.pass(Duration::from_secs(301));
        fleet.shared.ring();
        fleet.admits_for(millis(300)).await;
    }
    let second = fleet.shared.look(|objects| objects.secret.clone().unwrap().1["ca.crt"].clone());
    assert_ne!(first, second, "another authority signs");
    fleet.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_102_a_blanked_bundle_is_put_back() {
    let fleet = Fleet::start(FakeShared::with_configuration(), [0, 0, 0]);
    fleet.ready().await;
    fleet.shared.change(|objects| {
        let (version, texts) = objects.bundles.as_mut().unwrap();
        *version += 1000;
        texts.fill(String::new());
    });
    tokio::time::sleep(millis(200)).await;
    fleet.ready().await;
    fleet.admit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_103_a_configuration_that_comes_later() {
    let fleet = Fleet::start(FakeShared::default(), [0, 0, 0]);
    fleet.ready().await;
    fleet.shared.change(|objects| objects.bundles = Some((500, vec![String::new(); 3])));
    tokio::time::sleep(millis(200)).await;
    fleet.ready().await;
    fleet.admit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_128_who_may_not_publish_is_not_ready_and_says_why() {
    let shared = FakeShared::with_configuration();
    shared.change(|objects| objects.deny_publish = true);
    let fleet = Fleet::start(shared, [0, 0, 0]);
    tokio::time::sleep(millis(300)).await;
    let why = fleet.replicas[0].readiness.check().unwrap_err();
    assert!(why.contains("cannot patch") && why.contains("manifests"), "{why}");
    fleet.shared.change(|objects| objects.deny_publish = false);
    fleet.ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_is_away_takes_nothing_away() {
    let fleet = Fleet::start(FakeShared::with_configuration(), [0, 0, 0]);
    fleet.ready().await;
    fleet.shared.change(|objects| objects.down = true);
    tokio::time::sleep(millis(200)).await;
    assert!(fleet.replicas.iter().all(|one| one.readiness.check().is_ok()));
    // Leaves are renewed meanwhile: the authority is in memory.
    for _ in 0..5 {
        fleet.pass(Duration::from_secs(6 * 3600)).await;
        fleet.admits_for(millis(100)).await;
    }
    fleet.shared.change(|objects| objects.down = false);
    fleet.ready().await;
}
