//! A pod that shows from inside the cluster what nothing outside can: that the forwarder's image can
//! be pulled and that the target can be reached. It is restricted, lives for seconds, and is removed
//! whatever happens to it.

use std::time::{Duration, Instant};

use logtap_inject::vocabulary::label;
use serde_json::{Value, json};

use crate::cluster::resource::{POD, text};
use crate::cluster::{Cluster, ClusterError};
use crate::error::CliError;
use crate::workload::{Forwarder, Trouble, container, forwarder, trouble};

/// Longest life of the pod, image pull included.
const LIFE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);
/// How long a failed pull may be repeated: registries have hiccups.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the pod showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Image and target are good; the forwarder's words.
    Good(String),
    /// Something is not, in one sentence.
    Bad(String),
    /// It could not be run.
    NotRun(String),
}

/// Runs the forwarder of a rehearsed pod by itself, once.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn probe(cluster: &Cluster, namespace: &str, rehearsed: &Value) -> Result<Probe, CliError> {
    let Some(pod) = pod(rehearsed) else { return Ok(Probe::NotRun("the pod has no forwarder".to_owned())) };
    let created = match cluster.create(POD, namespace, &pod, false) {
        Ok(answer) => answer.object,
        Err(error) if error.is_denied() => return Ok(Probe::NotRun("you may not create pods".to_owned())),
        Err(error @ ClusterError::Unreachable(_)) => return Err(error.into()),
        Err(error) => return Ok(Probe::NotRun(format!("the probe's pod is refused: {error}"))),
    };
    let result = watch(cluster, namespace, text(&created, "name"));
    let removed = cluster.delete(&created);
    let result = result?;
    removed.map_err(|error| error.while_doing(&format!("removing pod {}", text(&created, "name"))))?;
    Ok(result)
}

fn watch(cluster: &Cluster, namespace: &str, name: &str) -> Result<Probe, ClusterError> {
    let began = Instant::now();
    let mut troubled: Option<Instant> = None;
    loop {
        let Some(pod) = cluster.get(POD, namespace, name)? else {
            return Ok(Probe::NotRun("somebody deleted the probe's pod".to_owned()));
        };
        let status = &pod["status"]["containerStatuses"][0];
        let said = status["state"]["terminated"]["message"].as_str().unwrap_or_default();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = match (pod["status"]["phase"].as_str(), forwarder(&pod)) {
            (Some("Succeeded"), _) => return Ok(Probe::Good(said)),
            (Some("Failed"), _) if !said.is_empty() => return Ok(Probe::Bad(said)),
            (_, Forwarder::Waiting { .. }) => trouble(&pod),
            _ => None,
        };
        let since = found.as_ref().map(|_| troubled.unwrap_or_else(Instant::now));
        troubled = since;
        match found {
            Some(Trouble { line, .. }) if since.is_some_and(|since| since.elapsed() >= PATIENCE) => {
                return Ok(Probe::Bad(line));
            }
            _ if began.elapsed() >= LIFE => {
                let why = trouble(&pod).map_or_else(|| "its pod did not start".to_owned(), |found| found.line);
                return Ok(Probe::NotRun(format!("within {} seconds: {why}", LIFE.as_secs())));
            }
            _ if cluster.pause(LOOK) => return Ok(Probe::NotRun("interrupted".to_owned())),
            _ => {}
        }
    }
}

/// The forwarder of a rehearsed pod alone, where the pod would run, with nothing mounted.
fn pod(rehearsed: &Value) -> Option<Value> {
    let mut forwarder = container(rehearsed)?.clone();
    let fields = forwarder.as_object_mut()?;
    for gone in ["volumeMounts", "restartPolicy"] {
        fields.remove(gone);
    }
    forwarder["args"] = json!(["probe"]);
    let spec = &rehearsed["spec"];
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "logtap-probe-",
            "labels": { label::PART_OF: label::PART_OF_LOGTAP, "app.kubernetes.io/name": "logtap-probe" },
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIFE.as_secs(),
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [forwarder],
        },
    });
    for kept in ["imagePullSecrets", "nodeSelector", "tolerations", "hostNetwork", "dnsPolicy", "dnsConfig"] {
        if !spec[kept].is_null() {
            pod["spec"][kept] = spec[kept].clone();
        }
    }
    Some(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_the_forwarder_alone() {
        let rehearsed = json!({ "spec": {
            "nodeSelector": { "disk": "ssd" },
            "containers": [{ "name": "app" }],
            "initContainers": [{ "name": "logtap-forwarder", "image": "x", "restartPolicy": "Always", "volumeMounts": [{}] }],
            "volumes": [{}], "serviceAccountName": "rich",
        } });
        let pod = pod(&rehearsed).unwrap();
        assert_eq!(pod["spec"]["containers"], json!([{ "name": "logtap-forwarder", "image": "x", "args": ["probe"] }]));
        assert_eq!(pod["spec"]["nodeSelector"]["disk"], "ssd");
        assert!(pod["spec"]["volumes"].is_null() && pod["spec"]["serviceAccountName"].is_null());
        assert!(super::pod(&json!({ "spec": { "containers": [{ "name": "app" }] } })).is_none());
    }
}
