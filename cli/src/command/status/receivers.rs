//! Receivers in the cluster, and what they say of themselves, read through the API server.

use serde::Serialize;

use crate::cluster::Cluster;
use crate::cluster::resource::text;
use crate::error::CliError;
use crate::preflight::{in_cluster, url};
use crate::size;

/// One receiver.
#[derive(Debug, Serialize)]
pub(super) struct ReceiverLine {
    pub(super) url: String,
    namespace: String,
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
        match (self.received, self.dropped, self.disk_usage) {
            (Some(received), Some(dropped), Some(disk)) => {
                format!("{received} lines received, {dropped} dropped, {} on disk", size::show(disk))
            }
            _ => "its figures cannot be read".to_owned(),
        }
    }
}

/// All receivers that the person can see.
pub(super) fn receivers(cluster: &Cluster, installed: &str) -> Result<Vec<ReceiverLine>, CliError> {
    let line = |service: &serde_json::Value| {
        let port = service["spec"]["ports"][0]["port"].as_u64().unwrap_or(3100);
        // Not to be allowed to look is as good as nothing to see.
        let metrics = cluster.metrics(text(service, "namespace"), text(service, "name"), port).unwrap_or_default();
        ReceiverLine {
            url: url(service),
            namespace: text(service, "namespace").to_owned(),
            received: sum(&metrics, "logtap_logs_received_total"),
            dropped: sum(&metrics, "logtap_logs_dropped_total"),
            disk_usage: sum(&metrics, "logtap_disk_usage_bytes"),
        }
    };
    Ok(in_cluster(cluster, installed)?.iter().map(line).collect())
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
}
