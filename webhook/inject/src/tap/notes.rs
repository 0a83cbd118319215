//! What a user should know before a workload is tapped: whether it restarts, what that costs, and
//! who may undo it.

use serde_json::Value;

use super::Kind;

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// `spec.paused`
    #[error("it is paused: pods restart, and lines arrive, when it is resumed")]
    Paused,
    /// `updateStrategy: OnDelete`
    #[error("its update strategy is OnDelete: a pod is tapped when it is deleted and made again")]
    OnDelete,
    /// A template that only new pods follow.
    #[error("a ReplicaSet does not restart its pods: a pod is tapped when it is deleted and made again")]
    NewPodsOnly,
    /// `strategy: Recreate`
    #[error("its strategy is Recreate: all pods stop before the first new one starts")]
    Recreate,
    /// One replica.
    #[error("it has a single replica: the restart may be felt")]
    SingleReplica,
    /// No replicas.
    #[error("it is scaled to zero: nothing is tapped until it is scaled up")]
    NoReplicas,
    /// CronJobs start pods when their time comes.
    #[error("lines arrive with the next run")]
    NextRun,
    /// `suspend: true`
    #[error("it is suspended: there is no next run until it is resumed")]
    Suspended,
    /// A controller keeps it like a repository says.
    #[error(
        "{0} keeps it as a repository says and may undo the tap; tapping its namespace and restarting it is safe, or commit the annotations"
    )]
    GitOps(&'static str),
    /// An operator made it.
    #[error("it belongs to {kind} {name}, which may undo the tap")]
    Operator {
        /// Kind of the owner.
        kind: String,
        /// Name of the owner.
        name: String,
    },
}

/// Marks of the controllers that keep objects like a repository says. Flux and Argo CD document
/// these keys as what they set on every object of theirs.
const GITOPS: [(&str, &str); 4] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// The same, by the names under which they write.
const MANAGERS: [(&str, &str); 4] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
];

pub(super) fn of(workload: &Value, kind: Kind) -> Vec<Note> {
    let at = |pointer: &str| workload.pointer(pointer);
    let is = |pointer: &str, value: &str| at(pointer).and_then(Value::as_str) == Some(value);
    let is_true = |pointer: &str| at(pointer) == Some(&Value::Bool(true));
    let mut notes = Vec::new();
    let mut note = |applies: bool, note: Note| notes.extend(applies.then_some(note));
    note(is_true("/spec/paused"), Note::Paused);
    note(is("/spec/updateStrategy/type", "OnDelete"), Note::OnDelete);
    note(kind == Kind::ReplicaSet, Note::NewPodsOnly);
    note(is("/spec/strategy/type", "Recreate"), Note::Recreate);
    if kind == Kind::CronJob {
        note(!is_true("/spec/suspend"), Note::NextRun);
        note(is_true("/spec/suspend"), Note::Suspended);
    } else if kind != Kind::DaemonSet {
        let replicas = at("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        note(replicas == 1, Note::SingleReplica);
        note(replicas == 0, Note::NoReplicas);
    }
    if let Some(name) = gitops(workload) {
        note(true, Note::GitOps(name));
    }
    let owners = at("/metadata/ownerReferences").and_then(Value::as_array);
    if let Some(owner) = owners.into_iter().flatten().find(|owner| owner.get("controller") == Some(&Value::Bool(true)))
    {
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        note(true, Note::Operator { kind: text("kind"), name: text("name") });
    }
    notes
}

/// The tool that keeps a workload as a repository says, by its marks or by who writes.
#[must_use]
pub fn gitops(workload: &Value) -> Option<&'static str> {
    let metadata = workload.get("metadata")?;
    let marked = |key: &str| {
        ["annotations", "labels"].iter().any(|part| metadata.get(part).is_some_and(|part| part.get(key).is_some()))
    };
    let managers = metadata.get("managedFields").and_then(Value::as_array);
    let writes =
        |name: &str| managers.into_iter().flatten().any(|one| one.get("manager").and_then(Value::as_str) == Some(name));
    let by_mark = GITOPS.iter().find(|(key, _)| marked(key));
    by_mark.or_else(|| MANAGERS.iter().find(|(name, _)| writes(name))).map(|(_, name)| *name)
}
