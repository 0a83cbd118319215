//! Watches a rollout to its end: every new pod has a running forwarder (or, on the way back, follows the
//! former template), or there is a reason, and it will not go away by waiting.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use logtap_inject::tap;
use logtap_inject::vocabulary::{annotation, object};
use serde_json::Value;

use super::Written;
use crate::cluster::resource::{annotation as annotation_of, text};
use crate::cluster::{Cluster, ClusterError, Resource};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::preflight;
use crate::workload::{Cause, Forwarder, Progress, Trouble, forwarder, pods, progress, refusals, template, trouble};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(700);
/// How long trouble that waiting does not cure is watched before it is believed: a pull may fail
/// once, and a quota is free again a moment after the old pod is gone.
const PATIENCE: Duration = Duration::from_secs(12);
/// Looks in a row that must find everything running: a process that dies at its start runs for a moment.
const STEADY: u32 = 4;

/// What became of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All its pods are as they should be; their names.
    Done(Vec<String>),
    /// Its pods do not restart by themselves; why.
    Pending(String),
    /// It did not work out, in one line.
    Failed(String),
}

/// A workload after the wait.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    /// As it was written.
    pub(crate) written: Written,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

/// Waits for all workloads.
///
/// # Errors
/// If the cluster cannot be asked any more, or the person ended the wait.
pub(crate) fn follow(
    cluster: &Cluster,
    written: &[Written],
    timeout: Duration,
    ui: &Ui,
) -> Result<Vec<Followed>, CliError> {
    let began = Instant::now();
    let mut watched: Vec<Watched> = written.iter().cloned().map(Watched::new).collect();
    let status = ui.status();
    loop {
        for one in watched.iter_mut().filter(|one| one.outcome.is_none()) {
            one.look(cluster)?;
            if one.outcome.is_none() && began.elapsed() >= timeout {
                one.outcome = Some(Outcome::Failed(one.overdue(timeout)));
            }
        }
        let open: Vec<String> =
            watched.iter().filter(|one| one.outcome.is_none()).map(|one| one.line.clone()).collect();
        if open.is_empty() {
            status.clear();
            let done = |one: Watched| Some(Followed { written: one.written, outcome: one.outcome? });
            return Ok(watched.into_iter().filter_map(done).collect());
        }
        status.show(&open.join(", "));
        if cluster.pause(LOOK) {
            status.clear();
            return Err(CliError::new(Kind::Internal, format!("interrupted while waiting for {}", open.join(", ")))
                .hint("what was written stands; `logtap untap` takes it back, `logtap status` shows it"));
        }
    }
}

struct Watched {
    written: Written,
    known: BTreeSet<String>,
    done: i64,
    steady: u32,
    trouble: Option<(Instant, Trouble)>,
    line: String,
    outcome: Option<Outcome>,
}

impl Watched {
    fn new(written: Written) -> Self {
        let (known, line) = (written.known.clone(), written.title.clone());
        Self { written, known, done: -1, steady: 0, trouble: None, line, outcome: None }
    }

    fn look(&mut self, cluster: &Cluster) -> Result<(), CliError> {
        let before = &self.written.workload;
        let Some(what) = Resource::of(before) else { return Ok(()) };
        let now = match cluster.get(what, text(before, "namespace"), text(before, "name")) {
            Ok(Some(now)) => now,
            Ok(None) => {
                self.outcome = Some(Outcome::Failed("somebody deleted it".to_owned()));
                return Ok(());
            }
            // A busy API server is asked again; the timeout ends it.
            Err(ClusterError::Unreachable(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if let Some(by) = self.reverted(&now) {
            self.outcome = Some(Outcome::Failed(by));
            return Ok(());
        }
        let progress = progress(&now);
        if progress == Progress::Unmoved {
            let why = self.written.notes.first().cloned();
            let why = why.unwrap_or_else(|| "its pods do not restart by themselves".to_owned());
            self.outcome = Some(Outcome::Pending(why));
            return Ok(());
        }
        let pods = pods(cluster, &now)?;
        let ours: Vec<&Value> = pods.iter().filter(|pod| self.is_new(pod)).collect();
        let without: Vec<&&Value> = ours.iter().filter(|pod| !self.is_right(pod)).collect();
        self.steady = if progress == Progress::Done && without.is_empty() { self.steady + 1 } else { 0 };
        if self.steady >= STEADY {
            self.outcome = Some(Outcome::Done(ours.iter().map(|pod| text(pod, "name").to_owned()).collect()));
            return Ok(());
        }
        if let Progress::Going { done, wanted } = progress {
            self.line = format!("{}: {done} of {wanted} pods", self.written.title);
            if done != self.done {
                (self.done, self.trouble) = (done, None);
            }
        }
        let found = self.find_trouble(cluster, &now, &progress, &pods, &without)?;
        self.weigh(found);
        Ok(())
    }

    /// What keeps the rollout, if anything.
    fn find_trouble(
        &mut self,
        cluster: &Cluster,
        now: &Value,
        progress: &Progress,
        pods: &[Value],
        without: &[&&Value],
    ) -> Result<Option<Trouble>, CliError> {
        if let Some(found) = without.iter().find_map(|pod| trouble(pod)) {
            return Ok(Some(found));
        }
        if let Some(pod) =
            without.first().filter(|pod| self.written.session.is_some() && forwarder(pod) == Forwarder::Absent)
        {
            return Ok(Some(untapped(cluster, pod)?));
        }
        let (marks, refused) = refusals(cluster, now, &self.known).unwrap_or_default();
        self.known.extend(marks);
        if let Some(refused) = refused {
            return Ok(Some(refused));
        }
        // A refusal is believed until there is progress: its event comes seldom.
        if let Some((_, known)) = self.trouble.as_ref().filter(|(_, known)| known.cause == Cause::Refused) {
            return Ok(Some(known.clone()));
        }
        if let Progress::Stuck(why) = progress {
            let line = pods.iter().find_map(trouble).map_or_else(|| why.clone(), |found| found.line);
            return Ok(Some(Trouble { cause: Cause::Forwarder, line }));
        }
        Ok(pods.iter().filter(|pod| self.is_new(pod)).find_map(trouble))
    }

    fn weigh(&mut self, found: Option<Trouble>) {
        let Some(found) = found else {
            self.trouble = None;
            return;
        };
        let same = self.trouble.as_ref().filter(|(_, known)| known.cause == found.cause);
        let since = same.map_or_else(Instant::now, |(since, _)| *since);
        if found.cause != Cause::Other && since.elapsed() >= PATIENCE {
            self.outcome = Some(Outcome::Failed(found.line.clone()));
        }
        self.trouble = Some((since, found));
    }

    fn overdue(&self, timeout: Duration) -> String {
        let late = format!("not done within {} s", timeout.as_secs());
        match &self.trouble {
            Some((_, found)) => format!("{late}: {}", found.line),
            None => format!("{late} ({})", self.line),
        }
    }

    /// Whether a pod was made from the template as it was written.
    fn is_new(&self, pod: &Value) -> bool {
        match &self.written.session {
            Some(session) => annotation_of(pod, annotation::SESSION) == Some(session),
            None => true,
        }
    }

    /// Whether a pod's forwarder is as it should be. After the way back any is: what the pod or its
    /// namespace still asks for is not the tap's.
    fn is_right(&self, pod: &Value) -> bool {
        match (&self.written.session, forwarder(pod)) {
            (Some(_), Forwarder::Running { .. } | Forwarder::Ended) => true,
            (Some(_), _) => false,
            (None, _) => true,
        }
    }

    /// Who took the annotations away again, if somebody did.
    fn reverted(&self, now: &Value) -> Option<String> {
        let session = self.written.session.as_ref()?;
        if annotation_of(template(now), annotation::SESSION) == Some(session) {
            return None;
        }
        let instead = "took the annotations away again; tap the namespace, or commit them where";
        Some(match (writer(&self.written.workload, now), tap::gitops(now)) {
            (Some(by), _) => format!("{by} {instead} {by} reads them"),
            (None, Some(by)) => format!("somebody, by the workload's marks {by}, {instead} {by} reads them"),
            (None, None) => format!("somebody {instead} they come from"),
        })
    }
}

/// Who wrote the template last since the workload was `before`, if that can be told: whoever only takes
/// fields away leaves no trace, and those who wrote earlier had no part in it. Controllers write the
/// status all the time, which is another part of the object.
fn writer<'n>(before: &Value, now: &'n Value) -> Option<&'n str> {
    let mark = |one: &Value| ["manager", "operation", "time"].map(|key| one[key].clone());
    let known: Vec<_> = entries(before).map(mark).collect();
    let wrote = |one: &&Value| {
        one["subresource"].is_null()
            && one["manager"] != object::FIELD_MANAGER
            && one.pointer("/fieldsV1/f:spec/f:template").is_some()
            && !known.contains(&mark(one))
    };
    let last = entries(now).filter(wrote).max_by_key(|one| one["time"].as_str().unwrap_or_default());
    last?["manager"].as_str()
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

/// A pod that carries the annotation and no forwarder.
fn untapped(cluster: &Cluster, pod: &Value) -> Result<Trouble, CliError> {
    let (namespace, name) = (text(pod, "namespace"), text(pod, "name"));
    let why = preflight::explain(&preflight::settings(cluster, namespace)?, namespace, pod);
    let why = why.unwrap_or_else(|| "logtap did not answer when it was created".to_owned());
    Ok(Trouble { cause: Cause::Forwarder, line: format!("pod {name} started without a forwarder: {why}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(entries: &[(&str, u32, &str)]) -> Value {
        let entry = |(manager, second, part): &(&str, u32, &str)| {
            json!({ "manager": manager, "operation": "Update", "time": format!("2026-01-01T00:00:{second:02}Z"),
                "fieldsV1": { "f:spec": { *part: {} } } })
        };
        json!({ "metadata": { "managedFields": entries.iter().map(entry).collect::<Vec<_>>() } })
    }

    #[test]
    fn only_who_wrote_the_template_since_is_named() {
        let ours = (object::FIELD_MANAGER, 20, "f:template");
        let creator = ("kubectl-create", 10, "f:template");
        let before = object(&[creator, ours]);
        assert_eq!(writer(&before, &object(&[creator])), None, "what is taken away leaves no trace");
        let scaled = ("kubectl-scale", 30, "f:replicas");
        assert_eq!(writer(&before, &object(&[creator, ours, scaled])), None);
        let (one, other) = (("helm", 30, "f:template"), ("argocd-controller", 40, "f:template"));
        assert_eq!(writer(&before, &object(&[creator, other, one, scaled])), Some("argocd-controller"));
        let again = ("kubectl-create", 30, "f:template");
        assert_eq!(writer(&before, &object(&[again, ours])), Some("kubectl-create"));
    }
}
