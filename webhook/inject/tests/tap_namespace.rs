//! Tap and untap of a namespace against each other, over merge patches.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_inject::tap::{Annotations, Refusal, namespace};
use logtap_inject::vocabulary::{annotation, label};
use proptest::prelude::*;
use serde_json::{Value, json};

fn wanted(pairs: &[(&str, &str)]) -> Annotations {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn tapped(object: &mut Value, pairs: &[(&str, &str)]) -> bool {
    let plan = namespace::tap(object, &wanted(pairs), true).unwrap();
    plan.patch.map(|patch| json_patch::merge(object, &patch)).is_some()
}

fn untapped(object: &mut Value) -> Vec<String> {
    let plan = namespace::untap(object).unwrap();
    if let Some(patch) = plan.patch {
        json_patch::merge(object, &patch);
    }
    plan.left
}

const SIMPLE: [(&str, &str); 2] = [(annotation::TAP, "true"), (annotation::TARGET, "http://receiver:3100")];

#[test]
fn there_and_back_leaves_nothing() {
    for metadata in [
        json!({ "annotations": { "team": "shop" }, "labels": { "a": "b" } }),
        json!({ "annotations": { annotation::TAP: "false" }, "labels": { label::TAP: "disabled" } }),
        json!({ "annotations": { annotation::TARGET: "http://mine" }, "labels": { label::TAP: "enabled" } }),
    ] {
        let before = json!({ "metadata": metadata });
        let mut object = before.clone();
        assert!(tapped(&mut object, &SIMPLE));
        assert_eq!(object["metadata"]["annotations"][annotation::TAP], "true");
        assert_eq!(object["metadata"]["labels"][label::TAP], "enabled");
        assert!(!tapped(&mut object, &SIMPLE), "a second tap changes nothing");
        assert_eq!(untapped(&mut object), Vec::<String>::new());
        assert_eq!(object, before);
        assert_eq!(namespace::untap(&object).unwrap().patch, None);
    }
}

#[test]
fn what_was_edited_since_stays_and_is_named() {
    let mut object = json!({ "metadata": { "annotations": { "team": "shop" }, "labels": {} } });
    tapped(&mut object, &SIMPLE);
    object["metadata"]["annotations"][annotation::TARGET] = "http://other".into();
    object["metadata"]["labels"][label::TAP] = "disabled".into();
    assert_eq!(untapped(&mut object), [annotation::TARGET.to_owned(), format!("label {}", label::TAP)]);
    let expected = json!({ "annotations": { "team": "shop", annotation::TARGET: "http://other" }, "labels": { label::TAP: "disabled" } });
    assert_eq!(object["metadata"], expected);
}

#[test]
fn another_target_is_refused_unless_forced() {
    let mut object = json!({ "metadata": {} });
    tapped(&mut object, &SIMPLE);
    let other = wanted(&[(annotation::TAP, "true"), (annotation::TARGET, "http://other")]);
    let refusal = namespace::tap(&object, &other, false).unwrap_err();
    assert_eq!(refusal, Refusal::Held { by: annotation::TARGET, value: "http://receiver:3100".to_owned() });
    assert!(namespace::tap(&object, &other, true).is_ok());
    let kept = namespace::tap(&object, &wanted(&[(annotation::TAP, "true")]), false).unwrap();
    assert_eq!(kept.patch, None, "without a target, the earlier one is kept");
}

#[test]
fn a_record_of_another_version_is_left_alone() {
    let object = json!({ "metadata": { "annotations": { annotation::BEFORE: "{\"version\":9}" } } });
    assert_eq!(namespace::untap(&object).unwrap_err(), Refusal::UnknownRecord);
    assert_eq!(namespace::tap(&object, &wanted(&SIMPLE), true).unwrap_err(), Refusal::UnknownRecord);
}

const KEYS: [&str; 4] = [annotation::TARGET, annotation::SESSION, annotation::SPOOL, "user"];

proptest! {
    /// Whatever was tapped and edited in between: in the end each key has the value that the user
    /// gave it last.
    #[test]
    fn the_user_has_the_last_word(
        start in prop::collection::vec((0..KEYS.len(), 0u8..4), 0..4),
        steps in prop::collection::vec((any::<bool>(), 0..KEYS.len(), 0u8..4), 1..6),
    ) {
        let mut users = Annotations::new();
        for (key, value) in &start {
            users.insert(KEYS[*key].to_owned(), format!("mine{value}"));
        }
        let mut object = json!({ "metadata": { "annotations": users, "labels": {} } });
        for (edit, key, value) in &steps {
            let (key, text) = (KEYS[*key], format!("{}{value}", if *edit { "edit" } else { "tap" }));
            if *edit {
                object["metadata"]["annotations"][key] = text.clone().into();
                users.insert(key.to_owned(), text);
            } else if key != "user" {
                tapped(&mut object, &[(annotation::TAP, "true"), (key, &text)]);
                prop_assert_eq!(&object["metadata"]["annotations"][key], &text);
            }
        }
        untapped(&mut object);
        let left: Annotations = serde_json::from_value(object["metadata"]["annotations"].clone()).unwrap();
        prop_assert_eq!(left, users);
        prop_assert_eq!(&object["metadata"]["labels"], &json!({}));
    }
}
