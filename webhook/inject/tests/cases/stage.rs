//! What the tests stand on: pods, reviews, namespaces, and an answer taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logtap_inject::{Config, DefaultTarget, NamespaceSettings, Target, handle};
use serde_json::{Value, json};

pub(crate) const TARGET: &str = "http://logtap.logtap.svc:3100";

/// An answer, its patch decoded and carried out.
pub(crate) struct Outcome {
    pub(crate) reason: &'static str,
    pub(crate) response: Value,
    pub(crate) warnings: Vec<String>,
    pub(crate) operations: Vec<Value>,
    pub(crate) after: Value,
}

impl Outcome {
    /// The forwarder in the patched pod, wherever it is.
    pub(crate) fn forwarder(&self) -> &Value {
        let lists = ["/spec/initContainers", "/spec/containers"];
        let all = lists.iter().filter_map(|list| self.after.pointer(list)?.as_array()).flatten();
        all.into_iter().find(|one| one["name"] == "logtap-forwarder").expect("no forwarder was added")
    }

    pub(crate) fn env(&self, name: &str) -> Option<&str> {
        let all = self.forwarder()["env"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).map(|one| one["value"].as_str().unwrap())
    }

    pub(crate) fn warned(&self, parts: &[&str]) -> bool {
        self.warnings.iter().any(|one| parts.iter().all(|part| one.contains(part)))
    }

    /// Nothing was changed, for the given reason.
    #[track_caller]
    pub(crate) fn skipped(&self, reason: &str) {
        assert_eq!(self.reason, reason, "{:?}", self.warnings);
        assert!(self.operations.is_empty());
        assert!(self.response.get("patch").is_none() && self.response.get("patchType").is_none());
    }

    #[track_caller]
    pub(crate) fn injected(self) -> Self {
        assert_eq!(self.reason, "injected", "{:?}", self.warnings);
        let _found = self.forwarder();
        self
    }
}

pub(crate) fn config() -> Config {
    Config {
        target: Some(DefaultTarget { url: Target::parse(TARGET).unwrap(), by_address: None, ca: None }),
        ..Config::default()
    }
}

/// A pod as a ReplicaSet makes it, opted in.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "api-7d9f-",
            "creationTimestamp": null,
            "labels": { "app": "api", "pod-template-hash": "7d9f" },
            "annotations": { "logtap.io/tap": "true" },
        },
        "spec": {
            "containers": [{ "name": "api", "image": "shop/api:1", "resources": { "requests": { "cpu": "100m" } } }],
            "restartPolicy": "Always",
        },
    })
}

/// The pod with a value put at a JSON pointer whose parent exists.
pub(crate) fn with(mut pod: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value;
    pod
}

/// The opted-in pod with one more annotation of ours.
pub(crate) fn annotated(key: &str, value: &str) -> Value {
    with(pod(), &format!("/metadata/annotations/logtap.io~1{key}"), value.into())
}

pub(crate) fn review(object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0f1c2d3e-0000-4000-8000-000000000001",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": "shop",
            "operation": "CREATE",
            "object": object,
            "oldObject": null,
            "dryRun": false,
        },
    })
}

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A namespace with these labels and annotations.
pub(crate) fn namespace(labels: Pairs<'_>, annotations: Pairs<'_>) -> NamespaceSettings {
    NamespaceSettings::new(labels.iter().copied(), annotations.iter().copied(), &Config::default())
}

/// A namespace that says nothing.
pub(crate) fn quiet() -> NamespaceSettings {
    namespace(&[], &[])
}

pub(crate) fn run(review: &Value, settings: Option<NamespaceSettings>, config: &Config) -> Outcome {
    let answer = handle(review.to_string().as_bytes(), |_| settings, config).unwrap();
    let body: Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
    let response = body["response"].clone();
    assert_eq!(response["allowed"], true);
    assert_eq!(response["uid"], review["request"]["uid"]);
    assert_eq!(response["auditAnnotations"]["reason"], answer.reason);
    let operations = response.get("patch").map(|patch| STANDARD.decode(patch.as_str().unwrap()).unwrap());
    let operations: Value = operations.map_or(json!([]), |patch| serde_json::from_slice(&patch).unwrap());
    let mut after = review["request"]["object"].clone();
    let patch: json_patch::Patch = serde_json::from_value(operations.clone()).unwrap();
    json_patch::patch(&mut after, &patch).expect("the patch does not apply");
    let warnings = response.get("warnings").map(|all| serde_json::from_value(all.clone()).unwrap());
    Outcome {
        reason: answer.reason,
        warnings: warnings.unwrap_or_default(),
        operations: operations.as_array().unwrap().clone(),
        response,
        after,
    }
}

/// The pod in a namespace that says nothing, under the usual configuration.
pub(crate) fn create(pod: &Value) -> Outcome {
    run(&review(pod), Some(quiet()), &config())
}

/// The pod in the given namespace.
pub(crate) fn create_in(pod: &Value, settings: NamespaceSettings) -> Outcome {
    run(&review(pod), Some(settings), &config())
}
