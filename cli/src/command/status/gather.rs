//! Reads namespaces, workloads and pods, and says of each pod whether it is as it should be.

use std::collections::{BTreeMap, BTreeSet};

use logtap_inject::tap::Before;
use logtap_inject::vocabulary::{annotation, label, object};
use logtap_inject::{NamespaceSettings, NamespaceSwitch, Switch};
use serde_json::Value;

use super::{NamespaceLine, PodLine, Status, WorkloadLine};
use crate::cluster::Cluster;
use crate::cluster::resource::{NAMESPACE, POD, ROLE_BINDING, annotation as annotation_of, label as label_of, text};
use crate::error::CliError;
use crate::preflight::{explain, settings_of};
use crate::tapping::MANAGED_BY_CLI;
use crate::workload::{Forwarder, everything, forwarder, pods, template, title, trouble};

pub(super) fn gather(cluster: &Cluster, namespace: &str, status: &mut Status) -> Result<(), CliError> {
    let namespaces = namespaces(cluster, namespace)?;
    for (name, found) in &namespaces {
        let settings = settings_of(found);
        if settings.switch() == NamespaceSwitch::On {
            status.namespaces.push(line(name, &settings));
        }
    }
    let (mut seen, mut tapped_namespaces) = (BTreeSet::new(), BTreeSet::new());
    for workload in everything(cluster, namespace, "")?.workloads {
        let within = text(&workload, "namespace").to_owned();
        let settings = namespaces.get(&within).map(settings_of).unwrap_or_default();
        let before = Before::of(&workload).ok().flatten();
        let asks = annotation_of(template(&workload), annotation::TAP).and_then(Switch::parse) == Some(Switch::On);
        let by_namespace = settings.switch() == NamespaceSwitch::On;
        if before.is_none() && !asks && !by_namespace {
            continue;
        }
        let mut pods: Vec<PodLine> = Vec::new();
        for pod in self::pods(cluster, &workload)? {
            seen.insert(text(&pod, "uid").to_owned());
            pods.push(look(&pod, &within, &settings, status));
        }
        tapped_namespaces.extend(before.is_some().then(|| within.clone()));
        let of_template = |key: &str| annotation_of(template(&workload), key).or(settings.annotation(key));
        status.workloads.push(WorkloadLine {
            workload: title(&workload),
            namespace: within,
            sessions: of_template(annotation::SESSION).map(str::to_owned).into_iter().collect(),
            target: of_template(annotation::TARGET).map(str::to_owned),
            reverted: before.is_some() && !asks,
            ready: pods.iter().filter(|pod| pod.sidecar_running).count(),
            total: pods.len(),
            pods,
        });
    }
    rest(cluster, namespace, &namespaces, &seen, status)?;
    orphans(cluster, namespace, &tapped_namespaces, status)
}

/// Pods that no workload of ours made: bare ones, and those of other controllers.
fn rest(
    cluster: &Cluster,
    namespace: &str,
    namespaces: &BTreeMap<String, Value>,
    seen: &BTreeSet<String>,
    status: &mut Status,
) -> Result<(), CliError> {
    for pod in cluster.list(POD, namespace, "")? {
        let within = text(&pod, "namespace").to_owned();
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let asks = annotation_of(&pod, annotation::TAP).and_then(Switch::parse) == Some(Switch::On);
        let settings = namespaces.get(&within).map(settings_of).unwrap_or_default();
        let wants = asks || settings.switch() == NamespaceSwitch::On;
        if over
            || !wants
            || seen.contains(text(&pod, "uid"))
            || label_of(&pod, label::PART_OF).is_some_and(|part| part == label::PART_OF_LOGTAP)
        {
            continue;
        }
        let line = look(&pod, &within, &settings, status);
        status.workloads.push(WorkloadLine {
            workload: format!("pod/{}", line.name),
            namespace: within,
            sessions: annotation_of(&pod, annotation::SESSION).map(str::to_owned).into_iter().collect(),
            target: annotation_of(&pod, annotation::TARGET)
                .or(settings.annotation(annotation::TARGET))
                .map(str::to_owned),
            reverted: false,
            ready: usize::from(line.sidecar_running),
            total: 1,
            pods: vec![line],
        });
    }
    Ok(())
}

/// One pod, and why it has no running forwarder.
fn look(pod: &Value, namespace: &str, settings: &NamespaceSettings, status: &mut Status) -> PodLine {
    let state = forwarder(pod);
    let running = matches!(state, Forwarder::Running { .. } | Forwarder::Ended);
    let mut line = PodLine {
        name: text(pod, "name").to_owned(),
        namespace: namespace.to_owned(),
        sidecar_running: running,
        reason: None,
    };
    line.reason = match state {
        Forwarder::Running { restarts: 0 } | Forwarder::Ended => None,
        Forwarder::Running { restarts } => Some(format!("the forwarder was started {} times", restarts + 1)),
        Forwarder::Pending => Some("the forwarder is not started yet".to_owned()),
        Forwarder::Waiting { .. } => trouble(pod).map(|found| found.line),
        Forwarder::Absent => match explain(settings, namespace, pod) {
            Some(why) => Some(format!("no forwarder: {why}")),
            None => {
                status.missed.push(line.clone());
                Some("no forwarder: nobody answered when it was created, or it is older than the tap".to_owned())
            }
        },
    };
    line
}

fn line(name: &str, settings: &NamespaceSettings) -> NamespaceLine {
    let own = |key: &str| settings.annotation(key).map(str::to_owned);
    let problem = settings.prod().filter(|_| !settings.opts_in());
    NamespaceLine {
        namespace: name.to_owned(),
        target: own(annotation::TARGET),
        session: own(annotation::SESSION),
        drift: settings.mirror_missed(),
        problem: problem.map(|by| format!("it looks like production ({by}), so no pod is tapped")),
    }
}

/// The namespaces that are looked at, as far as they can be read.
fn namespaces(cluster: &Cluster, namespace: &str) -> Result<BTreeMap<String, Value>, CliError> {
    let found = if namespace.is_empty() {
        cluster.list(NAMESPACE, "", "")
    } else {
        cluster.get(NAMESPACE, "", namespace).map(|found| found.into_iter().collect())
    };
    match found {
        Ok(found) => Ok(found.into_iter().map(|one| (text(&one, "name").to_owned(), one)).collect()),
        Err(error) if error.is_denied() => Ok(BTreeMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// What nobody needs any more.
fn orphans(cluster: &Cluster, namespace: &str, tapped: &BTreeSet<String>, status: &mut Status) -> Result<(), CliError> {
    for pod in cluster.list(POD, namespace, "app.kubernetes.io/name=logtap-probe")? {
        status.orphans.push(format!(
            "pod/{} in namespace {}, of a check that was killed",
            text(&pod, "name"),
            text(&pod, "namespace")
        ));
    }
    let bindings = match cluster.list(ROLE_BINDING, namespace, &format!("{}={MANAGED_BY_CLI}", label::MANAGED_BY)) {
        Ok(found) => found,
        Err(error) if error.is_denied() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    for binding in bindings.iter().filter(|one| text(one, "name") == object::FORWARDER_ROLE) {
        let within = text(binding, "namespace");
        let used = tapped.contains(within) || status.namespaces.iter().any(|one| one.namespace == within);
        if !used {
            status
                .orphans
                .push(format!("rolebinding/{} in namespace {within}: nothing is tapped there", object::FORWARDER_ROLE));
        }
    }
    Ok(())
}
