//! An object as its owner sees it: without what the API server and controllers count on it.

use serde_json::Value;

/// Annotations that controllers keep on workloads and their templates.
const CONTROLLERS: [&str; 2] = ["deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"];

/// The object without `managedFields`, `generation`, `resourceVersion`, `status` and the annotations
/// in which controllers count.
#[must_use]
pub fn settled(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(all) = object.as_object_mut() else { return object };
    all.remove("status");
    if let Some(metadata) = all.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "generation", "resourceVersion"] {
            metadata.remove(field);
        }
        let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
        let emptied = annotations.is_some_and(|annotations| {
            for key in CONTROLLERS {
                annotations.remove(key);
            }
            annotations.is_empty()
        });
        if emptied {
            metadata.remove("annotations");
        }
    }
    object
}
