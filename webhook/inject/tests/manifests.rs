//! The manifests against the constants: every name that the webhook, the forwarder and the command
//! line rely on is spelled in `manifests/base` as it is in the vocabulary.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::{Path, PathBuf};

use logtap_inject::vocabulary::{image, label, object, port, sidecar};
use logtap_inject::{Config, webhooks};
use serde_json::{Value, json};

fn base() -> Vec<Value> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../manifests/base");
    let kustomization = read(&folder.join("kustomization.yaml")).remove(0);
    let resources = kustomization["resources"].as_array().unwrap().clone();
    let listed: Vec<&str> = resources.iter().map(|name| name.as_str().unwrap()).collect();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "kustomization.yaml" || listed.contains(&name.as_str()), "{name} is not listed");
    }
    listed.iter().flat_map(|name| read(&folder.join(name))).collect()
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn find<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let mut found = objects.iter().filter(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    let one = found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "two of {kind} {name}");
    one
}

#[test]
fn the_configuration_sends_what_the_decisions_expect() {
    let objects = base();
    let mut written = find(&objects, "MutatingWebhookConfiguration", object::CONFIGURATION)["webhooks"].clone();
    for entry in written.as_array_mut().unwrap() {
        let client = entry.as_object_mut().unwrap().remove("clientConfig").unwrap();
        let service = json!({
            "name": object::WEBHOOK, "namespace": object::NAMESPACE, "path": object::MUTATE_PATH, "port": port::WEBHOOK_SERVICE,
        });
        assert_eq!(client, json!({ "service": service }), "no CA bundle: the webhook owns it");
    }
    assert_eq!(written, json!(webhooks(&Config::default())));
}

#[test]
fn every_object_is_ours_and_in_its_place() {
    for one in base() {
        let what = format!("{} {}", one["kind"], one["metadata"]["name"]);
        assert_eq!(one["metadata"]["labels"][label::PART_OF], label::PART_OF_LOGTAP, "{what}");
        let cluster_wide = ["Namespace", "ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration"];
        let expected =
            if cluster_wide.iter().any(|kind| one["kind"] == *kind) { Value::Null } else { json!(object::NAMESPACE) };
        assert_eq!(one["metadata"]["namespace"], expected, "{what}");
    }
}

#[test]
fn the_deployment_listens_where_everybody_looks() {
    let objects = base();
    let deployment = find(&objects, "Deployment", object::WEBHOOK);
    let template = &deployment["spec"]["template"];
    assert_eq!(
        template["metadata"]["labels"][label::PART_OF],
        label::PART_OF_LOGTAP,
        "or its own pods would be reviewed"
    );
    let container = &template["spec"]["containers"][0];
    assert_eq!(container["image"], format!("{}:{}", image::WEBHOOK, env!("CARGO_PKG_VERSION")));
    let ports = container["ports"].as_array().unwrap();
    let named = |name: &str| ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].clone();
    assert_eq!((named("https"), named("admin")), (json!(port::WEBHOOK), json!(port::WEBHOOK_ADMIN)));
    assert_eq!(template["spec"]["securityContext"]["runAsUser"], sidecar::USER);
    assert_eq!(template["spec"]["securityContext"]["runAsNonRoot"], true);
    let security = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(container["securityContext"], security);
    assert_eq!(deployment["spec"]["replicas"], 2);
    let selected = &deployment["spec"]["selector"]["matchLabels"];
    for (kind, at) in [
        ("Service", "/spec/selector"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
    ] {
        assert_eq!(find(&objects, kind, object::WEBHOOK).pointer(at), Some(selected), "{kind}");
    }
}

#[test]
fn nobody_may_do_more_than_is_needed() {
    let objects = base();
    let rules = |name: &str| find(&objects, "ClusterRole", name)["rules"].clone();
    let forwarder = json!([{ "apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"] }]);
    assert_eq!(rules(object::FORWARDER_ROLE), forwarder);
    for one in objects.iter().filter(|one| one["kind"] == "ClusterRole" || one["kind"] == "Role") {
        for rule in one["rules"].as_array().unwrap() {
            let what = format!("{} {}: {rule}", one["kind"], one["metadata"]["name"]);
            assert!(!rule.to_string().contains('*'), "{what}");
            let has = |key: &str, value: &str| rule[key].as_array().unwrap().iter().any(|one| one == value);
            let changes = ["update", "patch", "bind"].iter().any(|verb| has("verbs", verb));
            assert!(!changes || rule["resourceNames"].is_array(), "{what}: what exists is only changed by name");
            assert!(!has("resources", "secrets") || one["kind"] == "Role", "{what}");
        }
    }
    let configuration = rules(object::WEBHOOK)
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["resourceNames"].is_array())
        .unwrap()
        .clone();
    assert_eq!(configuration["resourceNames"], json!([object::CONFIGURATION]));
}
