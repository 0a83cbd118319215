//! The template whole, so that a change of it is seen.

use logtap_inject::vocabulary;
use serde_json::json;

use crate::stage::{annotated, config, create, pod};

#[test]
fn the_usual_patch() {
    let outcome = create(&pod()).injected();
    let volumes = json!([
        { "name": "logtap-identity", "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "serviceAccountToken": { "audience": "logtap", "expirationSeconds": 3607, "path": "receiver-token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } },
            ] } },
        ] } },
        { "name": "logtap-state", "emptyDir": { "sizeLimit": "80Mi" } },
    ]);
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } });
    let container = json!({
        "name": "logtap-forwarder",
        "image": config().image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "env": [
            field("POD_NAMESPACE", "metadata.namespace"),
            field("POD_NAME", "metadata.name"),
            field("POD_UID", "metadata.uid"),
            field("NODE_NAME", "spec.nodeName"),
            { "name": "LOGTAP_INJECTED", "value": "1" },
            { "name": "LOGTAP_MODE", "value": "native" },
            { "name": "LOGTAP_SOURCE", "value": "api" },
            { "name": "LOGTAP_TARGET", "value": "http://logtap.logtap.svc:3100" },
            { "name": "LOGTAP_SPOOL_BYTES", "value": "67108864" },
            { "name": "LOGTAP_APP", "value": "api" },
        ],
        "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            { "name": "logtap-identity", "mountPath": "/var/run/logtap/identity", "readOnly": true },
            { "name": "logtap-state", "mountPath": "/var/lib/logtap" },
        ],
    });
    let add = |path: &str, value| json!({ "op": "add", "path": path, "value": value });
    assert_eq!(
        json!(outcome.operations),
        json!([
            add("/spec/volumes", volumes),
            add("/spec/initContainers", json!([container])),
            add(
                "/metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes",
                json!("logtap-state")
            ),
            add(
                "/metadata/annotations/logtap.io~1status",
                json!({ "v": 1, "mode": "native", "source": "api", "image": config().image }).to_string().into()
            ),
        ])
    );
}

#[test]
fn the_node_source_reads_its_own_pod_only() {
    let outcome = create(&annotated("source", "node")).injected();
    let volumes = outcome.after["spec"]["volumes"].as_array().unwrap();
    assert_eq!(
        volumes[2],
        json!({ "name": "logtap-node-logs", "hostPath": { "path": "/var/log/pods", "type": "Directory" } })
    );
    let mounts = outcome.forwarder()["volumeMounts"].as_array().unwrap();
    assert_eq!(
        mounts[2],
        json!({
            "name": "logtap-node-logs",
            "mountPath": "/var/log/logtap-pod",
            "readOnly": true,
            "subPathExpr": "$(POD_NAMESPACE)_$(POD_NAME)_$(POD_UID)",
        })
    );
    let context = &outcome.forwarder()["securityContext"];
    assert_eq!((&context["runAsUser"], &context["runAsNonRoot"]), (&json!(0), &json!(false)));
    assert_eq!((&context["privileged"], &context["capabilities"]), (&json!(false), &json!({ "drop": ["ALL"] })));
}

#[test]
fn keys_are_spelt_as_documented() {
    use vocabulary::{annotation, label, object, sidecar};
    let keys = [
        (annotation::TAP, "tap"),
        (annotation::TARGET, "target"),
        (annotation::TARGET_CA, "target-ca"),
        (annotation::SPOOL, "spool"),
        (annotation::SESSION, "session"),
        (annotation::CONTAINERS, "containers"),
        (annotation::EXCLUDE_CONTAINERS, "exclude-containers"),
        (annotation::SOURCE, "source"),
        (annotation::CPU_REQUEST, "cpu-request"),
        (annotation::ALLOW_PROD, "allow-prod"),
        (annotation::BEFORE, "before"),
        (annotation::STATUS, "status"),
        (label::TAP, "tap"),
        (label::PROD, "prod"),
    ];
    for (key, name) in keys {
        assert_eq!(key, format!("{}{name}", annotation::PREFIX));
    }
    assert_eq!(
        (sidecar::CONTAINER, object::FORWARDER_ROLE, sidecar::AUDIENCE),
        ("logtap-forwarder", "logtap-forwarder", "logtap")
    );
}
