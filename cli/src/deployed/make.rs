//! Makes a receiver, and waits until it takes lines.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::find::Receiver;
use super::objects::Wanted;
use crate::cluster::resource::{JOB, text};
use crate::cluster::{Cluster, ClusterError, Resource, Signals};
use crate::error::{CliError, Kind};
use crate::output::Ui;
use crate::workload::trouble;

const LOOK: Duration = Duration::from_millis(400);

/// Makes all objects; where one is refused, those made before are removed again.
///
/// # Errors
/// If the person may not, or the cluster refuses.
pub(crate) fn make(cluster: &Cluster, wanted: &Wanted) -> Result<Receiver, CliError> {
    let doing = |error: ClusterError, what: Resource| {
        let denied = error.is_denied();
        let error = error.while_doing(&format!("making {}", what.title(&wanted.name)));
        let hint = "a receiver takes the right to create jobs, secrets, services and serviceaccounts, as the role `edit` has it";
        if denied { error.hint(hint) } else { error }
    };
    let job = cluster.create(JOB, &wanted.namespace, &wanted.job(), false).map_err(|error| doing(error, JOB))?.object;
    let rest = || -> Result<(), CliError> {
        let owned = wanted
            .owned(&job, SystemTime::now())
            .map_err(|error| CliError::new(Kind::Internal, format!("no certificate can be made: {error}")))?;
        for object in &owned {
            let Some(what) = Resource::of(object) else { continue };
            cluster.create(what, &wanted.namespace, object, false).map_err(|error| doing(error, what))?;
        }
        let wake = json!({ "spec": { "suspend": false } });
        cluster.merge(JOB, &wanted.namespace, &wanted.name, &wake).map_err(|error| doing(error, JOB))?;
        Ok(())
    };
    let receiver = Receiver::of(job.clone());
    match rest() {
        Ok(()) => Ok(receiver),
        Err(error) => Err(match super::remove(cluster, &receiver) {
            Ok(_) => error,
            Err(left) => {
                error.hint(format!("not everything that was made before could be removed: {}", left.message()))
            }
        }),
    }
}

/// Waits until it takes lines; false if a signal came first.
///
/// # Errors
/// With what keeps it, if it does not come about in time.
pub(crate) fn until_ready(
    cluster: &Cluster,
    receiver: &Receiver,
    timeout: Duration,
    signals: &mut Signals,
    ui: &Ui,
) -> Result<bool, CliError> {
    let (began, status) = (Instant::now(), ui.status());
    loop {
        let pods = receiver.pods(cluster)?;
        if pods.iter().any(is_ready) {
            status.clear();
            return Ok(true);
        }
        let why = match pods.iter().find_map(trouble) {
            Some(found) => found.line,
            None if pods.is_empty() => refusal(cluster, receiver).unwrap_or_else(|| "there is no pod yet".to_owned()),
            None => "its pod starts".to_owned(),
        };
        status.show(&format!("receiver {}: {why}", receiver.name));
        if began.elapsed() >= timeout {
            status.clear();
            return Err(CliError::new(Kind::Findings, format!("receiver {} does not start: {why}", receiver.title())));
        }
        if cluster.wait(LOOK, signals) {
            status.clear();
            return Ok(false);
        }
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

/// Why no pod is made: quotas and admission say it in events.
fn refusal(cluster: &Cluster, receiver: &Receiver) -> Option<String> {
    let events = cluster.events(&receiver.namespace, "FailedCreate").ok()?;
    let own = |event: &&Value| event["involvedObject"]["uid"] == text(&receiver.job, "uid");
    Some(events.iter().rfind(own)?["message"].as_str()?.to_owned())
}
