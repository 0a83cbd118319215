//! Pieces of CEL that the policies are put together from.
//!
//! The API server counts the cost of each expression and gives up at a limit, so every setting is a
//! variable of its own, and texts are measured before regular expressions look at them. Both sides of
//! `?:` and all values of a list or map must have one type: what may differ is wrapped in `dyn`.

use serde_json::{Value, json};

use crate::switch::Switch;

/// Annotations of the pod.
pub(super) const POD: &str = "variables.pod_annotations";
/// Annotations of its namespace.
pub(super) const SPACE: &str = "variables.space_annotations";
/// Labels of the pod.
pub(super) const POD_LABELS: &str = "variables.pod_labels";
/// Labels of its namespace.
pub(super) const SPACE_LABELS: &str = "variables.space_labels";

/// Named expressions, each of which may use those before it.
#[derive(Debug, Default)]
pub(super) struct Variables(Vec<Value>);

impl Variables {
    pub(super) fn set(&mut self, name: &str, expression: impl Into<String>) {
        self.0.push(json!({ "name": name, "expression": expression.into() }));
    }

    pub(super) fn into_json(self) -> Value {
        self.0.into()
    }
}

/// A literal. JSON's escapes are CEL's too.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A list of literals.
pub(super) fn texts<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    Value::from(all.into_iter().map(Value::from).collect::<Vec<_>>()).to_string()
}

/// What is under a key of one map and then of the next: a list of up to as many texts. An optional
/// element would say it shorter, but where its type is not known to be optional, API servers crash.
pub(super) fn written(maps: &[&str], key: &str) -> String {
    let key = text(key);
    let all: Vec<String> = maps.iter().map(|map| format!("({key} in {map} ? [{map}[{key}]] : [])")).collect();
    format!("({})", all.join(" + "))
}

/// The first value on pod or namespace, its blanks taken off, that `valid` holds for, with the value
/// called `t` there; or else `default`, an expression.
pub(super) fn find(key: &str, valid: &str, default: &str) -> String {
    format!("({}.map(t, t.trim()).filter(t, {valid}) + [{default}])[0]", written(&[POD, SPACE], key))
}

/// Values under a key as they are compared with the words of a switch.
pub(super) fn folded(maps: &[&str], key: &str) -> String {
    format!("{}.map(t, t.trim().lowerAscii())", written(maps, key))
}

/// Whether an expression is one of the words for on or off.
pub(super) fn is(expression: &str, switch: Switch) -> String {
    format!("({expression} in {})", texts(switch.words()))
}

/// The expression of the first condition that holds, or else the last one.
pub(super) fn choose<'a>(cases: impl IntoIterator<Item = (&'a str, String)>, last: String) -> String {
    let cases: Vec<(&str, String)> = cases.into_iter().collect();
    // Where all that is left says the same, no condition matters any more.
    let matter = cases.iter().rposition(|(_, expression)| *expression != last).map_or(0, |at| at + 1);
    let chain: String =
        cases[..matter].iter().map(|(condition, expression)| format!("{condition} ? {expression} : ")).collect();
    if chain.is_empty() { last } else { format!("({chain}{last})") }
}

/// A part of the pod's spec, or else `default`.
pub(super) fn spec(path: &str, default: &str) -> String {
    format!("dyn(object.spec.?{path}.orValue({default}))")
}
