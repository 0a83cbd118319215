//! RoleBindings of forwarders, and the pods that need them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding, RoleRef, Subject};
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use logtap_inject::vocabulary::{annotation, label, object};

use super::{ClusterError, call};
use crate::granter::{Binding, Bindings};

/// Objects in one answer.
const PAGE: u32 = 500;

/// The granter's questions, asked of the API server.
pub(crate) struct KubeBindings(pub(crate) Client);

impl KubeBindings {
    fn of(&self, namespace: &str) -> Api<RoleBinding> {
        Api::namespaced(self.0.clone(), namespace)
    }

    fn is_ours(binding: &impl ResourceExt) -> bool {
        binding.name_any() == object::FORWARDER_ROLE
            && binding.labels().get(label::MANAGED_BY).is_some_and(|by| by == label::MANAGED_BY_WEBHOOK)
    }
}

impl Bindings for KubeBindings {
    async fn list(&self) -> Result<Vec<Binding>, ClusterError> {
        let api: Api<RoleBinding> = Api::all(self.0.clone());
        let ours = format!("{}={}", label::MANAGED_BY, label::MANAGED_BY_WEBHOOK);
        let mut params = ListParams::default().labels(&ours).limit(PAGE);
        let mut all = Vec::new();
        loop {
            let page = call(api.list_metadata(&params)).await?;
            all.extend(page.items.iter().filter(|one| Self::is_ours(*one)).map(|one| Binding {
                namespace: one.namespace().unwrap_or_default(),
                uid: one.uid().unwrap_or_default(),
                version: one.resource_version().unwrap_or_default(),
            }));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(all),
            }
        }
    }

    async fn create(&self, namespace: &str) -> Result<(), ClusterError> {
        match call(self.of(namespace).create(&PostParams::default(), &binding(namespace))).await {
            Err(ClusterError::Conflict) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn delete(&self, binding: &Binding) -> Result<(), ClusterError> {
        let exactly = Preconditions { uid: Some(binding.uid.clone()), resource_version: Some(binding.version.clone()) };
        let params = DeleteParams::default().preconditions(exactly);
        match call(self.of(&binding.namespace).delete(object::FORWARDER_ROLE, &params)).await {
            Err(ClusterError::Conflict | ClusterError::Missing(_)) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn has_tapped_pods(&self, namespace: &str) -> Result<bool, ClusterError> {
        let api: Api<Pod> = Api::namespaced(self.0.clone(), namespace);
        let mut params = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed").limit(PAGE);
        loop {
            let page = call(api.list_metadata(&params)).await?;
            if page.items.iter().any(|pod| pod.annotations().contains_key(annotation::STATUS)) {
                return Ok(true);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(false),
            }
        }
    }
}

/// Every ServiceAccount of the namespace may read logs there: any of its pods may be tapped.
fn binding(namespace: &str) -> RoleBinding {
    let labels = [(label::PART_OF, label::PART_OF_LOGTAP), (label::MANAGED_BY, label::MANAGED_BY_WEBHOOK)];
    let group = RoleBinding::group(&()).into_owned();
    RoleBinding {
        metadata: ObjectMeta {
            name: Some(object::FORWARDER_ROLE.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(
                labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
            ),
            ..ObjectMeta::default()
        },
        role_ref: RoleRef {
            api_group: group.clone(),
            kind: ClusterRole::kind(&()).into_owned(),
            name: object::FORWARDER_ROLE.to_owned(),
        },
        subjects: Some(vec![Subject {
            api_group: Some(group),
            kind: "Group".to_owned(),
            name: format!("system:serviceaccounts:{namespace}"),
            namespace: None,
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_found_as_ours() {
        let ours = binding("shop");
        assert!(KubeBindings::is_ours(&ours));
        assert_eq!(ours.subjects.as_ref().unwrap()[0].name, "system:serviceaccounts:shop");
        assert_eq!((ours.role_ref.kind.as_str(), ours.role_ref.name.as_str()), ("ClusterRole", "logtap-forwarder"));
        let mut foreign = binding("shop");
        foreign.metadata.labels = None;
        assert!(!KubeBindings::is_ours(&foreign), "one that somebody else made is never deleted");
    }
}
