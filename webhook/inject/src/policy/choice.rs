//! Who opted in, and whether a forwarder is there: the first half of `decide.rs` in CEL.

use crate::config::{Config, Mode};
use crate::policy::cel::{self, POD, SPACE, SPACE_LABELS, Variables, folded, is, text, texts};
use crate::switch::Switch;
use crate::vocabulary::{annotation, env, label, sidecar};

/// `opted_in`: veto of the namespace before the pod's word before the namespace's.
pub(super) fn switches(variables: &mut Variables) {
    for name in ["annotations", "labels"] {
        variables.set(&format!("pod_{name}"), format!("dyn(object.metadata.?{name}.orValue({{}}))"));
        variables.set(&format!("space_{name}"), format!("dyn(namespaceObject.metadata.?{name}.orValue({{}}))"));
    }
    variables.set("pod_says", folded(&[POD], annotation::TAP));
    variables.set("space_says", {
        let annotation = cel::written(&[SPACE], annotation::TAP);
        let label = cel::written(&[SPACE_LABELS], label::TAP);
        format!("({annotation} + {label}).map(t, t.trim().lowerAscii())")
    });
    let first = |list: &str| format!("({list}.size() > 0 && {})", is(&format!("{list}[0]"), Switch::On));
    variables.set(
        "opted_in",
        format!(
            "!variables.space_says.exists(t, {}) && (variables.pod_says.size() > 0 ? {} : {})",
            is("t", Switch::Off),
            first("variables.pod_says"),
            first("variables.space_says"),
        ),
    );
}

/// `present`: containers of our name, the one that counts first; `stripped`: it is ours and lost its
/// restart policy.
pub(super) fn containers(variables: &mut Variables, config: &Config) {
    for (name, list) in
        [("init_containers", "initContainers"), ("volumes", "volumes"), ("pull_secrets", "imagePullSecrets")]
    {
        variables.set(name, cel::spec(list, "[]"));
    }
    // A pod without any, which is refused later, has null here.
    variables.set("containers", "object.spec.?containers.orValue(null) == null ? [] : object.spec.containers");
    variables.set("all_containers", "variables.init_containers + variables.containers");
    let named = |list: &str| format!("variables.{list}.filter(c, c.name == {})", text(sidecar::CONTAINER));
    variables.set("present", named("all_containers"));
    variables.set(
        "stripped",
        match config.mode {
            Mode::Container => "false".to_owned(),
            Mode::Native => format!(
                "{}.size() > 0 && variables.present[0].?env.orValue([]).exists(e, e.name == {}) \
             && variables.present[0].?restartPolicy.orValue(\"\") != \"Always\"",
                named("init_containers"),
                text(env::INJECTED),
            ),
        },
    );
}

/// `permitted`: the namespace does not look like production, or taps are allowed all the same.
pub(super) fn prod(variables: &mut Variables, config: &Config) {
    let looks: Vec<String> = config
        .prod_labels
        .iter()
        .map(|(key, word)| {
            let values = folded(&[SPACE_LABELS], key);
            format!("{values}.exists(t, t == {})", text(&word.to_ascii_lowercase()))
        })
        .collect();
    let looks = if looks.is_empty() { "false".to_owned() } else { looks.join(" || ") };
    let known = texts(Switch::On.words().into_iter().chain(Switch::Off.words()));
    let said = format!("{}.filter(t, t in {known})", folded(&[POD, SPACE], annotation::ALLOW_PROD));
    variables.set("permitted", format!("!({looks}) || {}", is(&format!("({said} + [\"\"])[0]"), Switch::On)));
}
