//! A namespace's annotation becomes its label: `mirror.rs` in CEL.

use serde_json::{Value, json};

use super::cel::{Variables, is, text};
use crate::patch::escape;
use crate::switch::Switch;
use crate::vocabulary::{annotation, label};

const OLD: &str = "oldObject != null";

/// Leaves all writes alone in which the annotation is neither there nor was there.
pub(super) fn condition() -> Value {
    let has = |object: &str| {
        format!("(has({object}.metadata.annotations) && '{}' in {object}.metadata.annotations)", annotation::TAP)
    };
    json!({ "name": "annotated", "expression": format!("{} || ({OLD} && {})", has("object"), has("oldObject")) })
}

/// Label and wanted label, now and before, each empty where there is none.
pub(super) fn variables() -> Variables {
    let mut variables = Variables::default();
    for (prefix, object, guard) in [("", "object", ""), ("old_", "oldObject", "oldObject == null ? \"\" : ")] {
        let said =
            format!("{object}.metadata.?annotations[?{}].orValue(\"\").trim().lowerAscii()", text(annotation::TAP));
        variables.set(&format!("{prefix}said"), format!("{guard}{said}"));
        let said = format!("variables.{prefix}said");
        variables.set(
            &format!("{prefix}wanted"),
            format!(
                "{} ? {} : {} ? {} : \"\"",
                is(&said, Switch::On),
                text(label::ENABLED),
                is(&said, Switch::Off),
                text(label::DISABLED)
            ),
        );
        let value = format!("{object}.metadata.?labels[?{}].orValue(\"\")", text(label::TAP));
        variables.set(&format!("{prefix}label"), format!("{guard}{value}"));
    }
    variables.set("vetoes", is("variables.label.trim().lowerAscii()", Switch::Off));
    variables.set(
        "mirrored",
        "variables.label != \"\" && variables.old_label == variables.label && variables.old_wanted == variables.label",
    );
    variables
}

/// The expression of the mutation.
pub(super) fn change() -> String {
    let path = text(&format!("/metadata/labels/{}", escape(label::TAP)));
    format!(
        "variables.wanted == \"\" ? (variables.mirrored ? [JSONPatch{{op: \"remove\", path: {path}}}] : []) \
         : variables.label == variables.wanted || variables.vetoes && !variables.mirrored ? [] \
         : (has(object.metadata.labels) ? [] : [JSONPatch{{op: \"add\", path: \"/metadata/labels\", value: {{}}}}]) \
         + [JSONPatch{{op: \"add\", path: {path}, value: variables.wanted}}]"
    )
}
