//! The workloads that can be tapped, and where each has its pod template.

use serde_json::{Map, Value, json};

use super::Annotations;
use super::before::{Before, Shape};
use crate::vocabulary::annotation;

/// A kind of workload that makes pods from a template that may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    StatefulSet,
    /// `apps/v1`
    DaemonSet,
    /// `apps/v1`, without an owner
    ReplicaSet,
    /// `batch/v1`
    CronJob,
    /// `argoproj.io/v1alpha1`
    Rollout,
}

/// Why a workload is not tapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The template of a Job cannot be changed.
    #[error(
        "the template of a Job cannot be changed; tap its CronJob, or create the Job again with the annotation {}=true in its template",
        annotation::TAP
    )]
    Job,
    /// A pod gets its containers when it is created.
    #[error(
        "a running pod cannot be given a forwarder; tap what made it, or create it again with the annotation {}=true",
        annotation::TAP
    )]
    Pod,
    /// Something else writes the template.
    #[error("it belongs to {kind} {name}, which would write the template back; tap that instead")]
    Owned {
        /// Kind of the owner.
        kind: String,
        /// Name of the owner.
        name: String,
    },
    /// The template stands in another object.
    #[error("its pod template is that of Deployment {0}; tap that instead")]
    TemplateElsewhere(String),
    /// Not a workload, or none that we know.
    #[error("{0} cannot be tapped; Deployment, StatefulSet, DaemonSet, ReplicaSet, CronJob and Argo Rollout can")]
    Kind(String),
    /// Another tap holds it.
    #[error("it is tapped already with {by}={value}; --force takes it over")]
    Held {
        /// Key of the annotation that differs.
        by: &'static str,
        /// Its value.
        value: String,
    },
    /// The record of the tap is of another version.
    #[error("the annotation {} was written by another version of logtap; untap with that version", annotation::BEFORE)]
    UnknownRecord,
}

impl Kind {
    /// The kind of an object.
    ///
    /// # Errors
    /// [`Refusal`] if it is no workload whose template may be changed.
    pub fn of(workload: &Value) -> Result<Self, Refusal> {
        let text = |key: &str| workload.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = match (text("apiVersion"), text("kind")) {
            ("apps/v1", "Deployment") => Self::Deployment,
            ("apps/v1", "StatefulSet") => Self::StatefulSet,
            ("apps/v1", "DaemonSet") => Self::DaemonSet,
            ("apps/v1", "ReplicaSet") => Self::ReplicaSet,
            ("batch/v1", "CronJob") => Self::CronJob,
            ("argoproj.io/v1alpha1", "Rollout") => Self::Rollout,
            ("batch/v1", "Job") => return Err(Refusal::Job),
            ("v1", "Pod") => return Err(Refusal::Pod),
            (_, other) => return Err(Refusal::Kind(other.to_owned())),
        };
        let owners = workload.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owner = owners.into_iter().flatten().find(|owner| owner.get("controller") == Some(&Value::Bool(true)));
        if let Some(owner) = owner.filter(|_| kind == Self::ReplicaSet) {
            let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(Refusal::Owned { kind: text("kind"), name: text("name") });
        }
        if let Some(name) = workload.pointer("/spec/workloadRef/name").and_then(Value::as_str) {
            return Err(Refusal::TemplateElsewhere(name.to_owned()));
        }
        Ok(kind)
    }

    /// Names of the fields down to the pod template.
    fn path(self) -> &'static [&'static str] {
        match self {
            Self::CronJob => &["spec", "jobTemplate", "spec", "template"],
            _ => &["spec", "template"],
        }
    }

    fn template(self, workload: &Value) -> Option<&Value> {
        self.path().iter().try_fold(workload, |at, key| at.get(key))
    }

    /// Annotations of the pod template; none if there are none.
    pub(super) fn annotations(self, workload: &Value) -> Annotations {
        let metadata = self.template(workload).and_then(|template| template.get("metadata"));
        let written = metadata.and_then(|metadata| metadata.get("annotations")?.as_object());
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        written.into_iter().flatten().filter_map(text).collect()
    }

    /// What is missing that a tap brings into being.
    pub(super) fn shape(self, workload: &Value) -> Shape {
        let metadata = self.template(workload).and_then(|template| template.get("metadata"));
        Shape {
            no_metadata: metadata.is_none(),
            no_annotations: metadata.and_then(|metadata| metadata.get("annotations")).is_none_or(Value::is_null),
            none_of_workload: workload.pointer("/metadata/annotations").is_none(),
        }
    }

    /// The object for server-side apply: what identifies the workload, and what is ours.
    pub(super) fn apply(self, workload: &Value, before: &Before) -> Value {
        let of = |pointer: &str| workload.pointer(pointer).cloned().unwrap_or_default();
        let mut metadata =
            json!({ "name": of("/metadata/name"), "annotations": { annotation::BEFORE: before.text() } });
        if workload.pointer("/metadata/namespace").is_some() {
            metadata["namespace"] = of("/metadata/namespace");
        }
        let mut object = self.wrap(json!({ "metadata": { "annotations": before.applied() } }));
        object["apiVersion"] = of("/apiVersion");
        object["kind"] = of("/kind");
        object["metadata"] = metadata;
        object
    }

    /// The merge patch of the way back. It fails where the workload has changed since it was read.
    pub(super) fn back(
        self,
        workload: &Value,
        changed: Map<String, Value>,
        after: &Annotations,
        before: &Before,
    ) -> Value {
        let metadata = self.template(workload).and_then(|template| template.get("metadata"));
        let only_annotations = metadata.and_then(Value::as_object).is_some_and(|metadata| metadata.len() == 1);
        let empty = after.is_empty();
        let template = if empty && before.shape.no_metadata && only_annotations {
            json!({ "metadata": null })
        } else if empty && before.shape.no_annotations {
            json!({ "metadata": { "annotations": null } })
        } else {
            json!({ "metadata": { "annotations": changed } })
        };
        let others = workload.pointer("/metadata/annotations").and_then(Value::as_object);
        let alone = others.is_some_and(|annotations| annotations.len() == 1);
        let own =
            if alone && before.shape.none_of_workload { Value::Null } else { json!({ annotation::BEFORE: null }) };
        let mut patch = self.wrap(template);
        patch["metadata"] = json!({ "annotations": own });
        if let Some(version) = workload.pointer("/metadata/resourceVersion") {
            patch["metadata"]["resourceVersion"] = version.clone();
        }
        patch
    }

    fn wrap(self, template: Value) -> Value {
        self.path().iter().rev().fold(template, |inner, key| json!({ *key: inner }))
    }
}
