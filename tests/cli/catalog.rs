//! Finding captures.

use serde_json::Value;

use crate::world::{self, fixture, ok};

#[test]
fn finds_captures_below() {
    let found: Value = serde_json::from_str(&ok(&["catalog", &fixture(""), "--json"])).unwrap();
    let names: Vec<&str> =
        found.as_array().unwrap().iter().map(|one| one["dir"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["killed", "merged", "offset", "redacted", "rotated", "sliced"]);
    let rotated = &found[4];
    assert_eq!((&rotated["entries"], &rotated["files"], &rotated["active"]), (&12000.into(), &7.into(), &false.into()));
    assert_eq!(rotated["labels"]["app"], 4);
}

#[test]
fn looks_deeper_only_when_told() {
    let temp = tempfile::tempdir().unwrap();
    world::capture(&temp.path().join("a/b"));
    let count = |args: &[&str]| serde_json::from_str::<Value>(&ok(args)).unwrap().as_array().unwrap().len();
    let path = temp.path().to_str().unwrap();
    assert_eq!(count(&["catalog", path, "--format", "json"]), 0);
    assert_eq!(count(&["catalog", path, "--json", "-r"]), 1);
}
