//! What the person may do, as the cluster's authorizer says.

use serde_json::json;

use super::{Cluster, ClusterError, Resource, resource};

/// Something that may or may not be allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Right {
    /// Such as `get`.
    pub(crate) verb: &'static str,
    /// On what.
    pub(crate) what: Resource,
    /// A part of it, such as `log`; empty for the thing itself.
    pub(crate) part: &'static str,
}

impl Right {
    /// A right on a thing itself.
    pub(crate) const fn new(verb: &'static str, what: Resource) -> Self {
        Self { verb, what, part: "" }
    }

    /// As in rules of roles: `pods` or `pods/log`.
    pub(crate) fn resource(&self) -> String {
        if self.part.is_empty() { self.what.plural.to_owned() } else { format!("{}/{}", self.what.plural, self.part) }
    }
}

impl Cluster {
    /// Whether the person has a right in a namespace.
    ///
    /// # Errors
    /// If the cluster does not say.
    pub(crate) fn may(&self, right: &Right, namespace: &str) -> Result<bool, ClusterError> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": right.verb, "group": right.what.group, "resource": right.what.plural,
                "subresource": right.part, "namespace": namespace,
            } },
        });
        let answer = self.create(resource::ACCESS_REVIEW, "", &review, false)?;
        Ok(answer.object["status"]["allowed"] == true)
    }
}
