//! All that is settled about the forwarder of one pod, before it is written as JSON.

use crate::app;
use crate::config::{Config, Mode, PodSecurity};
use crate::namespace::NamespaceSettings;
use crate::placement;
use crate::pod::{Pod, name};
use crate::resources::{self, Resources};
use crate::settings::{self, Found, Place, Settings};
use crate::skip::Skip;
use crate::target::Target;
use crate::vocabulary::annotation;
use crate::warnings::Warnings;

/// What will be added to a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How the forwarder runs.
    pub mode: Mode,
    /// Where it reads.
    pub source: Source,
    /// Its image.
    pub image: String,
    /// Where it pushes to.
    pub target: Target,
    /// PEM certificates that sign the target's, in place of the public ones.
    pub target_ca: Option<String>,
    /// Name of the session.
    pub session: Option<String>,
    /// Value of the label `app`.
    pub app: Option<String>,
    /// The only containers to read; all where empty.
    pub containers: Vec<String>,
    /// Containers not to read.
    pub exclude_containers: Vec<String>,
    /// Size of the spool, in bytes.
    pub spool: u64,
    /// Requests and limits.
    pub resources: Resources,
    /// The user it runs as.
    pub user: User,
    /// Secrets to pull the image with.
    pub pull_secrets: Vec<String>,
    /// Folder of the node with all pods' logs.
    pub node_log_dir: String,
    /// Who asked for it.
    pub opted_in: OptIn,
}

/// Where lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// From the API server, with the right to read logs of the namespace.
    Api,
    /// From the kubelet's files, as root and through a hostPath.
    Node,
}

/// Which user the sidecar's process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum User {
    /// Whoever the image or the pod says; not root. Fits clusters that give out user ids.
    Inherited,
    /// The image's own, said openly because the pod says root.
    Own,
    /// Root, which reads the kubelet's files.
    Root,
}

/// Who opted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptIn {
    /// The pod itself.
    Pod,
    /// Its namespace.
    Namespace,
}

impl Source {
    /// Stable name: the annotation's value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Node => "node",
        }
    }
}

/// Settles everything, or says why there is nothing to add.
pub(crate) fn plan(
    pod: Pod<'_>,
    namespace: &NamespaceSettings,
    opted_in: OptIn,
    config: &Config,
    warnings: &mut Warnings,
) -> Result<Plan, Skip> {
    let settings = Settings { pod, namespace };
    let (containers, exclude_containers) = selection(settings, warnings)?;
    let (target, target_ca) = target(settings, config, warnings)?;
    let source = source(settings, config, warnings);
    let spool = resources::spool(settings, config, warnings);
    Ok(Plan {
        mode: config.mode,
        source,
        image: image(settings, config, warnings),
        target,
        target_ca,
        session: settings.find(annotation::SESSION, warnings, settings::session).map(|found| found.value),
        app: app::name(pod),
        containers,
        exclude_containers,
        spool,
        resources: resources::plan(pod, settings, spool, config, warnings),
        user: user(pod, source),
        pull_secrets: config.pull_secrets.clone(),
        node_log_dir: config.node_log_dir.clone(),
        opted_in,
    })
}

type Names = Vec<String>;

/// Names to read and names not to read, as long as they leave a container that is there.
fn selection(settings: Settings<'_>, warnings: &mut Warnings) -> Result<(Names, Names), Skip> {
    let there: Vec<&str> = settings.pod.all_containers().filter_map(name).collect();
    let lists = [annotation::CONTAINERS, annotation::EXCLUDE_CONTAINERS].map(|key| (key, settings.list(key)));
    for (key, list) in &lists {
        // A namespace's list is for many pods: most of its names are not in each.
        if let Ok(Some(Found { value, place: Place::Pod })) = list {
            let missing: Vec<&str> = value.iter().map(String::as_str).filter(|name| !there.contains(name)).collect();
            if !missing.is_empty() {
                warnings.push(format!("{key}: the pod has no container named {}", missing.join(", ")));
            }
        }
    }
    let [(_, only), (_, exclude)] = lists;
    let names = |found: Option<Found<Names>>| found.map_or_else(Vec::new, |found| found.value);
    let (only, exclude) = (names(only?), names(exclude?));
    let is = |list: &[String], name: &str| list.iter().any(|one| one == name);
    let filtered = !only.is_empty() || !exclude.is_empty();
    let left = there.iter().any(|name| (only.is_empty() || is(&only, name)) && !is(&exclude, name));
    if filtered && !left { Err(Skip::NothingSelected) } else { Ok((only, exclude)) }
}

fn target(settings: Settings<'_>, config: &Config, warnings: &mut Warnings) -> Result<(Target, Option<String>), Skip> {
    let read = |text: &str| Target::parse(text).map_err(|error| error.to_string());
    let found = settings.find(annotation::TARGET, warnings, read).map(|found| found.value);
    let ca = settings.find(annotation::TARGET_CA, warnings, settings::certificates).map(|found| found.value);
    let no_dns = !placement::uses_cluster_dns(settings.pod);
    let (target, ca) = match (found, &config.target) {
        (Some(target), _) => (target, ca),
        (None, Some(default)) => {
            let url = default.by_address.as_ref().filter(|_| no_dns).unwrap_or(&default.url);
            // Certificates of the installation vouch for its own receiver only.
            (url.clone(), ca.or_else(|| default.ca.clone()))
        }
        (None, None) => return Err(Skip::NoTarget),
    };
    if no_dns && target.needs_dns() {
        warnings.push(format!(
            "the pod does not use the cluster's DNS, so a cluster-internal name in {target} will not resolve; \
             set {} to an address",
            annotation::TARGET
        ));
    }
    Ok((target, ca))
}

fn source(settings: Settings<'_>, config: &Config, warnings: &mut Warnings) -> Source {
    let read = |text: &str| match text.trim() {
        text if text.eq_ignore_ascii_case("api") => Ok(Source::Api),
        text if text.eq_ignore_ascii_case("node") => Ok(Source::Node),
        _ => Err("write api or node".to_owned()),
    };
    let wanted = settings.find(annotation::SOURCE, warnings, read).map_or(Source::Api, |found| found.value);
    let level = settings.namespace.pod_security().unwrap_or(config.pod_security);
    if wanted == Source::Node && level != PodSecurity::Privileged {
        warnings.push(format!(
            "{}: \"node\" is ignored: the namespace's Pod Security forbids hostPath; api is used",
            annotation::SOURCE
        ));
        return Source::Api;
    }
    wanted
}

fn image(settings: Settings<'_>, config: &Config, warnings: &mut Warnings) -> String {
    let read = |text: &str| {
        if config.allow_image_annotation {
            settings::image(text)
        } else {
            Err("this installation does not allow other images".to_owned())
        }
    };
    settings.find(annotation::IMAGE, warnings, read).map_or_else(|| config.image.clone(), |found| found.value)
}

/// A pod that makes root of every container would make our image's demand for another user fail.
fn user(pod: Pod<'_>, source: Source) -> User {
    let pod_user = pod.spec("securityContext").and_then(|context| context.get("runAsUser"));
    match source {
        Source::Node => User::Root,
        Source::Api if pod_user.and_then(serde_json::Value::as_i64) == Some(0) => User::Own,
        Source::Api => User::Inherited,
    }
}
