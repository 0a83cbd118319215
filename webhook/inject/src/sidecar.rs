//! The one template of what is added: container, volumes, annotations.
//!
//! Fields that the API server would fill in are written out where identity is checked later (the
//! volumes), so that what comes back from a cluster equals what was sent.

use serde_json::{Map, Value, json};

use crate::config::Mode;
use crate::plan::{Plan, Source, User};
use crate::resources::{self, COMPUTE};
use crate::vocabulary::{env, sidecar};

/// The container.
#[must_use]
pub fn container(plan: &Plan) -> Value {
    let mut container = json!({
        "name": sidecar::CONTAINER,
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "env": environment(plan),
        "securityContext": security_context(plan.user),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts(plan),
    });
    if plan.mode == Mode::Native {
        container["restartPolicy"] = "Always".into();
    }
    let resources = resources(plan);
    if !resources.is_empty() {
        container["resources"] = resources.into();
    }
    container
}

/// The volumes, each mounted in our container only.
#[must_use]
pub fn volumes(plan: &Plan) -> Vec<Value> {
    let token = |audience: Option<&str>, path: &str| {
        let mut token = json!({ "expirationSeconds": sidecar::TOKEN_SECONDS, "path": path });
        if let Some(audience) = audience {
            token["audience"] = audience.into();
        }
        json!({ "serviceAccountToken": token })
    };
    let namespace = json!({
        "path": sidecar::NAMESPACE_FILE,
        "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
    });
    let ca = json!({ "key": sidecar::CLUSTER_CA_FILE, "path": sidecar::CLUSTER_CA_FILE });
    let mut volumes = vec![
        json!({
            "name": sidecar::IDENTITY_VOLUME,
            "projected": {
                "defaultMode": 0o644,
                "sources": [
                    token(None, sidecar::API_TOKEN_FILE),
                    token(Some(sidecar::AUDIENCE), sidecar::RECEIVER_TOKEN_FILE),
                    { "configMap": { "name": sidecar::CLUSTER_CA_CONFIG_MAP, "items": [ca] } },
                    { "downwardAPI": { "items": [namespace] } },
                ],
            },
        }),
        json!({
            "name": sidecar::STATE_VOLUME,
            "emptyDir": { "sizeLimit": resources::state_size(plan.spool).as_str() },
        }),
    ];
    if plan.source == Source::Node {
        volumes.push(json!({
            "name": sidecar::NODE_LOGS_VOLUME,
            "hostPath": { "path": plan.node_log_dir, "type": "Directory" },
        }));
    }
    volumes
}

/// Names of the volumes that live on the node, which the cluster autoscaler asks about.
pub(crate) fn local_volumes(plan: &Plan) -> Vec<&'static str> {
    let mut names = vec![sidecar::STATE_VOLUME];
    if plan.source == Source::Node {
        names.push(sidecar::NODE_LOGS_VOLUME);
    }
    names
}

/// Value of the status annotation: for people and `logtap status`, never read to decide.
pub(crate) fn status(plan: &Plan) -> String {
    json!({ "v": 1, "mode": plan.mode.name(), "source": plan.source.name(), "image": plan.image }).to_string()
}

fn environment(plan: &Plan) -> Vec<Value> {
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } });
    let text = |name: &str, value: &str| json!({ "name": name, "value": literal(value) });
    let mut all = vec![
        field(env::POD_NAMESPACE, "metadata.namespace"),
        field(env::POD_NAME, "metadata.name"),
        field(env::POD_UID, "metadata.uid"),
        field(env::NODE_NAME, "spec.nodeName"),
        text(env::INJECTED, "1"),
        text(env::MODE, plan.mode.name()),
        text(env::SOURCE, plan.source.name()),
        text(env::TARGET, plan.target.as_str()),
        text(env::SPOOL, &plan.spool.to_string()),
    ];
    let (only, exclude) = (plan.containers.join(","), plan.exclude_containers.join(","));
    let optional = [
        (env::TARGET_CA, plan.target_ca.as_deref()),
        (env::SESSION, plan.session.as_deref()),
        (env::APP, plan.app.as_deref()),
        (env::CONTAINERS, Some(only.as_str())),
        (env::EXCLUDE_CONTAINERS, Some(exclude.as_str())),
    ];
    let set = optional.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    all.extend(set.map(|(name, value)| text(name, value)));
    all
}

/// The kubelet replaces `$(NAME)` in values by other variables; doubled dollars keep it from that.
fn literal(value: &str) -> String {
    value.replace('$', "$$")
}

/// Meets Pod Security "restricted", but for the user of source `node`.
fn security_context(user: User) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "privileged": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": user != User::Root,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    match user {
        User::Inherited => {}
        User::Own => context["runAsUser"] = sidecar::USER.into(),
        User::Root => context["runAsUser"] = 0.into(),
    }
    context
}

fn mounts(plan: &Plan) -> Vec<Value> {
    let mut mounts = vec![
        json!({ "name": sidecar::IDENTITY_VOLUME, "mountPath": sidecar::IDENTITY_MOUNT, "readOnly": true }),
        json!({ "name": sidecar::STATE_VOLUME, "mountPath": sidecar::STATE_MOUNT }),
    ];
    if plan.source == Source::Node {
        mounts.push(json!({
            "name": sidecar::NODE_LOGS_VOLUME,
            "mountPath": sidecar::NODE_LOGS_MOUNT,
            "readOnly": true,
            "subPathExpr": format!("$({})_$({})_$({})", env::POD_NAMESPACE, env::POD_NAME, env::POD_UID),
        }));
    }
    mounts
}

fn resources(plan: &Plan) -> Map<String, Value> {
    let mut all = Map::new();
    let resources = &plan.resources;
    for (side, amounts) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        let mut amounts: Map<String, Value> = COMPUTE
            .iter()
            .zip(amounts)
            .filter_map(|(name, amount)| Some(((*name).to_owned(), amount.as_ref()?.as_str().into())))
            .collect();
        if let Some(storage) = resources.storage_limit.as_ref().filter(|_| side == "limits") {
            amounts.insert("ephemeral-storage".to_owned(), storage.as_str().into());
        }
        if !amounts.is_empty() {
            all.insert(side.to_owned(), amounts.into());
        }
    }
    all
}
