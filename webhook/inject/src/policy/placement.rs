//! Where a pod asks to run: `placement.rs` in CEL.

use super::cel::{POD_LABELS, Variables, spec, text, texts, written};
use crate::placement::{
    ARCH_LABEL, ARCHITECTURES, FARGATE_LABEL, FARGATE_SCHEDULER, OS_LABELS, VIRTUAL_LABELS, VIRTUAL_NODES,
};

/// `placeable`: the pod asks for no place where a forwarder cannot run; `no_dns`: names of Services
/// do not resolve inside it.
pub(super) fn variables(variables: &mut Variables) {
    let affinity = "affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms";
    variables.set("terms", spec(affinity, "[]"));
    variables.set("node_selector", spec("nodeSelector", "{}"));
    variables.set("os", "[?object.spec.?os.?name]");
    let is = |word: &str| format!("v == {}", text(word));
    let by_label: Vec<String> = OS_LABELS.iter().map(|label| asks(label, &is("windows"))).collect();
    variables.set(
        "windows",
        format!(
            "variables.os.size() > 0 ? variables.os[0] == \"windows\" : ({} \
             || object.spec.?securityContext.?windowsOptions.hasValue() \
             || object.spec.?runtimeClassName.orValue(\"\").startsWith(\"windows\"))",
            by_label.join(" || "),
        ),
    );
    let by_label: Vec<String> = VIRTUAL_LABELS.iter().map(|(label, value)| asks(label, &is(value))).collect();
    variables.set(
        "virtual_node",
        format!(
            "{} || {} in {POD_LABELS} || object.spec.?schedulerName.orValue(\"\") == {} \
             || {}.exists(n, object.spec.?nodeName.orValue(\"\").startsWith(n))",
            by_label.join(" || "),
            text(FARGATE_LABEL),
            text(FARGATE_SCHEDULER),
            texts(VIRTUAL_NODES),
        ),
    );
    variables.set("foreign_processor", asks(ARCH_LABEL, &format!("!(v in {})", texts(ARCHITECTURES))));
    variables.set("placeable", "!variables.windows && !variables.virtual_node && !variables.foreign_processor");
    variables.set(
        "no_dns",
        "object.spec.?dnsPolicy.orValue(\"\") in [\"Default\", \"None\"] \
         || (object.spec.?hostNetwork.orValue(false) && object.spec.?dnsPolicy.orValue(\"\") != \"ClusterFirstWithHostNet\")",
    );
}

/// Whether the pod selects a value of the label that `such` holds for, with the value called `v`
/// there, or each of the alternatives of its required node affinity does.
fn asks(label: &str, such: &str) -> String {
    let selected = written(&["variables.node_selector"], label);
    let label = text(label);
    format!(
        "({selected}.exists(v, {such}) || variables.terms.size() > 0 \
         && variables.terms.all(t, t.?matchExpressions.orValue([]).exists(e, e.key == {label} && e.operator == \"In\" \
         && e.?values.orValue([]).size() > 0 && e.values.all(v, {such}))))"
    )
}
