//! Removes exactly the objects that make up one receiver.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::find::Receiver;
use crate::cluster::resource::{SECRET, SERVICE, SERVICE_ACCOUNT, text};
use crate::cluster::{Cluster, Resource};
use crate::error::CliError;

/// Longest wait for the pod's end; it is told to end, and nobody reads from it any more.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(300);

/// Removes them, and waits until its pods are gone. What another Job of the same name owns stays.
/// Gives the titles of what was removed.
///
/// # Errors
/// If something cannot be removed.
pub(crate) fn remove(cluster: &Cluster, receiver: &Receiver) -> Result<Vec<String>, CliError> {
    let uid = text(&receiver.job, "uid");
    let mut found = vec![receiver.job.clone()];
    for what in [SERVICE, SECRET, SERVICE_ACCOUNT] {
        let object = cluster.get(what, &receiver.namespace, &receiver.name)?;
        found.extend(object.filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == uid));
    }
    let mut titles = Vec::new();
    for object in &found {
        cluster.delete(object).map_err(|error| error.while_doing(&format!("removing {}", title(object))))?;
        titles.push(title(object));
    }
    let began = Instant::now();
    while !receiver.pods(cluster)?.is_empty() && began.elapsed() < PATIENCE {
        if cluster.pause(LOOK) {
            break;
        }
    }
    Ok(titles)
}

fn title(object: &Value) -> String {
    Resource::of(object).map_or_else(String::new, |what| what.title(text(object, "name")))
}
