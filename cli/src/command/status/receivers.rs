//! Receivers in the cluster: what they say of themselves, whose they are, and which nobody needs any more.

use logtap_capture::time;
use logtap_inject::vocabulary::{annotation, label, port};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::resource::{annotation as annotation_of, label as label_of, text};
use crate::deployed::{self, Receiver};
use crate::error::CliError;
use crate::preflight::{authority, in_cluster, url};
use crate::size;

/// A receiver that is read from says so at least so often, in seconds.
const UNREAD: u64 = 3600;

/// One receiver.
#[derive(Debug, Serialize)]
pub(super) struct ReceiverLine {
    pub(super) url: String,
    namespace: String,
    name: String,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// Seconds since it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<u64>,
    /// How long it waits for somebody who reads; `0` for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
    /// Seconds since somebody read from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u64>,
    /// Nobody has read from it for an hour, although it was made for somebody who does.
    orphan: bool,
    /// Lines; absent where its figures cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_usage: Option<u64>,
}

impl ReceiverLine {
    pub(super) fn figures(&self) -> String {
        let mut text = match (self.received, self.dropped, self.disk_usage) {
            (Some(received), Some(dropped), Some(disk)) => {
                format!("{received} lines received, {dropped} dropped, {} on disk", size::show(disk))
            }
            _ => "its figures cannot be read".to_owned(),
        };
        if let (Some(owner), Some(age)) = (&self.owner, self.age) {
            text.push_str(&format!("; made by {owner} {} ago", minutes(age)));
        }
        match self.ttl.as_deref() {
            Some("0") => text.push_str(", stays until it is removed"),
            Some(ttl) => text.push_str(&format!(", goes when it was not read for {ttl}")),
            None => {}
        }
        if self.orphan {
            text.push_str(&format!(
                "; ORPHAN, not read for {}: logtap deploy --remove --force -n {} --name {}",
                minutes(self.unread.unwrap_or_default()),
                self.namespace,
                self.name
            ));
        }
        text
    }
}

fn minutes(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// All receivers that the person can see.
pub(super) fn receivers(cluster: &Cluster, installed: &str) -> Result<Vec<ReceiverLine>, CliError> {
    let services = in_cluster(cluster, installed)?;
    let mut all = Vec::new();
    for service in &services {
        let managed = label_of(service, label::INSTANCE);
        let receiver = match managed {
            Some(name) => deployed::find(cluster, text(service, "namespace"), name).unwrap_or_default(),
            None => None,
        };
        all.push(line(cluster, service, receiver.as_ref()));
    }
    Ok(all)
}

/// Receivers that were never finished: whoever made them was cut off before they had an address.
pub(super) fn unfinished(
    cluster: &Cluster,
    namespace: &str,
    finished: &[ReceiverLine],
) -> Result<Vec<String>, CliError> {
    let all = match deployed::all(cluster, namespace) {
        Err(error) if error.is_denied() => Vec::new(),
        other => other?,
    };
    let unknown =
        |one: &&Receiver| !finished.iter().any(|line| line.name == one.name && line.namespace == one.namespace);
    let line = |one: &Receiver| {
        format!(
            "receiver {} of {}, never finished: logtap deploy --remove --force -n {} --name {}",
            one.title(),
            one.owner(),
            one.namespace,
            one.name
        )
    };
    Ok(all.iter().filter(unknown).map(line).collect())
}

fn line(cluster: &Cluster, service: &Value, receiver: Option<&Receiver>) -> ReceiverLine {
    let (namespace, name) = (text(service, "namespace"), text(service, "name"));
    let at = service["spec"]["ports"][0]["port"].as_u64().unwrap_or(u64::from(port::RECEIVER));
    // Not to be allowed to look is as good as nothing to see.
    let metrics = cluster.metrics(namespace, name, at, authority(service).is_some()).unwrap_or_default();
    let state = receiver.and_then(|receiver| deployed::state(cluster, receiver).ok());
    let unread = state.as_ref().map(|state| state.unused);
    let made = time::parse(text(service, "creationTimestamp").as_bytes());
    let age = made.and_then(|made| u64::try_from((time::now() - made) / time::SECOND).ok());
    ReceiverLine {
        url: url(service),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        owner: annotation_of(service, annotation::OWNER).map(str::to_owned),
        age: receiver.and(age),
        ttl: annotation_of(service, annotation::TTL).map(str::to_owned),
        unread,
        orphan: receiver.is_some_and(|receiver| !receiver.stays()) && unread.is_some_and(|unread| unread >= UNREAD),
        received: state.as_ref().map(|state| state.counters.received).or(sum(&metrics, "logtap_logs_received_total")),
        dropped: state
            .as_ref()
            .map(|state| state.dropped.values().sum())
            .or(sum(&metrics, "logtap_logs_dropped_total")),
        disk_usage: sum(&metrics, "logtap_disk_usage_bytes"),
    }
}

/// Sum of all series of a metric, in Prometheus' text format.
fn sum(metrics: &str, name: &str) -> Option<u64> {
    let values: Vec<f64> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect();
    if values.is_empty() { None } else { Some(values.iter().sum::<f64>() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_and_other_names_are_not() {
        let text = "# HELP a x\na{x=\"1\"} 2\na{x=\"2 3\"} 3\nab 9\nc 1e3\n";
        assert_eq!((sum(text, "a"), sum(text, "c"), sum(text, "d")), (Some(5), Some(1000), None));
    }

    #[test]
    fn times_for_people() {
        assert_eq!([minutes(5), minutes(119), minutes(7260)], ["5s", "1m", "2h01m"]);
    }
}
