//! What is known of namespaces, and waiting for it.

use std::sync::Arc;

use logtap_webhook::namespaces::{Namespaces, PATIENCE};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stage::{Stage, config, millis, post, review};

fn reason(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["response"]["auditAnnotations"]["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn case_106_a_namespace_that_comes_with_its_pod_is_waited_for() {
    let stage = Stage::new().await;
    let namespaces = stage.namespaces.clone();
    tokio::spawn(async move {
        tokio::time::sleep(millis(200)).await;
        namespaces.apply("new", [], []);
    });
    let (status, body) = stage.send(post(review("new").to_string())).await;
    assert_eq!((status.as_u16(), reason(&body).as_str()), (200, "injected"));
}

#[tokio::test]
async fn a_namespace_that_does_not_come_is_a_reason() {
    let stage = Stage::new().await;
    let mut sender = stage.http2().await;
    let began = Instant::now();
    let response = sender.send_request(post(review("never").to_string())).await.unwrap();
    let took = began.elapsed();
    assert!(took >= PATIENCE && took < PATIENCE + millis(200), "{took:?}");
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(reason(std::str::from_utf8(&body).unwrap()), "namespace_unknown");
    let line = "logtap_webhook_reviews_total{decision=\"skip\",reason=\"namespace_unknown\"}";
    assert_eq!(stage.metric(line), "1");
}

#[tokio::test]
async fn a_pod_that_says_nothing_is_sent_only_where_the_namespace_opted_in() {
    let stage = Stage::new().await;
    let mut silent = review("shop");
    silent["request"]["object"]["metadata"]["annotations"] = json!({});
    let namespaces = stage.namespaces.clone();
    tokio::spawn(async move {
        tokio::time::sleep(millis(200)).await;
        namespaces.apply("shop", [("logtap.io/tap", "enabled")], []);
    });
    let (_, body) = stage.send(post(silent.to_string())).await;
    assert_eq!(reason(&body), "injected", "the watch was behind the API server");
}

#[tokio::test]
async fn waiting_wakes_for_its_own_namespace_only() {
    let namespaces = Arc::new(Namespaces::new(config()));
    let busy = namespaces.clone();
    let noise = tokio::spawn(async move {
        for number in 0.. {
            busy.apply(&format!("other-{number}"), [], []);
            tokio::time::sleep(millis(1)).await;
        }
    });
    let began = Instant::now();
    assert!(namespaces.wait_for("never", |_| true).await.is_none());
    assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 2);
    noise.abort();
}

#[test]
fn a_list_forgets_what_is_gone() {
    let namespaces = Namespaces::new(config());
    assert!(!namespaces.is_listed());
    for name in ["a", "b", "c"] {
        namespaces.apply(name, [], []);
    }
    namespaces.listed(&["a", "c"].map(str::to_owned).into());
    assert!(namespaces.is_listed() && namespaces.get("b").is_none() && namespaces.count() == 2);
    namespaces.remove("a");
    assert_eq!(namespaces.count(), 1);
}

#[test]
fn drift_is_what_no_webhook_saw() {
    let namespaces = Namespaces::new(config());
    let tap = |value| ("logtap.io/tap", value);
    namespaces.apply("mirrored", [tap("enabled")], [tap("true")]);
    namespaces.apply("forbidden", [tap("disabled")], [tap("false")]);
    namespaces.apply("vetoed", [tap("disabled")], [tap("true")]);
    namespaces.apply("labelled", [tap("enabled")], []);
    namespaces.apply("senseless", [], [tap("maybe")]);
    namespaces.apply("kube-system", [], [tap("true")]);
    assert!(namespaces.drifted().is_empty(), "{:?}", namespaces.drifted());
    namespaces.apply("missed", [], [tap("true")]);
    namespaces.apply("half", [tap("true")], [tap("true")]);
    namespaces.apply("open", [tap("enabled")], [tap("false")]);
    namespaces.apply("bare", [], [tap("disabled")]);
    assert_eq!(namespaces.drifted().into_iter().collect::<Vec<_>>(), ["bare", "half", "missed", "open"]);
}
