//! Which receivers there are, whose they are, and what is tapped to one.

use logtap_inject::vocabulary::{annotation, label};
use serde_json::Value;

use crate::cluster::resource::{JOB, NAMESPACE, POD, SERVICE, annotation as annotation_of, label as label_of, text};
use crate::cluster::{Cluster, ClusterError};
use crate::error::CliError;
use crate::preflight::{settings_of, url};
use crate::workload::{self, template};

/// A receiver that is there.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    /// Name of all its objects.
    pub(crate) name: String,
    /// Their namespace.
    pub(crate) namespace: String,
    /// What owns the others.
    pub(crate) job: Value,
}

impl Receiver {
    /// The receiver that a Job is.
    pub(crate) fn of(job: Value) -> Self {
        Self { name: text(&job, "name").to_owned(), namespace: text(&job, "namespace").to_owned(), job }
    }

    /// `name in namespace namespace`
    pub(crate) fn title(&self) -> String {
        format!("{} in namespace {}", self.name, self.namespace)
    }

    /// Who made it, for people.
    pub(crate) fn owner(&self) -> &str {
        annotation_of(&self.job, annotation::OWNER).unwrap_or("somebody")
    }

    /// Whether it was made for this capture.
    pub(crate) fn is_for(&self, capture: &str) -> bool {
        annotation_of(&self.job, annotation::CAPTURE) == Some(capture)
    }

    /// Whether it was made to be left running.
    pub(crate) fn stays(&self) -> bool {
        annotation_of(&self.job, annotation::CAPTURE).is_none()
    }

    /// Its pods, the oldest first.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub(crate) fn pods(&self, cluster: &Cluster) -> Result<Vec<Value>, ClusterError> {
        let labels = format!("{}={},{}={}", label::NAME, label::NAME_RECEIVER, label::INSTANCE, self.name);
        let mut pods = cluster.list(POD, &self.namespace, &labels)?;
        let owner = text(&self.job, "uid");
        pods.retain(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == owner);
        pods.sort_by(|a, b| text(a, "creationTimestamp").cmp(text(b, "creationTimestamp")));
        Ok(pods)
    }

    /// Where forwarders reach it; none while it has no Service.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn url(&self, cluster: &Cluster) -> Result<Option<String>, ClusterError> {
        Ok(cluster.get(SERVICE, &self.namespace, &self.name)?.as_ref().map(url))
    }

    /// Whether it is still the one that was found.
    ///
    /// # Errors
    /// If the cluster cannot be asked.
    pub(crate) fn is_there(&self, cluster: &Cluster) -> Result<bool, ClusterError> {
        let found = cluster.get(JOB, &self.namespace, &self.name)?;
        Ok(found.is_some_and(|found| text(&found, "uid") == text(&self.job, "uid")))
    }
}

/// The receiver of this name, if there is one. A Job of somebody else's of the same name is none.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn find(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<Receiver>, CliError> {
    let found = cluster
        .get(JOB, namespace, name)
        .map_err(|error| error.while_doing(&format!("looking for receiver {name} in namespace {namespace}")))?;
    Ok(found.filter(|job| label_of(job, label::NAME) == Some(label::NAME_RECEIVER)).map(Receiver::of))
}

/// All receivers that the person can see in a namespace (in all where it is empty).
///
/// # Errors
/// If they cannot be listed.
pub(crate) fn all(cluster: &Cluster, namespace: &str) -> Result<Vec<Receiver>, ClusterError> {
    let labels = format!("{}={}", label::NAME, label::NAME_RECEIVER);
    Ok(cluster.list(JOB, namespace, &labels)?.into_iter().map(Receiver::of).collect())
}

/// `user@host`, for people.
pub(crate) fn owner_title() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned());
    let host =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    format!("{user}@{}", host.unwrap_or_default().trim())
}

/// What is tapped to this URL, as far as the person can see.
///
/// # Errors
/// If the cluster cannot be asked.
pub(crate) fn taps_to(cluster: &Cluster, url: &str) -> Result<Vec<String>, CliError> {
    let mut all = Vec::new();
    let denied_is_none = |found: Result<Vec<Value>, ClusterError>| match found {
        Err(error) if error.is_denied() => Ok(Vec::new()),
        other => other,
    };
    for namespace in denied_is_none(cluster.list(NAMESPACE, "", ""))? {
        if settings_of(&namespace).annotation(annotation::TARGET) == Some(url) {
            all.push(format!("namespace/{}", text(&namespace, "name")));
        }
    }
    let workloads = match workload::everything(cluster, "", "") {
        Ok(found) => found.workloads,
        Err(_) => workload::everything(cluster, cluster.namespace(), "")?.workloads,
    };
    for one in workloads {
        if annotation_of(template(&one), annotation::TARGET) == Some(url) {
            all.push(format!("{} in namespace {}", workload::title(&one), text(&one, "namespace")));
        }
    }
    Ok(all)
}
