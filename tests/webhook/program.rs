//! The program as it is installed, against a fake API server.

use std::process::Stdio;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use logtap_certs::{Authority, Data, Keyring};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::fake_api::FakeApiServer;
use crate::stage::{NAME, is_injected, millis, post, review};

pub(crate) struct Program {
    pub(crate) child: Child,
    port: u16,
    health: u16,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Program {
    pub(crate) fn start(api: &FakeApiServer, folder: &std::path::Path, flags: &[&str]) -> Self {
        let (port, health) = (free_port(), free_port());
        let config = folder.join("kubeconfig");
        api.kubeconfig(&config);
        let child = Command::new(env!("CARGO_BIN_EXE_logtap-webhook"))
            .args(["--port", &port.to_string(), "--health-port", &health.to_string(), "--drain-seconds", "1"])
            .args(["--target", "http://logtap.logtap.svc:3100"])
            .args(flags)
            .env("KUBECONFIG", config)
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, port, health }
    }

    async fn health(&self, path: &str) -> Option<(u16, String)> {
        let stream = TcpStream::connect(("127.0.0.1", self.health)).await.ok()?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let request = hyper::Request::get(path).header("host", "x").body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.ok()?;
        let status = response.status().as_u16();
        Some((status, String::from_utf8(response.into_body().collect().await.ok()?.to_bytes().to_vec()).unwrap()))
    }

    pub(crate) async fn ready(&self) {
        let mut last = None;
        for _ in 0..200 {
            last = self.health("/readyz").await;
            if matches!(last, Some((200, _))) {
                return;
            }
            tokio::time::sleep(millis(25)).await;
        }
        panic!("not ready: {last:?}");
    }

    pub(crate) async fn connect(&self, bundle: &[u8]) -> http2::SendRequest<Full<Bytes>> {
        let mut roots = RootCertStore::empty();
        for one in CertificateDer::pem_slice_iter(bundle) {
            roots.add(one.unwrap()).unwrap();
        }
        let mut client =
            ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // As the API server's; without it, a request waits for the acknowledgement of the one before.
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let stream = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client)).connect(name, stream).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn end(mut self) {
        kill_process(Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
        tokio::time::sleep(millis(200)).await;
        assert_eq!(self.health("/readyz").await.unwrap().0, 503, "not ready while it drains");
        let ended = tokio::time::timeout(millis(8000), self.child.wait()).await.expect("ended").unwrap();
        assert!(ended.success(), "{ended}");
    }
}

fn entry(name: &str) -> Value {
    json!({ "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": { "service": { "name": "logtap-webhook", "namespace": "logtap" } } })
}

pub(crate) fn configuration() -> Value {
    let names = ["somebody.else.io", "mirror.logtap.io", "ns.logtap.io", "pod.logtap.io"];
    json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {}, "webhooks": names.map(entry) })
}

pub(crate) fn namespace(annotations: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "annotations": annotations } })
}

/// The bundle of an entry, decoded.
pub(crate) fn bundle(api: &FakeApiServer, name: &str) -> Option<Vec<u8>> {
    let configuration = api.get("mutatingwebhookconfigurations", "", "logtap-webhook")?;
    let entries = configuration["webhooks"].as_array()?.clone();
    let entry = entries.into_iter().find(|entry| entry["name"] == name)?;
    let bytes: k8s_openapi::ByteString = serde_json::from_value(entry["clientConfig"]["caBundle"].clone()).ok()?;
    Some(bytes.0).filter(|bytes| !bytes.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_program() {
    let (api, folder) = (FakeApiServer::start().await, tempfile::tempdir().unwrap());
    api.put("mutatingwebhookconfigurations", "", "logtap-webhook", configuration());
    api.put("namespaces", "", "shop", namespace(json!({})));
    let program = Program::start(&api, folder.path(), &[]);
    program.ready().await;
    let text = bundle(&api, "ns.logtap.io").unwrap();
    assert_eq!(bundle(&api, "mirror.logtap.io").as_ref(), Some(&text));
    assert!(bundle(&api, "somebody.else.io").is_none(), "case 104: entries of others are left alone");
    assert!(api.get("secrets", "logtap", "logtap-webhook-ca").is_some());

    let mut sender = program.connect(&text).await;
    let mut answer = async |namespace: &str| {
        let response = sender.send_request(post(review(namespace).to_string())).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    };
    assert!(is_injected(&answer("shop").await));
    assert!(!is_injected(&answer("later").await));
    api.put("namespaces", "", "later", namespace(json!({})));
    assert!(is_injected(&answer("later").await), "seen by the watch");
    api.put("namespaces", "", "later", namespace(json!({ "logtap.io/tap": "false" })));
    tokio::time::sleep(millis(200)).await;
    assert!(!is_injected(&answer("later").await));
    tokio::time::sleep(millis(300)).await;
    let binding = api.get("rolebindings", "shop", "logtap-forwarder").expect("the granter was told");
    assert_eq!(binding["subjects"][0]["name"], "system:serviceaccounts:shop");
    assert_eq!(binding["roleRef"]["name"], "logtap-forwarder");

    // Somebody deletes the Secret and applies the configuration without bundles, in another order.
    api.remove("secrets", "logtap", "logtap-webhook-ca");
    let mut other = configuration();
    other["webhooks"].as_array_mut().unwrap().reverse();
    api.put("mutatingwebhookconfigurations", "", "logtap-webhook", other);
    tokio::time::sleep(millis(1000)).await;
    let text = bundle(&api, "pod.logtap.io").expect("put back within a second");
    assert!(api.get("secrets", "logtap", "logtap-webhook-ca").is_some());
    assert!(bundle(&api, "somebody.else.io").is_none());
    let mut sender = program.connect(&text).await;
    let response = sender.send_request(post(review("shop").to_string())).await.unwrap();
    assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
    let (_, figures) = program.health("/metrics").await.unwrap();
    assert!(figures.contains("logtap_webhook_cert_not_after_seconds{kind=\"leaf\"}"), "{figures}");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_129_certificates_of_somebody_else() {
    let (api, folder) = (FakeApiServer::start().await, tempfile::tempdir().unwrap());
    api.put("mutatingwebhookconfigurations", "", "logtap-webhook", configuration());
    api.put("namespaces", "", "shop", namespace(json!({})));
    let certs = folder.path().join("certs");
    std::fs::create_dir(&certs).unwrap();
    // Good for so many milliseconds; until when, as the metrics say it.
    let exchange = |life| {
        let authority = Authority::mint(std::time::SystemTime::now(), millis(life)).unwrap();
        std::fs::write(certs.join("tls.crt"), authority.certificate().to_pem()).unwrap();
        std::fs::write(certs.join("tls.key"), authority.key_pem()).unwrap();
        let until = authority.certificate().not_after().duration_since(std::time::UNIX_EPOCH).unwrap();
        format!("logtap_webhook_cert_not_after_seconds{{kind=\"leaf\"}} {}\n", until.as_secs())
    };
    let first = exchange(3_600_000);
    let program = Program::start(&api, folder.path(), &["--no-grant", "--cert-dir", certs.to_str().unwrap()]);
    program.ready().await;
    assert!(bundle(&api, "ns.logtap.io").is_none(), "the configuration is never touched");
    assert!(api.get("secrets", "logtap", "logtap-webhook-ca").is_none());
    let figures = async || program.health("/metrics").await.unwrap().1;
    assert!(figures().await.contains(&first));
    // Renewed while the webhook serves, which looks every few seconds.
    let second = exchange(7_200_000);
    let taken = async {
        while !figures().await.contains(&second) {
            tokio::time::sleep(millis(100)).await;
        }
    };
    tokio::time::timeout(millis(20_000), taken).await.expect("the new certificate is in force");
    program.end().await;
}

fn secret(data: Data) -> Value {
    let data: std::collections::BTreeMap<_, _> =
        data.into_iter().map(|(name, bytes)| (name, k8s_openapi::ByteString(bytes))).collect();
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": {}, "type": "Opaque", "data": data })
}

/// Another replica stores its authority after this one has read and before it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_127_who_was_second_takes_what_the_first_wrote() {
    let spoilt = secret([("ca.crt".to_owned(), b"nonsense".to_vec())].into());
    // Both wanted to create the Secret; both wanted to mend it.
    for there in [None, Some(spoilt)] {
        let (api, folder) = (FakeApiServer::start().await, tempfile::tempdir().unwrap());
        api.put("mutatingwebhookconfigurations", "", "logtap-webhook", configuration());
        if let Some(there) = there {
            api.put("secrets", "logtap", "logtap-webhook-ca", there);
        }
        let first = Authority::mint(std::time::SystemTime::now(), millis(3_600_000)).unwrap();
        let ring = Keyring { current: Some(first.clone()), ..Keyring::default() };
        let theirs = secret(ring.to_data());
        api.be_first("secrets", "logtap", "logtap-webhook-ca", theirs.clone());
        let program = Program::start(&api, folder.path(), &["--no-grant"]);
        program.ready().await;
        let stored = api.get("secrets", "logtap", "logtap-webhook-ca").unwrap();
        assert_eq!(stored["data"]["ca.key"], theirs["data"]["ca.key"], "the first one's authority stays");
        let text = bundle(&api, "ns.logtap.io").unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), first.certificate().to_pem());
        // Its own leaf is by that authority, too.
        let _sender = program.connect(first.certificate().to_pem().as_bytes()).await;
        program.end().await;
    }
}
