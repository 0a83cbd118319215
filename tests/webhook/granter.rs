//! The granter at work against fake RoleBindings.

use std::sync::Arc;

use logtap_webhook::granter::{Inbox, Pace, run};
use logtap_webhook::handler::Reviewer;
use logtap_webhook::metrics::Metrics;
use logtap_webhook::namespaces::Namespaces;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::fakes::FakeBindings;
use crate::stage::{config, millis, review};

struct Granting {
    bindings: FakeBindings,
    namespaces: Arc<Namespaces>,
    reviewer: Reviewer,
    task: JoinHandle<()>,
}

impl Drop for Granting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn start(bindings: FakeBindings) -> Granting {
    let namespaces = Arc::new(Namespaces::new(config()));
    let (inbox, metrics) = (Arc::new(Inbox::default()), Arc::new(Metrics::default()));
    let pace = Pace { gather: millis(5), sweep: millis(100), retry: millis(20), patience: millis(400) };
    let reviewer = Reviewer::new(config(), namespaces.clone(), metrics.clone(), Some(inbox.clone()));
    let task = tokio::spawn(run(bindings.clone(), inbox, namespaces.clone(), metrics, pace));
    for name in ["shop", "bank", "kube-system"] {
        namespaces.apply(name, [], []);
    }
    namespaces.listed(&["shop", "bank", "kube-system"].map(str::to_owned).into());
    Granting { bindings, namespaces, reviewer, task }
}

impl Granting {
    fn bound(&self) -> Vec<String> {
        self.bindings.0.lock().unwrap().bindings.keys().cloned().collect()
    }

    async fn becomes(&self, expected: &[&str]) {
        for _ in 0..200 {
            if self.bound() == expected {
                return;
            }
            tokio::time::sleep(millis(20)).await;
        }
        panic!("{:?} in place of {expected:?}", self.bound());
    }
}

#[tokio::test]
async fn an_injected_pod_binds_its_namespace_for_as_long_as_it_lives() {
    let granting = start(FakeBindings::default());
    tokio::time::sleep(millis(150)).await;
    assert!(granting.bound().is_empty());
    granting.bindings.0.lock().unwrap().tapped.insert("shop".to_owned());
    granting.reviewer.answer(review("shop").to_string().as_bytes()).await.unwrap();
    granting.becomes(&["shop"]).await;
    tokio::time::sleep(millis(700)).await;
    assert_eq!(granting.bound(), ["shop"], "its pod lives");
    granting.bindings.0.lock().unwrap().tapped.clear();
    granting.becomes(&[]).await;
}

#[tokio::test]
async fn case_015_a_dry_run_has_no_side_effect() {
    let granting = start(FakeBindings::default());
    let mut dry = review("shop");
    dry["request"]["dryRun"] = json!(true);
    granting.reviewer.answer(dry.to_string().as_bytes()).await.unwrap();
    tokio::time::sleep(millis(300)).await;
    assert!(granting.bound().is_empty());
}

#[tokio::test]
async fn namespaces_that_opt_in_are_bound_before_their_pods_come() {
    let granting = start(FakeBindings::default());
    granting.namespaces.apply("shop", [("logtap.io/tap", "enabled")], [("logtap.io/tap", "true")]);
    granting.namespaces.apply("bank", [("env", "prod")], [("logtap.io/tap", "true")]);
    granting.namespaces.apply("kube-system", [("logtap.io/tap", "enabled")], []);
    granting.becomes(&["shop"]).await;
    tokio::time::sleep(millis(600)).await;
    assert_eq!(granting.bound(), ["shop"], "neither production nor the system is bound");
    granting.namespaces.apply("bank", [("env", "prod")], [("logtap.io/tap", "true"), ("logtap.io/allow-prod", "true")]);
    granting.namespaces.apply("shop", [], []);
    granting.becomes(&["bank"]).await;
}

#[tokio::test]
async fn failures_are_tried_again_and_deleted_bindings_come_back() {
    let bindings = FakeBindings::default();
    bindings.0.lock().unwrap().failures = 3;
    let granting = start(bindings);
    granting.namespaces.apply("shop", [("logtap.io/tap", "enabled")], []);
    granting.becomes(&["shop"]).await;
    granting.bindings.0.lock().unwrap().bindings.clear();
    granting.becomes(&["shop"]).await;
}

#[tokio::test]
async fn bindings_of_a_former_life_are_taken_over() {
    let bindings = FakeBindings::default();
    bindings.0.lock().unwrap().bindings.insert("bank".to_owned(), 99);
    let granting = start(bindings);
    granting.becomes(&[]).await;
}
