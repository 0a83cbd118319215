//! What the tests stand on: a server with its own authority, and clients of each protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use logtap_certs::{Authority, Live, server_config};
use logtap_inject::{Config, DefaultTarget, Target};
use logtap_webhook::handler::Reviewer;
use logtap_webhook::metrics::{Gauges, Metrics};
use logtap_webhook::namespaces::Namespaces;
use logtap_webhook::routes::Routes;
use logtap_webhook::server::{Limits, Server};
use logtap_webhook::shutdown::{self, Trigger};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub(crate) const NAME: &str = "logtap-webhook.logtap.svc";
pub(crate) const JSON: &str = "application/json";

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A server and all that a test may want to reach of it.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) live: Arc<Live>,
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) trigger: Trigger,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) fn config() -> Config {
    let url = Target::parse("http://logtap.logtap.svc:3100").unwrap();
    Config { target: Some(DefaultTarget { url, by_address: None, ca: None }), ..Config::default() }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), Duration::ZERO).await
    }

    pub(crate) async fn with(limits: Limits, drain: Duration) -> Self {
        let authority = Authority::mint(SystemTime::now(), seconds(3600)).unwrap();
        Self::signed_by(authority, limits, drain).await
    }

    pub(crate) async fn signed_by(authority: Authority, limits: Limits, drain: Duration) -> Self {
        let live = Arc::new(Live::default());
        live.serve(&authority.sign(&[NAME.to_owned()], SystemTime::now(), seconds(600)).unwrap());
        let namespaces = Arc::new(Namespaces::new(config()));
        namespaces.apply("shop", [], []);
        let metrics = Arc::new(Metrics::default());
        let reviewer = Arc::new(Reviewer::new(config(), namespaces.clone(), metrics.clone(), None));
        let (trigger, shutdown) = shutdown::channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server {
            listener,
            tls: Some(TlsAcceptor::from(Arc::new(server_config(live.clone(), None).unwrap()))),
            handler: Arc::new(Routes::new(reviewer, metrics.clone())),
            limits,
            drain,
            metrics: metrics.clone(),
            shutdown,
        };
        let task = tokio::spawn(server.run());
        Self { address, authority, live, namespaces, metrics, trigger, task }
    }

    pub(crate) fn connector(&self, protocol: &[u8], versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.certificate().der())).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) async fn tls(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        self.connector(protocol, rustls::ALL_VERSIONS).connect(name, stream).await.unwrap()
    }

    pub(crate) async fn http1<B>(&self) -> http1::SendRequest<B>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(self.tls(b"http/1.1").await)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn http2(&self) -> http2::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.tls(b"h2").await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> (StatusCode, String) {
        let response = self.http1().await.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The value of a line of `/metrics`.
    pub(crate) fn metric(&self, line: &str) -> String {
        let text = self.metrics.text(&Gauges::default());
        let found = text.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {line} in {text}")).to_owned()
    }
}

pub(crate) fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(format!("https://{NAME}/mutate?timeout=3s")).header("host", NAME);
    request.header("content-type", JSON).body(Full::new(body.into())).unwrap()
}

/// The review of a new pod that opted in.
pub(crate) fn review(namespace: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0f1c2d3e-0000-4000-8000-000000000001",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": namespace,
            "operation": "CREATE",
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": { "generateName": "api-7d9f-", "annotations": { "logtap.io/tap": "true" } },
                "spec": { "containers": [{ "name": "api", "image": "shop/api:1" }] },
            },
            "oldObject": null,
            "dryRun": false,
        },
    })
}

/// A request whose answer must be a patch.
pub(crate) fn tapped() -> Request<Full<Bytes>> {
    post(review("shop").to_string())
}

/// Whether an answer adds a forwarder.
pub(crate) fn is_injected(body: &[u8]) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["response"]["auditAnnotations"]["reason"] == "injected" && body["response"]["patch"].is_string()
}
