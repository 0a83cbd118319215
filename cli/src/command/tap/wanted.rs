//! The annotations that a tap is to write: what the person asked for, and what the surroundings need.

use logtap_inject::Switch;
use logtap_inject::tap::Annotations;
use logtap_inject::vocabulary::annotation;
use serde_json::Value;

use super::flags::{Source, TapArgs};
use crate::cluster::resource::{self, LIMIT_RANGE, NAMESPACE, QUOTA};
use crate::cluster::{Cluster, ClusterError};
use crate::error::{CliError, Kind};
use crate::preflight::{Fitting, Installation, authority, bypass, fit, in_cluster, target, url};

/// What a tap depends on beside the workload itself.
pub(super) struct Surroundings {
    /// What is installed.
    pub(super) installed: Installation,
    /// The namespace, as far as it can be read.
    pub(super) namespace: Value,
    /// What its quotas and limit ranges force.
    pub(super) fitting: Fitting,
    /// The receiver in the cluster that is meant, by name or because there is no other: its URL and the
    /// certificates that sign its own.
    pub(super) found: Option<(String, Option<String>)>,
    /// The session of this tap, for workloads that have none.
    pub(super) session: String,
}

impl Surroundings {
    /// Looks at everything once.
    pub(super) fn look(cluster: &Cluster, args: &TapArgs, installed: Installation) -> Result<Self, CliError> {
        let name = cluster.namespace();
        let readable = |result: Result<Vec<Value>, ClusterError>| match result {
            Err(error) if error.is_denied() => Ok(Vec::new()),
            other => other,
        };
        let namespace = match cluster.get(NAMESPACE, "", name) {
            Ok(Some(namespace)) => namespace,
            Ok(None) => return Err(CliError::new(Kind::NotFound, format!("there is no namespace {name}"))),
            Err(error) if error.is_denied() => Value::default(),
            Err(error) => return Err(error.into()),
        };
        let quotas = readable(cluster.list(QUOTA, name, ""))?;
        let ranges = readable(cluster.list(LIMIT_RANGE, name, ""))?;
        let target_known = resource::annotation(&namespace, annotation::TARGET).is_some();
        let found = match &args.target {
            Some(typed) => named(cluster, &installed, &target(typed)?)?,
            None if target_known => None,
            None => discover(cluster, &installed)?,
        };
        Ok(Self {
            fitting: fit(&quotas, &ranges),
            session: format!("lt-{:08x}", fastrand::u32(..)),
            installed,
            namespace,
            found,
        })
    }

    /// The label by which the namespace looks like production, where nobody allowed taps.
    pub(super) fn refuse_production(&self, args: &TapArgs) -> Result<(), CliError> {
        let settings = crate::preflight::settings_of(&self.namespace);
        let allowed = settings.annotation(annotation::ALLOW_PROD).and_then(Switch::parse) == Some(Switch::On);
        match settings.prod() {
            Some(by) if !args.allow_prod && !allowed => {
                Err(CliError::usage(format!("the namespace looks like production ({by})"))
                    .hint("--allow-prod taps it all the same; the webhook asks for it, too"))
            }
            _ => Ok(()),
        }
    }

    /// Where lines go: as the person typed it, or to the receiver that was found, with the certificates
    /// by which forwarders know it.
    pub(super) fn target(&self, args: &TapArgs) -> Result<Annotations, CliError> {
        let typed = args.target.as_deref().map(target).transpose()?;
        let found = self.found.as_ref().filter(|(url, _)| typed.as_ref().is_none_or(|typed| typed == url));
        let url = typed.or(found.map(|(url, _)| url.clone()));
        let authority = found.and_then(|(_, authority)| authority.clone());
        let both = [(annotation::TARGET, url), (annotation::TARGET_CA, authority)];
        Ok(both.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
    }

    /// What to write into the pod template of a workload. Without a session where it has one.
    pub(super) fn wanted(&self, args: &TapArgs, template: &Value, earlier: bool) -> Result<Annotations, CliError> {
        let mut wanted = self.fitting.annotations.clone();
        let to = if earlier && args.target.is_none() { Annotations::new() } else { self.target(args)? };
        let target = to.get(annotation::TARGET).cloned();
        let given = resource::annotation(template, annotation::TARGET);
        let inherited = resource::annotation(&self.namespace, annotation::TARGET);
        let reached = target.as_deref().or(given).or(inherited).or(self.installed.variable("LOGTAP_DEFAULT_TARGET"));
        wanted.extend(bypass(template, &self.namespace, reached).annotations);
        wanted.extend(to);
        wanted.extend(asked(args)?);
        if !earlier && args.session.is_none() {
            wanted.insert(annotation::SESSION.to_owned(), self.session.clone());
        }
        Ok(wanted)
    }
}

fn address(service: &Value) -> (String, Option<String>) {
    (url(service), authority(service).map(str::to_owned))
}

/// The receiver of the cluster that has this URL, for its certificates.
fn named(
    cluster: &Cluster,
    installed: &Installation,
    target: &str,
) -> Result<Option<(String, Option<String>)>, CliError> {
    if !target.contains(".svc") {
        return Ok(None);
    }
    let found = in_cluster(cluster, &installed.namespace)?;
    Ok(found.iter().map(address).find(|(url, _)| url == target))
}

/// The one receiver of the namespace, or else of the cluster.
fn discover(cluster: &Cluster, installed: &Installation) -> Result<Option<(String, Option<String>)>, CliError> {
    let found = in_cluster(cluster, &installed.namespace)?;
    let near: Vec<Value> =
        found.iter().filter(|one| resource::text(one, "namespace") == cluster.namespace()).cloned().collect();
    match if near.is_empty() { found.as_slice() } else { near.as_slice() } {
        [] => Ok(None),
        [one] => Ok(Some(address(one))),
        many => {
            let names: Vec<String> = many.iter().map(url).collect();
            Err(CliError::usage(format!("there are {} receivers: {}", many.len(), names.join(", ")))
                .hint("name one with --target"))
        }
    }
}

/// What the person asked for, as annotations; the switch is always among them.
pub(super) fn asked(args: &TapArgs) -> Result<Annotations, CliError> {
    let ca = match &args.target_ca {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| CliError::at(path, &error))?),
        None => None,
    };
    let source = args.source.map(|source| match source {
        Source::Api => "api".to_owned(),
        Source::Node => "node".to_owned(),
    });
    let texts = [
        (annotation::TAP, Some("true".to_owned())),
        (annotation::ALLOW_PROD, args.allow_prod.then(|| "true".to_owned())),
        (annotation::TARGET_CA, ca),
        (annotation::SESSION, args.session.clone()),
        (annotation::CONTAINERS, args.containers.clone()),
        (annotation::EXCLUDE_CONTAINERS, args.exclude_containers.clone()),
        (annotation::SOURCE, source),
        (annotation::SPOOL, args.spool.clone()),
        (annotation::CPU_REQUEST, args.sidecar_cpu.clone()),
        (annotation::CPU_LIMIT, args.sidecar_cpu_limit.clone()),
        (annotation::MEMORY_REQUEST, args.sidecar_memory.clone()),
        (annotation::MEMORY_LIMIT, args.sidecar_memory_limit.clone()),
        (annotation::IMAGE, args.image.clone()),
    ];
    Ok(texts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
}
