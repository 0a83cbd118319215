//! The Secret that the replicas share, and the bundle in the webhook configuration.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use logtap_certs::{Data, Keyring};
use logtap_inject::vocabulary::{label, object};
use serde_json::{Value, json};

use super::{ClusterError, call};
use crate::authority::{Shared, Versioned};

/// Whose the bundles are, apart from those who apply the rest of the configuration.
const FIELD_MANAGER: &str = "logtap-ca";
const OURS: [&str; 3] = [object::PODS_BY_NAMESPACE, object::PODS_BY_ANNOTATION, object::MIRROR];

/// The authority's questions, asked of the API server.
pub(crate) struct KubeShared {
    secrets: Api<Secret>,
    configurations: Api<MutatingWebhookConfiguration>,
}

impl KubeShared {
    pub(crate) fn new(client: &Client, namespace: &str) -> Self {
        Self { secrets: Api::namespaced(client.clone(), namespace), configurations: Api::all(client.clone()) }
    }
}

impl Shared for KubeShared {
    async fn stored(&self) -> Result<Option<Versioned<Data>>, ClusterError> {
        let secret = call(self.secrets.get_opt(object::CA_SECRET)).await?;
        Ok(secret.map(|secret| Versioned {
            version: secret.metadata.resource_version.unwrap_or_default(),
            content: secret.data.unwrap_or_default().into_iter().map(|(name, bytes)| (name, bytes.0)).collect(),
        }))
    }

    async fn store(&self, ring: &Keyring, over: Option<&str>) -> Result<(), ClusterError> {
        let data = ring.to_data();
        match over {
            None => call(self.secrets.create(&PostParams::default(), &secret(data))).await.map(drop),
            Some(version) => {
                let named: serde_json::Map<String, Value> = Keyring::NAMES
                    .iter()
                    .map(|name| ((*name).to_owned(), json!(data.get(*name).cloned().map(ByteString))))
                    .collect();
                let patch = json!({ "metadata": { "resourceVersion": version }, "data": named });
                let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
                call(self.secrets.patch(object::CA_SECRET, &params, &Patch::Merge(patch))).await.map(drop)
            }
        }
    }

    async fn published(&self) -> Result<Option<Versioned<Vec<String>>>, ClusterError> {
        let found = call(self.configurations.get_opt(object::CONFIGURATION)).await?;
        Ok(found.and_then(|found| {
            let texts: Vec<String> = found.webhooks.iter().flatten().filter(is_ours).map(bundle).collect();
            let version = found.metadata.resource_version.unwrap_or_default();
            (!texts.is_empty()).then_some(Versioned { version, content: texts })
        }))
    }

    async fn publish(&self, text: &str, over: &str) -> Result<(), ClusterError> {
        let found = call(self.configurations.get(object::CONFIGURATION)).await?;
        if found.metadata.resource_version.as_deref() != Some(over) {
            return Err(ClusterError::Conflict);
        }
        let bytes = ByteString(text.as_bytes().to_vec());
        let entries: Vec<Value> = found
            .webhooks
            .iter()
            .flatten()
            .filter(is_ours)
            .map(|entry| json!({ "name": entry.name, "clientConfig": { "caBundle": bytes } }))
            .collect();
        // A strategic merge finds entries by name, whatever their order is by now.
        let patch = json!({ "metadata": { "resourceVersion": over }, "webhooks": entries });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        call(self.configurations.patch(object::CONFIGURATION, &params, &Patch::Strategic(patch))).await.map(drop)
    }
}

fn is_ours(entry: &&MutatingWebhook) -> bool {
    OURS.contains(&entry.name.as_str())
}

fn bundle(entry: &MutatingWebhook) -> String {
    let bytes = entry.client_config.ca_bundle.as_ref().map(|bytes| bytes.0.as_slice()).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn secret(data: Data) -> Secret {
    let labels = [(label::PART_OF, label::PART_OF_LOGTAP), (label::MANAGED_BY, label::MANAGED_BY_WEBHOOK)];
    let mut secret = Secret {
        data: Some(data.into_iter().map(|(name, bytes)| (name, ByteString(bytes))).collect()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    secret.metadata.name = Some(object::CA_SECRET.to_owned());
    secret.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    secret
}
