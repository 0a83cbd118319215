//! What will be done to each workload; all of it is known before any of it is done.

use logtap_inject::tap::{self, Annotations, Before, Note, TapPlan};
use logtap_inject::vocabulary::annotation;
use serde_json::Value;

use super::flags::TapArgs;
use super::wanted::Surroundings;
use crate::error::CliError;
use crate::output::Ui;
use crate::tapping::Told;
use crate::workload::{template, title};

/// A workload and what becomes of it.
#[derive(Debug)]
pub(super) struct Plan {
    /// As it was read.
    pub(super) workload: Value,
    /// `deployment/api`.
    pub(super) title: String,
    /// What is written.
    pub(super) tap: TapPlan,
    /// Annotations of the template afterwards that are the tap's.
    pub(super) wanted: Annotations,
}

impl Plan {
    /// What the report begins with.
    pub(super) fn told(&self) -> Told {
        Told {
            title: self.title.clone(),
            changes: self.tap.changes.clone(),
            notes: self.tap.notes.iter().map(ToString::to_string).collect(),
            written: self.tap.apply.is_some(),
        }
    }
}

/// Plans all workloads. One that cannot be tapped ends the command before anything is changed.
pub(super) fn plans(
    args: &TapArgs,
    surroundings: &Surroundings,
    workloads: Vec<Value>,
    ui: &Ui,
) -> Result<Vec<Plan>, CliError> {
    let (mut plans, mut refusals) = (Vec::new(), Vec::new());
    for workload in workloads {
        let title = title(&workload);
        let earlier = matches!(Before::of(&workload), Ok(Some(_)));
        let wanted = surroundings.wanted(args, template(&workload), earlier)?;
        match tap::tap(&workload, &wanted, args.force) {
            Ok(tap) => plans.push(Plan { workload, title, tap, wanted }),
            Err(refusal) => refusals.push(format!("{title}: {refusal}")),
        }
    }
    if !refusals.is_empty() {
        let hint = "nothing was changed";
        return Err(CliError::usage(refusals.join("; ")).hint(hint));
    }
    for plan in plans.iter().filter(|plan| plan.tap.apply.is_some()) {
        for note in &plan.tap.notes {
            ui.note(format_args!("{}: {note}", plan.title));
        }
        if plan.tap.notes.iter().any(|note| matches!(note, Note::GitOps(_))) {
            ui.note(format_args!("to commit, in the pod template of {}:\n{}", plan.title, snippet(&plan.wanted)));
        }
    }
    let changing = plans.iter().any(|plan| plan.tap.apply.is_some());
    if changing {
        for reason in &surroundings.fitting.reasons {
            ui.note(format_args!(
                "{reason}; a forwarder at its CPU limit falls behind but loses nothing that the kubelet still has"
            ));
        }
    }
    Ok(plans)
}

/// The annotations as YAML for a repository.
fn snippet(wanted: &Annotations) -> String {
    let line = |(key, value): (&String, &String)| format!("      {key}: {}", Value::from(value.as_str()));
    let lines: Vec<String> = wanted.iter().filter(|(key, _)| *key != annotation::SESSION).map(line).collect();
    format!("  metadata:\n    annotations:\n{}", lines.join("\n"))
}
