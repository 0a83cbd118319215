//! What a tap or untap tells: the diff of a dry run, one line a workload, or one JSON object.

use std::io::Write;

use logtap_inject::tap::Change;
use serde::Serialize;

use super::apply::Written;
use super::follow::{Followed, Outcome};
use super::plan::Plan;
use crate::error::CliError;
use crate::output::Ui;

/// What became of all workloads.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    namespace: String,
    workloads: Vec<Line>,
}

/// What became of one.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    /// `deployment/api`.
    workload: String,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    changes: Vec<ChangeLine>,
    notes: Vec<String>,
    pods: Vec<String>,
}

/// One annotation that changes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChangeLine {
    key: String,
    from: Option<String>,
    to: Option<String>,
}

/// States of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Nothing had to change.
    Unchanged,
    /// Written, not looked at.
    Written,
    /// All pods are as they should be.
    Done,
    /// Pods do not restart by themselves.
    Pending,
    /// It failed, and stands.
    Failed,
    /// It failed, and was taken back.
    RolledBack,
    /// It failed, and taking it back failed too.
    RollbackFailed,
}

impl Report {
    pub(super) fn new(namespace: &str, plans: &[Plan]) -> Self {
        let line = |plan: &Plan| Line {
            workload: plan.title.clone(),
            state: if plan.tap.apply.is_some() { State::Written } else { State::Unchanged },
            session: None,
            cause: None,
            changes: lines(&plan.tap.changes),
            notes: plan.tap.notes.iter().map(ToString::to_string).collect(),
            pods: Vec::new(),
        };
        Self { namespace: namespace.to_owned(), workloads: plans.iter().map(line).collect() }
    }

    /// A report of workloads that are untapped.
    pub(crate) fn of_untap(namespace: &str, all: Vec<(String, Vec<Change>, Vec<String>, bool)>) -> Self {
        let line = |(workload, changes, notes, written): (String, Vec<Change>, Vec<String>, bool)| Line {
            workload,
            state: if written { State::Written } else { State::Unchanged },
            session: None,
            cause: None,
            changes: lines(&changes),
            notes,
            pods: Vec::new(),
        };
        Self { namespace: namespace.to_owned(), workloads: all.into_iter().map(line).collect() }
    }

    /// Prints what would change.
    pub(super) fn print_dry_run(&self, plans: &[Plan], ui: &Ui) -> Result<(), CliError> {
        if ui.json {
            return ui.print_json(self);
        }
        let all = plans.iter().map(|plan| (plan.title.as_str(), plan.tap.changes.as_slice()));
        print_changes(ui, &self.namespace, all)
    }

    pub(crate) fn written(&mut self, written: &[Written], _ui: &Ui) {
        for one in written {
            if let Some(line) = self.line(&one.title) {
                line.session.clone_from(&one.session);
            }
        }
    }

    pub(crate) fn followed(&mut self, followed: &[Followed]) {
        for one in followed {
            let Some(line) = self.line(&one.written.title) else { continue };
            line.session.clone_from(&one.written.session);
            match &one.outcome {
                Outcome::Done(pods) => (line.state, line.pods) = (State::Done, pods.clone()),
                Outcome::Pending(why) => (line.state, line.cause) = (State::Pending, Some(why.clone())),
                Outcome::Failed(why) => (line.state, line.cause) = (State::Failed, Some(why.clone())),
            }
        }
    }

    pub(super) fn rolled_back(&mut self, followed: &[Followed]) {
        for one in followed {
            let Some(line) = self.line(&one.written.title) else { continue };
            line.state = match &one.outcome {
                Outcome::Done(_) | Outcome::Pending(_) => State::RolledBack,
                Outcome::Failed(why) => {
                    let cause = line.cause.take().unwrap_or_default();
                    line.cause = Some(format!("{cause}; and after the rollback: {why}"));
                    State::RollbackFailed
                }
            };
        }
    }

    /// Whether something failed.
    pub(crate) fn failed(&self) -> bool {
        let failed = [State::Failed, State::RolledBack, State::RollbackFailed];
        self.workloads.iter().any(|line| failed.contains(&line.state))
    }

    /// Prints it; `done` is what has become of workloads that went well.
    pub(crate) fn finish(&self, ui: &Ui, done: &str) -> Result<(), CliError> {
        if ui.json {
            return ui.print_json(self);
        }
        let mut out = ui.data();
        for line in &self.workloads {
            let session = line.session.as_ref().map(|session| format!(", session {session}")).unwrap_or_default();
            let cause = line.cause.as_deref().unwrap_or_default();
            let what = match line.state {
                State::Unchanged => "unchanged".to_owned(),
                State::Written => format!("{done}{session}"),
                State::Done => format!("{done}, {} pods{session}", line.pods.len()),
                State::Pending => format!("written, pending: {cause}{session}"),
                State::Failed => format!("FAILED: {cause}"),
                State::RolledBack => format!("rolled back: {cause}"),
                State::RollbackFailed => format!("FAILED: {cause}"),
            };
            writeln!(out, "{}: {what}", line.workload)?;
        }
        out.flush()?;
        Ok(())
    }

    fn line(&mut self, title: &str) -> Option<&mut Line> {
        self.workloads.iter_mut().find(|line| line.workload == title)
    }
}

fn lines(changes: &[Change]) -> Vec<ChangeLine> {
    let line =
        |change: &Change| ChangeLine { key: change.key.clone(), from: change.from.clone(), to: change.to.clone() };
    changes.iter().map(line).collect()
}

/// Prints changes as a diff that a person reads.
pub(crate) fn print_changes<'a>(
    ui: &Ui,
    namespace: &str,
    all: impl IntoIterator<Item = (&'a str, &'a [Change])>,
) -> Result<(), CliError> {
    let mut out = ui.data();
    for (title, changes) in all {
        if changes.is_empty() {
            writeln!(out, "{title} in namespace {namespace}: nothing to change")?;
            continue;
        }
        writeln!(out, "{title} in namespace {namespace}, annotations of its pods:")?;
        for change in changes {
            for (sign, value) in [('-', &change.from), ('+', &change.to)] {
                if let Some(value) = value {
                    writeln!(out, "{sign}   {}: {}", change.key, serde_json::Value::from(value.as_str()))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(())
}
