//! Reviews, as raw bytes and as pods and namespaces grown from them: never a panic, never a refusal,
//! patches apply, add only, and find nothing to do the second time.
#![no_main]

mod grow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use logtap_inject::{Answer, Config, DefaultTarget, Mode, NamespaceSettings, Target, handle};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let mut source = grow::Bytes(data);
    let config = Config {
        mode: [Mode::Native, Mode::Container][usize::from(source.next() & 1)],
        target: Target::parse("http://receiver:3100").ok().map(|url| DefaultTarget { url, by_address: None, ca: None }),
        pull_secrets: vec!["pull".to_owned()],
        allow_image_annotation: source.next() & 1 == 0,
        ..Config::default()
    };
    let labels =
        [[("logtap.io/tap", "enabled")], [("env", "prod")], [("logtap.io/tap", "?")]][usize::from(source.next() % 3)];
    let settings = NamespaceSettings::new(labels, [("logtap.io/cpu-limit", "20m")], &config);
    let ask = |body: &[u8]| handle(body, |_| Some(settings.clone()), &config);

    if let Ok(answer) = ask(data) {
        check(&answer);
    }
    let kind = ["Pod", "Namespace"][usize::from(source.next() % 8 == 7)];
    let mut review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u",
            "kind": { "group": "", "version": "v1", "kind": kind },
            "operation": "CREATE",
            "namespace": "shop",
            "object": grow::object(&mut source),
        },
    });
    let answer = ask(review.to_string().as_bytes()).expect("a sound review is answered");
    let Some(patch) = check(&answer) else {
        return;
    };
    let object = &mut review["request"]["object"];
    let apps = app_containers(object);
    json_patch::patch(object, &patch).expect("the patch applies");
    assert!(app_containers(object).starts_with(&apps));
    review["request"]["oldObject"] = match kind {
        "Namespace" => review["request"]["object"].clone(),
        _ => Value::Null,
    };
    let again = ask(review.to_string().as_bytes()).expect("a sound review is answered");
    assert!(check(&again).is_none(), "{}", again.reason);
});

/// The patch, if there is one.
fn check(answer: &Answer) -> Option<json_patch::Patch> {
    let response = &answer.review["response"];
    assert_eq!(response["allowed"], true);
    assert_eq!(response.get("patch").is_some(), response.get("patchType").is_some());
    let warnings = response.get("warnings").and_then(Value::as_array);
    let sizes = warnings.into_iter().flatten().map(|one| one.as_str().map_or(0, str::len));
    assert!(sizes.clone().all(|size| size <= 256) && sizes.sum::<usize>() <= 4096);
    let patch = STANDARD.decode(response.get("patch")?.as_str()?).expect("base64");
    let operations: Vec<Value> = serde_json::from_slice(&patch).expect("a JSON array");
    assert!(!operations.is_empty());
    if answer.reason == "injected" {
        assert!(operations.iter().all(|one| one["op"] == "add"));
    }
    Some(serde_json::from_slice(&patch).expect("a JSON patch"))
}

fn app_containers(object: &Value) -> Vec<String> {
    let all = object["spec"]["containers"].as_array();
    all.into_iter().flatten().map(Value::to_string).collect()
}
