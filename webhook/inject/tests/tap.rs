//! Tap and untap against each other, over a stand-in of the API server that knows just server-side
//! apply of annotations by one manager, and merge patches.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeSet;

use logtap_inject::tap::{Annotations, Note, Refusal, tap, untap};
use logtap_inject::vocabulary::annotation;
use proptest::prelude::*;
use serde_json::{Value, json};

/// An object in a server that remembers which of the template's annotations we own.
struct Server {
    object: Value,
    owned: BTreeSet<String>,
    template: &'static str,
}

impl Server {
    fn new(object: Value) -> Self {
        let template = if object["kind"] == "CronJob" { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
        Self { object, owned: BTreeSet::new(), template }
    }

    fn annotations(&self) -> Value {
        self.object.pointer(self.template).unwrap()["metadata"]["annotations"].clone()
    }

    fn set(&mut self, key: &str, value: Option<&str>) {
        let template = self.object.pointer_mut(self.template).unwrap();
        json_patch::merge(template, &json!({ "metadata": { "annotations": { key: value } } }));
        self.owned.remove(key);
    }

    fn tap(&mut self, wanted: &Annotations) -> bool {
        let Some(mut apply) = tap(&self.object, wanted, true).unwrap().apply else { return false };
        let given = apply.pointer(self.template).unwrap()["metadata"]["annotations"].clone();
        let given = given.as_object().unwrap();
        for key in std::mem::take(&mut self.owned) {
            if !given.contains_key(&key) {
                self.set(&key, None);
            }
        }
        self.owned = given.keys().cloned().collect();
        apply["metadata"].as_object_mut().unwrap().remove("name");
        json_patch::merge(&mut self.object, &apply);
        true
    }

    fn untap(&mut self) -> Vec<String> {
        let plan = untap(&self.object).unwrap();
        if let Some(patch) = plan.patch {
            json_patch::merge(&mut self.object, &patch);
        }
        plan.left
    }
}

fn wanted(pairs: &[(&str, &str)]) -> Annotations {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn simple() -> Annotations {
    wanted(&[(annotation::TAP, "true"), (annotation::SESSION, "s1"), (annotation::TARGET, "http://receiver:3100")])
}

fn workload(kind: &str, template: Value) -> Value {
    let (version, spec) = match kind {
        "CronJob" => ("batch/v1", json!({ "jobTemplate": { "spec": { "template": template } } })),
        "Rollout" => ("argoproj.io/v1alpha1", json!({ "replicas": 2, "template": template })),
        _ => ("apps/v1", json!({ "replicas": 2, "template": template })),
    };
    json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "api", "namespace": "shop", "resourceVersion": "7" }, "spec": spec })
}

const KINDS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Rollout"];

#[test]
fn untap_leaves_every_kind_as_it_was() {
    let templates = [
        json!({ "spec": { "containers": [] } }),
        json!({ "metadata": { "labels": { "app": "api" } }, "spec": {} }),
        json!({ "metadata": { "annotations": { "a": "1", annotation::TAP: "false" } }, "spec": {} }),
    ];
    for kind in KINDS {
        for template in &templates {
            let object = workload(kind, template.clone());
            let mut server = Server::new(object.clone());
            assert!(server.tap(&simple()));
            assert_eq!(server.annotations()[annotation::TAP], "true", "{kind}");
            assert!(!server.tap(&simple()), "{kind}: a second tap changes nothing");
            assert_eq!(server.untap(), Vec::<String>::new());
            assert_eq!(server.object, object, "{kind}");
            assert_eq!(server.untap(), Vec::<String>::new());
            assert_eq!(server.object, object, "{kind}: a second untap changes nothing");
        }
    }
}

#[test]
fn what_the_user_edited_since_is_left_and_named() {
    let mut server = Server::new(workload("Deployment", json!({ "metadata": { "annotations": { "a": "1" } } })));
    server.tap(&simple());
    server.set(annotation::TARGET, Some("http://other:3100"));
    server.set("b", Some("2"));
    assert_eq!(server.untap(), [annotation::TARGET]);
    assert_eq!(server.annotations(), json!({ "a": "1", "b": "2", annotation::TARGET: "http://other:3100" }));
}

#[test]
fn an_apply_names_nothing_but_what_is_ours() {
    let object = workload(
        "CronJob",
        json!({ "metadata": { "annotations": { "a": "1" } }, "spec": { "containers": [{ "name": "x" }] } }),
    );
    let apply = tap(&object, &simple(), false).unwrap().apply.unwrap();
    assert_eq!(
        apply["spec"],
        json!({ "jobTemplate": { "spec": { "template": { "metadata": { "annotations": simple() } } } } })
    );
    let metadata: Vec<&String> = apply["metadata"].as_object().unwrap().keys().collect();
    assert_eq!(metadata, ["annotations", "name", "namespace"]);
    assert!(apply["metadata"]["annotations"].as_object().unwrap().keys().eq([annotation::BEFORE]));
}

#[test]
fn another_holder_is_named_unless_forced() {
    let mut server = Server::new(workload("Deployment", json!({})));
    server.tap(&simple());
    let mine = wanted(&[(annotation::TAP, "true"), (annotation::SESSION, "s2")]);
    let refusal = tap(&server.object, &mine, false).unwrap_err();
    assert_eq!(refusal, Refusal::Held { by: annotation::SESSION, value: "s1".to_owned() });
    assert!(refusal.to_string().contains("logtap.io/session=s1"), "{refusal}");
    let again = wanted(&[(annotation::TAP, "true")]);
    assert!(tap(&server.object, &again, false).unwrap().apply.is_none(), "without a session, the earlier one is kept");
    assert!(tap(&server.object, &mine, true).is_ok());
}

#[test]
fn what_cannot_be_tapped_says_the_way_out() {
    let of = |version: &str, kind: &str| {
        tap(&json!({ "apiVersion": version, "kind": kind, "metadata": {} }), &simple(), false).unwrap_err()
    };
    assert_eq!(of("batch/v1", "Job"), Refusal::Job);
    assert_eq!(of("v1", "Pod"), Refusal::Pod);
    assert!(of("serving.knative.dev/v1", "Service").to_string().starts_with("Service cannot be tapped"));
    let mut owned = workload("ReplicaSet", json!({}));
    owned["metadata"]["ownerReferences"] = json!([{ "kind": "Deployment", "name": "api", "controller": true }]);
    assert_eq!(
        tap(&owned, &simple(), false).unwrap_err(),
        Refusal::Owned { kind: "Deployment".into(), name: "api".into() }
    );
    let mut elsewhere = workload("Rollout", json!({}));
    elsewhere["spec"]["workloadRef"] = json!({ "name": "api" });
    assert_eq!(tap(&elsewhere, &simple(), false).unwrap_err(), Refusal::TemplateElsewhere("api".into()));
    let mut newer = workload("Deployment", json!({}));
    newer["metadata"]["annotations"] = json!({ annotation::BEFORE: "{\"version\":2}" });
    assert_eq!(tap(&newer, &simple(), true).unwrap_err(), Refusal::UnknownRecord);
    assert_eq!(untap(&newer).unwrap_err(), Refusal::UnknownRecord);
}

#[test]
fn notes_tell_what_will_happen() {
    let notes = |change: &dyn Fn(&mut Value), kind: &str| {
        let mut object = workload(kind, json!({}));
        change(&mut object);
        tap(&object, &simple(), false).unwrap().notes
    };
    assert_eq!(notes(&|_| (), "Deployment"), []);
    assert_eq!(notes(&|object| object["spec"]["paused"] = json!(true), "Deployment"), [Note::Paused]);
    assert_eq!(
        notes(&|object| object["spec"]["updateStrategy"] = json!({ "type": "OnDelete" }), "DaemonSet"),
        [Note::OnDelete]
    );
    let recreate = |object: &mut Value| {
        object["spec"] = json!({ "strategy": { "type": "Recreate" }, "replicas": 1, "template": {} })
    };
    assert_eq!(notes(&recreate, "Deployment"), [Note::Recreate, Note::SingleReplica]);
    assert_eq!(notes(&|_| (), "CronJob"), [Note::NextRun]);
    assert_eq!(notes(&|object| object["spec"]["suspend"] = json!(true), "CronJob"), [Note::Suspended]);
    let flux =
        |object: &mut Value| object["metadata"]["labels"] = json!({ "kustomize.toolkit.fluxcd.io/name": "shop" });
    assert_eq!(notes(&flux, "Deployment"), [Note::GitOps("Flux")]);
    let argo = |object: &mut Value| object["metadata"]["managedFields"] = json!([{ "manager": "argocd-controller" }]);
    assert_eq!(notes(&argo, "Deployment"), [Note::GitOps("Argo CD")]);
}

const KEYS: [&str; 5] = [annotation::TAP, annotation::TARGET, annotation::SESSION, annotation::SPOOL, "user"];

fn some_annotations() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((0..KEYS.len(), 0u8..4), 0..4)
}

fn of(pairs: &[(usize, u8)], value: &str) -> Annotations {
    pairs.iter().map(|(key, n)| (KEYS[*key].to_owned(), format!("{value}{n}"))).collect()
}

proptest! {
    /// Whatever was tapped and tapped again, with edits of the user in between: in the end each key
    /// has the value that the user gave it last.
    #[test]
    fn the_user_has_the_last_word(
        kind in 0..KINDS.len(),
        start in prop::option::of(some_annotations()),
        steps in prop::collection::vec((any::<bool>(), some_annotations()), 1..5),
    ) {
        let template = start.as_ref().map_or(json!({}), |pairs| json!({ "metadata": { "annotations": of(pairs, "mine") } }));
        let mut server = Server::new(workload(KINDS[kind], template));
        let mut users = start.map_or_else(Annotations::new, |pairs| of(&pairs, "mine"));
        for (edit, pairs) in &steps {
            if *edit {
                for (key, value) in of(pairs, "edit") {
                    server.set(&key, Some(&value));
                    users.insert(key, value);
                }
            } else {
                let mut wanted = of(pairs, "tap");
                wanted.remove("user");
                wanted.insert(annotation::TAP.to_owned(), "true".to_owned());
                server.tap(&wanted);
                for (key, value) in &wanted {
                    prop_assert_eq!(&server.annotations()[key], value);
                }
            }
        }
        server.untap();
        let left: Annotations = serde_json::from_value(server.annotations()).unwrap_or_default();
        prop_assert_eq!(left, users);
        prop_assert!(server.object["metadata"]["annotations"].is_null());
    }
}
