//! A raw pod, looked at without believing its form: whatever is not what it should be reads as absent.

use serde_json::{Map, Value};

use crate::vocabulary::{annotation, env};

/// A borrowed pod. Fields newer than this program stay what they are, since nothing is ever decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pod<'a>(&'a Value);

/// What an annotation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotation<'a> {
    Absent,
    Text(&'a str),
    /// Something else, which no API server hands out.
    NotText,
}

/// The lists of a pod that a patch may have to append to.
const LISTS: [(&str, &str); 4] = [
    ("containers", "spec.containers"),
    ("initContainers", "spec.initContainers"),
    ("volumes", "spec.volumes"),
    ("imagePullSecrets", "spec.imagePullSecrets"),
];

impl<'a> Pod<'a> {
    pub(crate) fn new(root: &'a Value) -> Self {
        Self(root)
    }

    /// The first part that a patch could not be written for.
    pub(crate) fn malformed(self) -> Option<&'static str> {
        let absent_or =
            |value: Option<&Value>, good: fn(&Value) -> bool| value.is_none_or(|value| value.is_null() || good(value));
        if !self.0.is_object() {
            return Some("the whole");
        }
        let metadata = self.0.get("metadata");
        if !absent_or(metadata, Value::is_object) {
            return Some("metadata");
        }
        if !absent_or(metadata.and_then(|metadata| metadata.get("annotations")), Value::is_object) {
            return Some("metadata.annotations");
        }
        if self.annotation(annotation::SAFE_TO_EVICT_VOLUMES) == Annotation::NotText {
            return Some("metadata.annotations");
        }
        if !absent_or(self.0.get("spec"), Value::is_object) {
            return Some("spec");
        }
        LISTS.iter().find(|(name, _)| !absent_or(self.spec(name), Value::is_array)).map(|(_, path)| *path)
    }

    pub(crate) fn metadata(self) -> Option<&'a Map<String, Value>> {
        self.0.get("metadata")?.as_object()
    }

    pub(crate) fn annotations(self) -> Option<&'a Map<String, Value>> {
        self.metadata()?.get("annotations")?.as_object()
    }

    pub(crate) fn annotation(self, key: &str) -> Annotation<'a> {
        match self.annotations().and_then(|all| all.get(key)) {
            None | Some(Value::Null) => Annotation::Absent,
            Some(Value::String(text)) => Annotation::Text(text),
            Some(_) => Annotation::NotText,
        }
    }

    pub(crate) fn label(self, key: &str) -> Option<&'a str> {
        self.metadata()?.get("labels")?.get(key)?.as_str()
    }

    /// A field of the spec.
    pub(crate) fn spec(self, name: &str) -> Option<&'a Value> {
        self.0.get("spec")?.get(name)
    }

    pub(crate) fn spec_text(self, name: &str) -> Option<&'a str> {
        self.spec(name)?.as_str()
    }

    /// A list of the spec; empty where it is absent.
    pub(crate) fn list(self, name: &str) -> &'a [Value] {
        self.spec(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// All containers that write logs of the pod's own, in the order in which they start.
    pub(crate) fn all_containers(self) -> impl Iterator<Item = &'a Value> {
        self.list("initContainers").iter().chain(self.list("containers"))
    }
}

pub(crate) fn name(element: &Value) -> Option<&str> {
    element.get("name")?.as_str()
}

/// Whether a container carries the mark of our own.
pub(crate) fn is_marked(container: &Value) -> bool {
    container
        .get("env")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| name(one) == Some(env::INJECTED)))
}
