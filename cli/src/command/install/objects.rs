//! The objects of an installation: the manifests' own, with the options worked in. Pure.
//!
//! The manifests are the Kustomize base; a test compares what comes out here with what `kustomize`
//! and `helm` make of theirs.

use logtap_inject::vocabulary::{SYSTEM_NAMESPACES, object};
use logtap_inject::{Config, DefaultTarget, Target, webhooks};
use serde_json::{Value, json};

use super::ModeArg;
use crate::cluster::Resource;
use crate::cluster::resource::{
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, DEPLOYMENT, NAMESPACE, POLICY, POLICY_BINDING, WEBHOOK_CONFIGURATION, text,
};
use crate::error::{CliError, Kind};

/// The files of the base, in the order in which they are applied: the configuration comes last.
const BASE: [&str; 8] = [
    include_str!("../../../../manifests/base/namespace.yaml"),
    include_str!("../../../../manifests/base/identity.yaml"),
    include_str!("../../../../manifests/base/forwarder-role.yaml"),
    include_str!("../../../../manifests/base/service.yaml"),
    include_str!("../../../../manifests/base/disruption.yaml"),
    include_str!("../../../../manifests/base/network.yaml"),
    include_str!("../../../../manifests/base/deployment.yaml"),
    include_str!("../../../../manifests/base/webhook.yaml"),
];
/// Annotation of a namespace that an installation made.
pub(crate) const CREATED: &str = "logtap.io/created";

/// What to install.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Namespace of all that has one.
    pub(crate) namespace: String,
    /// What adds forwarders.
    pub(crate) mode: ModeArg,
    /// The default target.
    pub(crate) target: Option<String>,
    /// The webhook's image, where it is not the usual one.
    pub(crate) image: Option<String>,
    /// The forwarder's image, where it is not the usual one.
    pub(crate) forwarder_image: Option<String>,
    /// Secrets to pull with.
    pub(crate) pull_secrets: Vec<String>,
    /// Pods of the webhook.
    pub(crate) replicas: u32,
    /// Whether the webhook lets forwarders read logs.
    pub(crate) grant: bool,
    /// Further namespaces that are never touched.
    pub(crate) exclude_namespaces: Vec<String>,
    /// Labels of production, `KEY=VALUE`.
    pub(crate) prod_labels: Vec<String>,
}

impl Wanted {
    /// All objects, in the order in which they are applied.
    ///
    /// # Errors
    /// Only where this program was built from broken manifests.
    pub(crate) fn objects(&self) -> Result<Vec<Value>, CliError> {
        let mut all = base()?;
        if self.mode == ModeArg::Policy {
            all.retain(|one| text(one, "name") == object::FORWARDER_ROLE);
            all.extend(logtap_inject::policy(&self.config()?));
            return Ok(all);
        }
        all.retain(|one| self.grant || text(one, "name") != object::GRANTER);
        for object in &mut all {
            match Resource::of(object) {
                Some(NAMESPACE) => object["metadata"]["name"] = self.namespace.as_str().into(),
                Some(DEPLOYMENT) => self.deployment(object),
                Some(WEBHOOK_CONFIGURATION) => self.configuration(object)?,
                _ => {}
            }
            let within = object.pointer_mut("/metadata/namespace");
            within.into_iter().for_each(|within| *within = self.namespace.as_str().into());
            let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
            for subject in subjects.into_iter().flatten() {
                subject["namespace"] = self.namespace.as_str().into();
            }
        }
        Ok(all)
    }

    fn deployment(&self, deployment: &mut Value) {
        deployment["spec"]["replicas"] = self.replicas.into();
        let spec = &mut deployment["spec"]["template"]["spec"];
        if !self.pull_secrets.is_empty() {
            let secret = |name: &String| json!({ "name": name });
            spec["imagePullSecrets"] = self.pull_secrets.iter().map(secret).collect::<Vec<_>>().into();
        }
        let container = &mut spec["containers"][0];
        if let Some(image) = &self.image {
            container["image"] = image.as_str().into();
        }
        let list = |all: &[String]| Some(all.join(",")).filter(|text| !text.is_empty());
        let variables = [
            ("LOGTAP_FORWARDER_IMAGE", self.forwarder_image.clone()),
            ("LOGTAP_PULL_SECRETS", list(&self.pull_secrets)),
            ("LOGTAP_DEFAULT_TARGET", self.target.clone()),
            ("LOGTAP_NO_GRANT", (!self.grant).then(|| "true".to_owned())),
            ("LOGTAP_EXCLUDE_NAMESPACES", list(&self.exclude_namespaces)),
            ("LOGTAP_PROD_LABELS", list(&self.prod_labels)),
        ];
        let set = variables.into_iter().filter_map(|(name, value)| Some(json!({ "name": name, "value": value? })));
        if let Some(env) = container["env"].as_array_mut() {
            env.extend(set);
        }
    }

    fn configuration(&self, configuration: &mut Value) -> Result<(), CliError> {
        let entries = webhooks(&self.config()?);
        for (entry, fresh) in configuration["webhooks"].as_array_mut().into_iter().flatten().zip(entries) {
            for (field, value) in fresh.as_object().into_iter().flatten() {
                entry[field] = value.clone();
            }
            entry["clientConfig"]["service"]["namespace"] = self.namespace.as_str().into();
        }
        Ok(())
    }

    /// What holds for every pod, as the webhook's flags will say it.
    fn config(&self) -> Result<Config, CliError> {
        let usual = Config::default();
        let system = SYSTEM_NAMESPACES.iter().map(|name| (*name).to_owned());
        let label = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let labels: Vec<(String, String)> = self.prod_labels.iter().filter_map(label).collect();
        let target = self.target.as_deref().map(Target::parse).transpose();
        let target = target.map_err(|error| CliError::usage(format!("--target: {error}")))?;
        Ok(Config {
            own_namespace: self.namespace.clone(),
            excluded_namespaces: system.chain(self.exclude_namespaces.iter().cloned()).collect(),
            image: self.forwarder_image.clone().unwrap_or(usual.image),
            pull_secrets: self.pull_secrets.clone(),
            target: target.map(|url| DefaultTarget { url, by_address: None, ca: None }),
            prod_labels: if labels.is_empty() { usual.prod_labels } else { labels },
            ..Config::default()
        })
    }
}

fn base() -> Result<Vec<Value>, CliError> {
    let mut all = Vec::new();
    for file in BASE {
        let objects: Vec<Value> = serde_saphyr::from_multiple(file)
            .map_err(|error| CliError::new(Kind::Internal, format!("a manifest of this program is broken: {error}")))?;
        all.extend(objects.into_iter().filter(Value::is_object));
    }
    Ok(all)
}

/// Addresses of everything that any installation in a namespace could have, `but` these, from last
/// applied to first.
pub(crate) fn all_names(namespace: &str, but: &[Value]) -> Vec<(Resource, String, String)> {
    let mut all = everything(namespace);
    all.retain(|(what, within, name)| {
        let same = |object: &Value| {
            Resource::of(object) == Some(*what) && text(object, "name") == name && text(object, "namespace") == within
        };
        *what != NAMESPACE && !but.iter().any(same)
    });
    all
}

/// Addresses of everything that an installation in a namespace could have, its namespace aside, from
/// last applied to first: what calls comes before what is called.
pub(crate) fn everything(namespace: &str) -> Vec<(Resource, String, String)> {
    let mut all: Vec<(Resource, String, String)> = Vec::new();
    for object in base().unwrap_or_default() {
        let Some(what) = Resource::of(&object).filter(|what| *what != NAMESPACE) else { continue };
        let within = if text(&object, "namespace").is_empty() { "" } else { namespace };
        all.push((what, within.to_owned(), text(&object, "name").to_owned()));
    }
    for object in logtap_inject::policy(&Config::default()) {
        if let Some(what) = Resource::of(&object) {
            all.push((what, String::new(), text(&object, "name").to_owned()));
        }
    }
    all.sort_by_key(|(what, ..)| match *what {
        POLICY_BINDING => 0,
        POLICY => 1,
        WEBHOOK_CONFIGURATION => 2,
        DEPLOYMENT => 3,
        CLUSTER_ROLE_BINDING | CLUSTER_ROLE => 5,
        _ => 4,
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Wanted {
        Wanted {
            namespace: object::NAMESPACE.to_owned(),
            mode: ModeArg::Webhook,
            target: None,
            image: None,
            forwarder_image: None,
            pull_secrets: Vec::new(),
            replicas: 2,
            grant: true,
            exclude_namespaces: Vec::new(),
            prod_labels: Vec::new(),
        }
    }

    #[test]
    fn the_defaults_are_the_base_itself() {
        assert_eq!(plain().objects().unwrap(), base().unwrap());
    }

    #[test]
    fn another_namespace_is_everywhere() {
        let objects = Wanted { namespace: "tools".to_owned(), ..plain() }.objects().unwrap();
        let text = serde_json::to_string(&objects).unwrap();
        assert!(!text.contains(r#""namespace":"logtap""#), "{text}");
        let configuration = objects.iter().find(|one| one["kind"] == "MutatingWebhookConfiguration").unwrap();
        assert!(configuration["webhooks"][0]["namespaceSelector"].to_string().contains("tools"));
    }

    #[test]
    fn an_installation_without_grants_leaves_both_objects_out() {
        let count = |wanted: &Wanted| wanted.objects().unwrap().len();
        assert_eq!(count(&Wanted { grant: false, ..plain() }) + 2, count(&plain()));
        let but = Wanted { grant: false, ..plain() }.objects().unwrap();
        let names: Vec<String> =
            all_names("logtap", &but).into_iter().map(|(what, _, name)| what.title(&name)).collect();
        assert!(names.contains(&"clusterrole/logtap-granter".to_owned()), "{names:?}");
        assert!(!names.contains(&"deployment/logtap-webhook".to_owned()), "{names:?}");
    }
}
