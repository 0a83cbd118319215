//! The admission policies as far as no API server is needed; what they do is compared on a real one.

use logtap_inject::vocabulary::env;
use logtap_inject::{Config, Mode, policy, webhooks};
use serde_json::{Value, json};

use crate::stage::config;

const POLICY: &str = "MutatingAdmissionPolicy";
const BINDING: &str = "MutatingAdmissionPolicyBinding";

fn configs() -> Vec<Config> {
    vec![
        config(),
        Config { mode: Mode::Container, ..config() },
        Config { allow_image_annotation: true, pull_secrets: vec!["pull".to_owned()], ..config() },
        Config { target: None, prod_labels: Vec::new(), own_namespace: "tools".to_owned(), ..config() },
    ]
}

fn of_kind<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|one| one["kind"] == kind).collect()
}

/// All expressions of a policy.
fn expressions(policy: &Value) -> Vec<&str> {
    let spec = &policy["spec"];
    let lists = ["matchConditions", "variables"].iter().flat_map(|list| spec[list].as_array().unwrap());
    let texts = lists.map(|one| &one["expression"]);
    texts.chain([&spec["mutations"][0]["jsonPatch"]["expression"]]).map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    for config in configs() {
        assert_eq!(json!(policy(&config)).to_string(), json!(policy(&config)).to_string());
    }
}

#[test]
fn policies_select_what_the_webhook_is_sent() {
    for config in configs() {
        let (all, entries) = (policy(&config), webhooks(&config));
        let policies = of_kind(&all, POLICY);
        assert_eq!(policies.len(), entries.len());
        for (policy, entry) in policies.iter().zip(&entries) {
            assert_eq!(policy["metadata"]["name"], entry["name"]);
            let spec = &policy["spec"];
            let constraints = &spec["matchConstraints"];
            assert_eq!(constraints["resourceRules"], entry["rules"]);
            for selector in ["namespaceSelector", "objectSelector", "matchPolicy"] {
                assert_eq!(constraints.get(selector), entry.get(selector), "{selector} of {}", entry["name"]);
            }
            for field in ["failurePolicy", "reinvocationPolicy"] {
                assert_eq!(spec[field], entry[field]);
            }
            let conditions = spec["matchConditions"].as_array().unwrap();
            let wanted = entry.get("matchConditions").map_or(0, |all| all.as_array().unwrap().len());
            assert_eq!(json!(conditions[..wanted]), entry.get("matchConditions").cloned().unwrap_or(json!([])));
        }
    }
}

#[test]
fn each_policy_is_bound_and_marked_as_ours() {
    let all = policy(&config());
    let names = |kind: &str, pointer: &str| -> Vec<Value> {
        of_kind(&all, kind).iter().map(|one| one.pointer(pointer).unwrap().clone()).collect()
    };
    assert_eq!(names(POLICY, "/metadata/name"), names(BINDING, "/spec/policyName"));
    for one in &all {
        assert_eq!(one["apiVersion"], "admissionregistration.k8s.io/v1");
        assert_eq!(one["metadata"]["labels"]["app.kubernetes.io/part-of"], "logtap");
    }
}

#[test]
fn no_stand_in_is_left() {
    for config in configs() {
        for policy in of_kind(&policy(&config), POLICY) {
            for expression in expressions(policy) {
                let marks = ["\u{e000}", "7777777777777777", "1900000000", "190000000"];
                assert!(marks.iter().all(|mark| !expression.contains(mark)), "{expression}");
                // cel-go reads no longer ones.
                assert!(expression.len() < 100_000);
            }
        }
    }
}

#[test]
fn variables_come_before_their_use() {
    for config in configs() {
        for policy in of_kind(&policy(&config), POLICY) {
            let variables = policy["spec"]["variables"].as_array().unwrap();
            let names: Vec<&str> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
            for (at, variable) in variables.iter().enumerate() {
                for used in variable["expression"].as_str().unwrap().split("variables.").skip(1) {
                    let end = used.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(used.len());
                    assert!(names[..at].contains(&&used[..end]), "{} uses {}", names[at], &used[..end]);
                }
            }
        }
    }
}

#[test]
fn the_template_is_the_webhooks() {
    let all = policy(&Config { allow_image_annotation: true, ..config() });
    let pods = of_kind(&all, POLICY)[0].to_string();
    for name in [
        env::INJECTED,
        env::MODE,
        env::SOURCE,
        env::TARGET,
        env::TARGET_CA,
        env::SPOOL,
        env::SESSION,
        env::APP,
        env::CONTAINERS,
        env::EXCLUDE_CONTAINERS,
    ] {
        assert!(pods.contains(name), "{name}");
    }
}
