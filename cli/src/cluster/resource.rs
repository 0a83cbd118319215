//! The kinds of objects that commands touch, and where the API has them.

use serde_json::Value;

use super::call::escaped;
use super::error::ClusterError;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    /// As in the field `kind`.
    pub(crate) kind: &'static str,
    /// Empty for the core group.
    pub(crate) group: &'static str,
    version: &'static str,
    /// As in paths and in rules of roles.
    pub(crate) plural: &'static str,
    namespaced: bool,
}

macro_rules! resources {
    ($($name:ident = $group:literal / $version:literal $kind:literal $plural:literal $namespaced:literal;)*) => {
        $(
            #[doc = concat!("`", $plural, "`")]
            pub(crate) const $name: Resource = Resource {
                kind: $kind, group: $group, version: $version, plural: $plural, namespaced: $namespaced,
            };
        )*
        const ALL: &[Resource] = &[$($name),*];
    };
}

resources! {
    NAMESPACE = ""/"v1" "Namespace" "namespaces" false;
    POD = ""/"v1" "Pod" "pods" true;
    EVENT = ""/"v1" "Event" "events" true;
    SERVICE = ""/"v1" "Service" "services" true;
    SECRET = ""/"v1" "Secret" "secrets" true;
    CONFIG_MAP = ""/"v1" "ConfigMap" "configmaps" true;
    VOLUME_CLAIM = ""/"v1" "PersistentVolumeClaim" "persistentvolumeclaims" true;
    SERVICE_ACCOUNT = ""/"v1" "ServiceAccount" "serviceaccounts" true;
    TOKEN_REVIEW = "authentication.k8s.io"/"v1" "TokenReview" "tokenreviews" false;
    QUOTA = ""/"v1" "ResourceQuota" "resourcequotas" true;
    LIMIT_RANGE = ""/"v1" "LimitRange" "limitranges" true;
    DEPLOYMENT = "apps"/"v1" "Deployment" "deployments" true;
    STATEFUL_SET = "apps"/"v1" "StatefulSet" "statefulsets" true;
    DAEMON_SET = "apps"/"v1" "DaemonSet" "daemonsets" true;
    REPLICA_SET = "apps"/"v1" "ReplicaSet" "replicasets" true;
    CRON_JOB = "batch"/"v1" "CronJob" "cronjobs" true;
    JOB = "batch"/"v1" "Job" "jobs" true;
    ROLLOUT = "argoproj.io"/"v1alpha1" "Rollout" "rollouts" true;
    ENDPOINT_SLICE = "discovery.k8s.io"/"v1" "EndpointSlice" "endpointslices" true;
    DISRUPTION_BUDGET = "policy"/"v1" "PodDisruptionBudget" "poddisruptionbudgets" true;
    NETWORK_POLICY = "networking.k8s.io"/"v1" "NetworkPolicy" "networkpolicies" true;
    ROLE = "rbac.authorization.k8s.io"/"v1" "Role" "roles" true;
    ROLE_BINDING = "rbac.authorization.k8s.io"/"v1" "RoleBinding" "rolebindings" true;
    CLUSTER_ROLE = "rbac.authorization.k8s.io"/"v1" "ClusterRole" "clusterroles" false;
    CLUSTER_ROLE_BINDING = "rbac.authorization.k8s.io"/"v1" "ClusterRoleBinding" "clusterrolebindings" false;
    WEBHOOK_CONFIGURATION =
        "admissionregistration.k8s.io"/"v1" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations" false;
    POLICY = "admissionregistration.k8s.io"/"v1" "MutatingAdmissionPolicy" "mutatingadmissionpolicies" false;
    POLICY_BINDING =
        "admissionregistration.k8s.io"/"v1" "MutatingAdmissionPolicyBinding" "mutatingadmissionpolicybindings" false;
    ACCESS_REVIEW = "authorization.k8s.io"/"v1" "SelfSubjectAccessReview" "selfsubjectaccessreviews" false;
}

impl Resource {
    /// The value of `apiVersion`.
    pub(crate) fn api_version(self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Path of one object, or of all of a namespace; without a namespace, of all of the cluster.
    pub(super) fn path(self, namespace: &str, name: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        let within = match namespace {
            namespace if self.namespaced && !namespace.is_empty() => {
                format!("/namespaces/{}", escaped(namespace.as_bytes()))
            }
            _ => String::new(),
        };
        let name = name.map(|name| format!("/{}", escaped(name.as_bytes()))).unwrap_or_default();
        format!("{root}/{}{within}/{}{name}", self.version, self.plural)
    }

    /// The kind of an object.
    pub(crate) fn of(object: &Value) -> Option<Self> {
        let is = |one: &&Resource| object["kind"] == one.kind && object["apiVersion"] == one.api_version();
        ALL.iter().find(is).copied()
    }

    /// `deployment/api`, as kubectl writes it.
    pub(crate) fn title(self, name: &str) -> String {
        format!("{}/{name}", self.kind.to_lowercase())
    }
}

/// Kind, namespace and name of an object.
pub(super) fn address(object: &Value) -> Result<(Resource, &str, &str), ClusterError> {
    let unknown = || ClusterError::UnknownKind(format!("{} {}", object["apiVersion"], object["kind"]));
    let what = Resource::of(object).ok_or_else(unknown)?;
    Ok((what, text(object, "namespace"), text(object, "name")))
}

/// A text of an object's metadata; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// An annotation of an object.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

/// A label of an object.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"][key].as_str()
}

/// The texts of labels or annotations.
pub(crate) fn pairs<'a>(object: &'a Value, part: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = object["metadata"][part].as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(POD.path("shop", Some("a")), "/api/v1/namespaces/shop/pods/a");
        assert_eq!(DEPLOYMENT.path("", None), "/apis/apps/v1/deployments");
        assert_eq!(POD.path("shop", Some("a/../b?c")), "/api/v1/namespaces/shop/pods/a%2F..%2Fb%3Fc");
        assert_eq!(NAMESPACE.path("shop", Some("shop")), "/api/v1/namespaces/shop");
        let rollout = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout" });
        assert_eq!(Resource::of(&rollout), Some(ROLLOUT));
        assert_eq!(Resource::of(&json!({ "apiVersion": "v1", "kind": "Rollout" })), None);
    }
}
