//! What a tap or untap tells: the diff of a dry run, one line a workload, or one JSON object.

use std::io::Write;

use logtap_inject::tap::Change;
use serde::Serialize;

use super::{Followed, Outcome, Written};
use crate::error::CliError;
use crate::output::Ui;

/// What became of all workloads.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    namespace: String,
    workloads: Vec<Line>,
}

/// A workload before anything became of it.
#[derive(Debug)]
pub(crate) struct Told {
    /// `deployment/api`.
    pub(crate) title: String,
    /// What changes in its template.
    pub(crate) changes: Vec<Change>,
    /// What the person should know.
    pub(crate) notes: Vec<String>,
    /// Whether something is written at all.
    pub(crate) written: bool,
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
    /// A report of workloads of a namespace that are about to be written.
    pub(crate) fn new(namespace: &str, all: Vec<Told>) -> Self {
        let line = |told: Told| Line {
            workload: told.title,
            state: if told.written { State::Written } else { State::Unchanged },
            session: None,
            cause: None,
            changes: lines(&told.changes),
            notes: told.notes,
            pods: Vec::new(),
        };
        Self { namespace: namespace.to_owned(), workloads: all.into_iter().map(line).collect() }
    }

    /// These were written, and are not waited for.
    pub(crate) fn written(&mut self, written: &[Written]) {
        for one in written {
            if let Some(line) = self.line(&one.title) {
                line.session.clone_from(&one.session);
            }
        }
    }

    /// These were waited for.
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

    /// These were taken back, and waited for.
    pub(crate) fn rolled_back(&mut self, followed: &[Followed]) {
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
                State::Done if line.pods.len() == 1 => format!("{done}, 1 pod{session}"),
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

/// Prints changes of workloads as a diff that a person reads.
pub(crate) fn print_changes<'a>(
    ui: &Ui,
    namespace: &str,
    all: impl IntoIterator<Item = (&'a str, &'a [Change])>,
) -> Result<(), CliError> {
    let headed = |(title, changes): (&str, &'a [Change])| {
        (format!("{title} in namespace {namespace}"), "annotations of its pods", changes)
    };
    print_diff(ui, all.into_iter().map(headed))
}

fn print_diff<'a>(ui: &Ui, all: impl Iterator<Item = (String, &'a str, &'a [Change])>) -> Result<(), CliError> {
    let mut out = ui.data();
    for (title, what, changes) in all {
        if changes.is_empty() {
            writeln!(out, "{title}: nothing to change")?;
            continue;
        }
        writeln!(out, "{title}, {what}:")?;
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

/// Prints what changes in a namespace.
pub(crate) fn print_namespace(ui: &Ui, name: &str, changes: &[Change], state: &str) -> Result<(), CliError> {
    if ui.json {
        let line = |one: &Change| serde_json::json!({ "key": one.key, "from": one.from, "to": one.to });
        let changes: Vec<_> = changes.iter().map(line).collect();
        return ui.print_json(&serde_json::json!({ "namespace": name, "state": state, "changes": changes }));
    }
    if state != "would change" {
        let mut out = ui.data();
        writeln!(out, "namespace/{name}: {state}")?;
        return Ok(out.flush()?);
    }
    print_diff(ui, std::iter::once((format!("namespace/{name}"), "its annotations and its label", changes)))
}
