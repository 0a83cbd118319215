//! Reasons: a name that metrics can rely on, a sentence for people, warnings that arrive whole.

use std::collections::BTreeSet;

use logtap_inject::{Mirror, Skip, Warnings};
use serde_json::json;

use crate::stage::{annotated, create, pod, review, run, with};

fn every() -> Vec<Skip> {
    let text = || "shop".to_owned();
    vec![
        Skip::NotPod,
        Skip::Subresource(text()),
        Skip::NotCreate,
        Skip::Malformed("metadata"),
        Skip::ExcludedNamespace(text()),
        Skip::OwnPod,
        Skip::MirrorPod,
        Skip::NamespaceUnknown(text()),
        Skip::NamespaceVeto(text()),
        Skip::OptedOut,
        Skip::NotOptedIn,
        Skip::InvalidAnnotation("pod", "logtap.io/tap", text()),
        Skip::ProdNamespace(text()),
        Skip::AlreadyInjected,
        Skip::AlreadyInjectedOldVersion(text()),
        Skip::NameConflict("volume", "logtap-state"),
        Skip::Windows("spec.os.name"),
        Skip::VirtualNode("spec.nodeName"),
        Skip::ForeignProcessor("spec.nodeSelector"),
        Skip::NoContainers,
        Skip::NothingSelected,
        Skip::NoTarget,
    ]
}

#[test]
fn names_are_stable_and_complete() {
    let names: Vec<&str> = every().iter().map(Skip::name).collect();
    assert_eq!(names, Skip::NAMES);
    let all = names.iter().copied().chain(Mirror::NAMES).chain(["injected", "repaired"]);
    let unique: BTreeSet<&str> = all.clone().collect();
    assert_eq!(unique.len(), all.count());
    for name in unique {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
    }
    let mirrors = [Mirror::NotOurs, Mirror::Current, Mirror::Set("enabled"), Mirror::Remove];
    assert_eq!(mirrors.map(Mirror::name), Mirror::NAMES);
}

#[test]
fn sentences_fit_into_a_warning() {
    for skip in every() {
        let text = format!("logtap: no forwarder: {skip}");
        assert!(text.len() <= 256, "{text}");
        assert!(!text.ends_with('.') && !text.contains('\n'));
    }
}

#[test]
fn every_answer_carries_its_reason() {
    let outcome = create(&annotated("source", "node")).injected();
    let sentence = outcome.response["auditAnnotations"]["explanation"].as_str().unwrap();
    for part in ["native sidecar", "source node", crate::stage::TARGET, "the pod opted in"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    let outcome = run(&review(&pod()), None, &crate::stage::config());
    assert_eq!(outcome.response["auditAnnotations"]["reason"], "namespace_unknown");
    assert!(outcome.warnings[0].starts_with("logtap: no forwarder: "));
}

#[test]
fn warnings_keep_to_what_arrives() {
    let mut warnings = Warnings::default();
    warnings.push("é".repeat(300));
    assert!(warnings.as_slice()[0].len() <= 256);
    assert!(warnings.as_slice()[0].ends_with('…'));
    // A header holds no control characters, and the API server drops a warning that does.
    warnings.push("two\nlines\u{7f}\u{85}");
    assert_eq!(warnings.as_slice()[1], "logtap: two lines  ");
    for at in 0..1000 {
        warnings.push(format!("{at} {}", "x".repeat(250)));
        warnings.push("the same");
    }
    let all = warnings.as_slice();
    assert!(all.iter().map(String::len).sum::<usize>() <= 4096);
    assert!(all.len() > 10 && all.last().unwrap().contains("left out"));
    assert_eq!(all.iter().filter(|one| one.as_str() == "logtap: the same").count(), 1);
}

#[test]
fn huge_annotations_make_small_answers() {
    let huge = "\"\u{0}🦀".repeat(40_000);
    let mut pod = pod();
    for key in ["target", "spool", "session", "source", "cpu-request", "memory-limit", "image", "target-ca"] {
        pod["metadata"]["annotations"][format!("logtap.io/{key}")] = json!(huge);
    }
    let outcome = create(&pod).injected();
    assert!(outcome.response.to_string().len() < 16_000);
    assert_eq!(outcome.warnings.len(), 8, "{:?}", outcome.warnings);
    let outcome = create(&with(pod, "/metadata/annotations/logtap.io~1tap", json!(huge)));
    outcome.skipped("invalid_annotation");
    assert!(outcome.response.to_string().len() < 2_000);
}

#[test]
fn full_annotations_are_not_overfilled() {
    // The API server refuses a pod with more than 256 KiB of keys and values.
    let size = |pod: &serde_json::Value| {
        let all = pod["metadata"]["annotations"].as_object().unwrap();
        all.iter().map(|(key, value)| key.len() + value.as_str().unwrap().len()).sum::<usize>()
    };
    let limit = 262_144;
    for spare in [0, 1, 100, 500] {
        let pod = with(pod(), "/metadata/annotations/note", json!("x".repeat(limit - 4 - 17 - spare)));
        assert_eq!(size(&pod), limit - spare);
        let outcome = create(&pod).injected();
        assert!(size(&outcome.after) <= limit);
        assert_eq!(outcome.after["metadata"]["annotations"].get("logtap.io/status").is_some(), spare == 500);
    }
}
