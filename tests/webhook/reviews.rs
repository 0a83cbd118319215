//! Reviews of namespaces, and the plain port.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use logtap_inject::{Config, webhooks};
use logtap_webhook::admin::{Admin, Readiness};
use logtap_webhook::metrics::Metrics;
use logtap_webhook::namespaces::Namespaces;
use logtap_webhook::server::{Limits, Server, listen};
use logtap_webhook::shutdown;
use serde_json::{Value, json};

use crate::stage::{Stage, config, post};

#[tokio::test]
async fn namespaces_are_mirrored_on_the_same_path() {
    let stage = Stage::new().await;
    assert_eq!(webhooks(&Config::default()).len(), 3);
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": { "group": "", "version": "v1", "kind": "Namespace" },
            "name": "new",
            "operation": "CREATE",
            "object": { "metadata": { "name": "new", "annotations": { "logtap.io/tap": "true" } } },
        },
    });
    let (status, body) = stage.send(post(review.to_string())).await;
    assert_eq!(status, StatusCode::OK);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["response"]["auditAnnotations"]["reason"], "mirrored");
    assert_eq!(stage.metric("logtap_webhook_reviews_total{decision=\"namespace\",reason=\"mirrored\"}"), "1");
}

#[tokio::test]
async fn health_readiness_and_figures() {
    let namespaces = Arc::new(Namespaces::new(config()));
    let (trigger, shutdown) = shutdown::channel();
    let readiness = Arc::new(Readiness::new(namespaces.clone(), shutdown.clone()));
    let metrics = Arc::new(Metrics::default());
    let listener = listen(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server {
        listener,
        tls: None,
        handler: Arc::new(Admin {
            readiness: readiness.clone(),
            namespaces: namespaces.clone(),
            metrics: metrics.clone(),
        }),
        limits: Limits::default(),
        drain: std::time::Duration::MAX,
        metrics,
        shutdown,
    };
    let task = tokio::spawn(server.run());
    let get = |method: Method, path: &'static str| async move {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "x");
        let response = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
    };
    assert_eq!(get(Method::GET, "/healthz").await.0, 200);
    assert_eq!(get(Method::POST, "/healthz").await.0, 405);
    assert_eq!(get(Method::GET, "/mutate").await.0, 404);
    let not_ready = |hint: &'static str| async move {
        let (status, text) = get(Method::GET, "/readyz").await;
        assert_eq!(status, 503);
        assert!(text.contains(hint), "{text}");
    };
    not_ready("version").await;
    readiness.version_known();
    not_ready("namespaces").await;
    namespaces.apply("missed", [], [("logtap.io/tap", "true")]);
    namespaces.listed(&["missed".to_owned()].into());
    not_ready("certificate").await;
    readiness.certificate(Ok(()));
    assert_eq!(get(Method::GET, "/readyz").await.0, 200);
    let (_, text) = get(Method::GET, "/metrics").await;
    for line in ["logtap_webhook_ready 1", "logtap_webhook_namespaces 1", "logtap_webhook_mirror_drift_namespaces 1"] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    trigger.advance();
    not_ready("shutting down").await;
    assert_eq!(get(Method::GET, "/healthz").await.0, 200, "alive while draining");
    task.abort();
}
