//! Puts the parts together, and takes them apart in the right order.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use logtap_certs::{CertError, Lifecycle, Live, Reloading, server_config};
use logtap_inject::vocabulary::object;
use rustls::server::ResolvesServerCert;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::admin::{Admin, Readiness};
use crate::args::{Args, TargetCaError};
use crate::authority::{Last, Replica};
use crate::cluster::{ClusterError, KubeBindings, KubeShared, Observer, call, follow};
use crate::granter::{self, Inbox, Pace};
use crate::handler::Reviewer;
use crate::metrics::Metrics;
use crate::namespaces::Namespaces;
use crate::routes::Routes;
use crate::server::{Limits, Server, listen};
use crate::shutdown::Shutdown;

/// Between looks at certificate files.
const FILES: Duration = Duration::from_secs(5);
/// Between looks at the API server's version, and after one that failed.
const VERSION: Duration = Duration::from_secs(3600);
const VERSION_RETRY: Duration = Duration::from_secs(2);

/// Why the webhook cannot run.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A port cannot be had.
    #[error("cannot listen on port {port}: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] CertError),
    /// The default target's certificates cannot be read.
    #[error(transparent)]
    TargetCa(#[from] TargetCaError),
    /// A part ended that never ends, which is a bug.
    #[error("{0} ended; the webhook has to be started again")]
    Ended(&'static str),
}

/// Serves until told to end.
///
/// # Errors
/// If it cannot start, or a part of it died.
pub async fn run(args: &Args, client: Client, shutdown: Shutdown) -> Result<(), WebhookError> {
    let config = args.config()?;
    let metrics = Arc::new(Metrics::default());
    let namespaces = Arc::new(Namespaces::new(config.clone()));
    let readiness = Arc::new(Readiness::new(namespaces.clone(), shutdown.clone()));
    let inbox = (!args.no_grant).then(|| Arc::new(Inbox::default()));
    let reviewer = Arc::new(Reviewer::new(config, namespaces.clone(), metrics.clone(), inbox.clone()));
    let mut parts = Parts(JoinSet::new());

    let resolver: Arc<dyn ResolvesServerCert> = match &args.cert_dir {
        Some(dir) => {
            let files = Reloading::load(&dir.join("tls.crt"), &dir.join("tls.key"))?;
            parts
                .add("the look at certificate files", look_at_files(files.clone(), readiness.clone(), metrics.clone()));
            files
        }
        None => {
            let live = Arc::new(Live::default());
            own_certificates(&mut parts, args, &client, live.clone(), readiness.clone(), metrics.clone());
            live
        }
    };
    let watcher = NamespaceWatch { namespaces: namespaces.clone(), metrics: metrics.clone() };
    parts.add("the watch of namespaces", follow(Api::<Namespace>::all(client.clone()), "", watcher));
    parts.add(
        "the look at the version",
        look_at_version(client.clone(), args.clone(), reviewer.clone(), readiness.clone()),
    );
    if let Some(inbox) = inbox {
        let bindings = KubeBindings(client);
        parts.add("the granter", granter::run(bindings, inbox, namespaces.clone(), metrics.clone(), Pace::default()));
    }

    let bind = async |port| listen(port).await.map_err(|source| WebhookError::Bind { port, source });
    let admin = Server {
        listener: bind(args.health_port).await?,
        tls: None,
        handler: Arc::new(Admin { readiness, namespaces, metrics: metrics.clone() }),
        limits: Limits::default(),
        drain: Duration::MAX,
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    };
    parts.add("the port for health", admin.run());
    let server = Server {
        listener: bind(args.port).await?,
        tls: Some(TlsAcceptor::from(Arc::new(server_config(resolver, None)?))),
        handler: Arc::new(Routes::new(reviewer, metrics.clone())),
        limits: Limits::default(),
        drain: args.drain(),
        metrics,
        shutdown,
    };
    tracing::info!(port = args.port, health = args.health_port, "serving");
    let serving = server.run().instrument(tracing::info_span!("reviews"));
    tokio::select! {
        () = serving => {}
        ended = parts.ended() => return Err(WebhookError::Ended(ended)),
    }
    tracing::info!("ended");
    Ok(())
}

/// Tasks that run as long as the server does; dropped with it.
struct Parts(JoinSet<&'static str>);

impl Parts {
    fn add(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let named = async move {
            part.await;
            name
        };
        self.0.spawn(named.instrument(tracing::info_span!("part", name)));
    }

    /// The name of the first part that ended.
    async fn ended(&mut self) -> &'static str {
        match self.0.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(error)) => {
                tracing::error!("a part of the webhook failed: {error}");
                "a part"
            }
            None => std::future::pending().await,
        }
    }
}

fn own_certificates(
    parts: &mut Parts,
    args: &Args,
    client: &Client,
    live: Arc<Live>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
) {
    let changed = Arc::new(Notify::new());
    let bell = || Bell { changed: changed.clone(), metrics: metrics.clone() };
    let named = |name: &str| format!("metadata.name={name}");
    let (secrets, configurations) = (
        Api::<Secret>::namespaced(client.clone(), &args.namespace),
        Api::<MutatingWebhookConfiguration>::all(client.clone()),
    );
    let (secret, configuration) = (named(object::CA_SECRET), named(object::CONFIGURATION));
    let (one, other) = (bell(), bell());
    parts.add("the watch of the Secret", async move { follow(secrets, &secret, one).await });
    parts.add("the watch of the configuration", async move { follow(configurations, &configuration, other).await });
    let replica = Replica {
        shared: KubeShared::new(client, &args.namespace),
        lifecycle: Lifecycle::new(args.policy(), args.names()),
        live,
        readiness,
        metrics,
        clock: Arc::new(SystemTime::now),
        last: Last::default(),
    };
    parts.add("the care for certificates", replica.run(changed));
}

/// Takes in namespaces.
struct NamespaceWatch {
    namespaces: Arc<Namespaces>,
    metrics: Arc<Metrics>,
}

impl Observer for NamespaceWatch {
    fn applied(&mut self, object: &ObjectMeta) {
        let Some(name) = object.name.as_deref() else { return };
        self.namespaces.apply(name, texts(object.labels.as_ref()), texts(object.annotations.as_ref()));
    }

    fn deleted(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    fn listed(&mut self, names: &HashSet<String>) {
        self.namespaces.listed(names);
    }

    fn failed(&mut self, error: &ClusterError) {
        self.metrics.watch_failed();
        tracing::warn!("namespaces cannot be watched: {error}");
    }
}

fn texts(map: Option<&BTreeMap<String, String>>) -> impl Iterator<Item = (&str, &str)> {
    map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// Rings when an object changes, whatever the change.
struct Bell {
    changed: Arc<Notify>,
    metrics: Arc<Metrics>,
}

impl Observer for Bell {
    fn applied(&mut self, _object: &ObjectMeta) {
        self.changed.notify_one();
    }

    fn deleted(&mut self, _name: &str) {
        self.changed.notify_one();
    }

    fn listed(&mut self, _names: &HashSet<String>) {
        self.changed.notify_one();
    }

    fn failed(&mut self, error: &ClusterError) {
        self.metrics.watch_failed();
        tracing::debug!("a watch for certificates broke: {error}");
    }
}

/// Follows files that somebody else replaces.
async fn look_at_files(files: Arc<Reloading>, readiness: Arc<Readiness>, metrics: Arc<Metrics>) {
    loop {
        match files.reload() {
            Ok(true) => tracing::info!("a new certificate is in force"),
            Ok(false) => {}
            Err(error) => tracing::warn!("the old certificate stays: {error}"),
        }
        let certificate = files.certificate();
        if let Some(certificate) = &certificate {
            metrics.expires("leaf", certificate.not_after());
        }
        readiness.certificate(match certificate {
            Some(good) if good.is_good(SystemTime::now()) => Ok(()),
            Some(_) => Err("the certificate in the directory is expired or not valid yet".to_owned()),
            None => Err("the certificate in the directory cannot be read".to_owned()),
        });
        tokio::time::sleep(FILES).await;
    }
}

/// Follows the API server's version, which decides the kind of sidecar.
async fn look_at_version(client: Client, args: Args, reviewer: Arc<Reviewer>, readiness: Arc<Readiness>) {
    loop {
        match call(client.apiserver_version()).await {
            Ok(version) => {
                let mode = args.mode(&version.major, &version.minor);
                let config = reviewer.config();
                if config.mode != mode {
                    tracing::info!(major = version.major, minor = version.minor, mode = mode.name(), "kind of sidecar");
                    reviewer.configure(logtap_inject::Config { mode, ..(*config).clone() });
                }
                readiness.version_known();
                tokio::time::sleep(VERSION).await;
            }
            Err(error) => {
                tracing::warn!("the API server's version cannot be read: {error}");
                tokio::time::sleep(VERSION_RETRY).await;
            }
        }
    }
}
