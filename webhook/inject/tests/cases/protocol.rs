//! Request and response: what is no review, and what each answer holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logtap_inject::{Answer, ReviewError, handle};
use serde_json::{Value, json};

use crate::stage::{config, create, pod, quiet, review, run, with};

fn raw(bytes: &[u8]) -> Result<Answer, ReviewError> {
    handle(bytes, |_| Some(quiet()), &config())
}

#[test]
fn case_001_empty_body() {
    for body in [&b""[..], b" \n"] {
        assert!(matches!(raw(body), Err(ReviewError::Empty)));
    }
}

#[test]
fn case_002_not_json() {
    for body in [&b"hello"[..], b"{", b"<html>", b"{\"kind\":\"AdmissionReview\"} x"] {
        assert!(matches!(raw(body), Err(ReviewError::Json(_))));
    }
}

#[test]
fn case_003_json_but_no_review() {
    for body in [r#"{}"#, r#"[]"#, r#""text""#, r#"null"#, r#"{"kind":"Pod","apiVersion":"v1"}"#] {
        let error = raw(body.as_bytes()).unwrap_err();
        assert!(matches!(error, ReviewError::Kind(_)));
        assert!(error.to_string().contains("AdmissionReview of admission.k8s.io/v1"), "{error}");
    }
}

#[test]
fn case_004_request_missing_or_null() {
    for request in [None, Some(json!(null)), Some(json!([])), Some(json!("x"))] {
        let mut body = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" });
        if let Some(request) = request {
            body["request"] = request;
        }
        assert!(matches!(raw(body.to_string().as_bytes()), Err(ReviewError::Request)), "{body}");
    }
}

#[test]
fn case_005_old_version_names_the_supported_one() {
    let body = with(review(&pod()), "/apiVersion", json!("admission.k8s.io/v1beta1"));
    let error = raw(body.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, ReviewError::Version(_)));
    assert!(error.to_string().contains("v1beta1") && error.to_string().contains("only v1"), "{error}");
}

#[test]
fn case_006_unknown_top_level_fields() {
    let body = with(review(&pod()), "/future", json!({ "deep": [1, 2] }));
    let body = with(body, "/request/alsoNew", json!(true));
    run(&body, Some(quiet()), &config()).injected();
}

#[test]
fn case_011_uid_is_echoed() {
    for uid in ["a", "ÄÖ \"quoted\" \\ \n", "0f1c2d3e-0000-4000-8000-00000000000Z"] {
        let body = with(review(&pod()), "/request/uid", json!(uid));
        assert_eq!(run(&body, Some(quiet()), &config()).response["uid"], uid);
    }
    for uid in [json!(null), json!(7), json!("")] {
        let body = with(review(&pod()), "/request/uid", uid);
        assert!(matches!(raw(body.to_string().as_bytes()), Err(ReviewError::Uid)));
    }
}

#[test]
fn case_012_version_and_kind_are_echoed() {
    let answer = raw(review(&pod()).to_string().as_bytes()).unwrap();
    assert_eq!(answer.review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer.review["kind"], "AdmissionReview");
    assert!(answer.review.get("request").is_none());
}

#[test]
fn case_013_no_patch_means_neither_key() {
    let outcome = create(&with(pod(), "/metadata/annotations", json!({})));
    let response = outcome.response.as_object().unwrap();
    assert!(!response.contains_key("patch") && !response.contains_key("patchType"));
}

#[test]
fn case_014_patch_is_base64_of_an_array() {
    let outcome = create(&pod());
    let text = outcome.response["patch"].as_str().expect("a string, not an array of numbers");
    assert_eq!(text.len() % 4, 0, "padded");
    let decoded: Value = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    assert!(decoded.is_array());
    assert_eq!(outcome.response["patchType"], "JSONPatch");
}

#[test]
fn case_015_dry_run_is_answered_the_same() {
    let dry = with(review(&pod()), "/request/dryRun", json!(true));
    let answers = [review(&pod()), dry].map(|body| run(&body, Some(quiet()), &config()).response);
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn case_017_same_input_same_bytes() {
    let body = review(&pod()).to_string();
    let first = raw(body.as_bytes()).unwrap().to_bytes();
    for _ in 0..20 {
        assert_eq!(raw(body.as_bytes()).unwrap().to_bytes(), first);
    }
}

#[test]
fn case_020_deep_nesting() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        let body = review(&json!("HERE")).to_string().replace("\"HERE\"", &deep);
        assert!(matches!(raw(body.as_bytes()), Err(ReviewError::Json(_))));
    }
}

#[test]
fn case_021_duplicate_keys_last_wins() {
    let body = review(&pod()).to_string();
    let twice = body.replace(r#""logtap.io/tap":"true""#, r#""logtap.io/tap":"false","logtap.io/tap":"true""#);
    assert_ne!(body, twice);
    assert_eq!(raw(twice.as_bytes()).unwrap().reason, "injected");
    let twice = body.replace(r#""logtap.io/tap":"true""#, r#""logtap.io/tap":"true","logtap.io/tap":"false""#);
    assert_eq!(raw(twice.as_bytes()).unwrap().reason, "opted_out");
}

#[test]
fn case_022_invalid_utf8() {
    let mut body = review(&pod()).to_string().into_bytes();
    let at = body.windows(8).position(|part| part == b"shop/api").unwrap();
    body[at] = 0xff;
    assert!(matches!(raw(&body), Err(ReviewError::Json(_))));
}

#[test]
fn errors_quote_no_more_than_a_line() {
    let body = with(review(&pod()), "/kind", json!("x\n".repeat(10_000)));
    let text = raw(body.to_string().as_bytes()).unwrap_err().to_string();
    assert!(text.len() < 400 && !text.contains('\n'), "{text}");
}
