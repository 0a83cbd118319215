//! Whether a pod gets a forwarder, and the order in which the reasons against it are asked.
//!
//! First what logtap never touches, then who opted in (namespace veto, pod, namespace), then what
//! stands in the way. Of several reasons the first one is told: it is the one to remove first.

use serde_json::Value;

use crate::config::{Config, Mode};
use crate::namespace::{NamespaceSettings, NamespaceSwitch};
use crate::patch::Repair;
use crate::placement;
use crate::plan::{self, OptIn, Plan};
use crate::pod::{Annotation, Pod, is_marked, name};
use crate::review::{Review, quote};
use crate::settings::{Place, Settings};
use crate::sidecar;
use crate::skip::Skip;
use crate::switch::Switch;
use crate::vocabulary::{annotation, label, sidecar as names};
use crate::warnings::Warnings;

/// What is done with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, for a reason.
    Skip(Skip),
    /// A forwarder is added.
    Inject(Box<Plan>),
    /// The forwarder that is there gets its restart policy back.
    Repair(Repair),
}

/// A decision, and what the pod's creator should hear beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// Values that were passed over, and why there is no forwarder where one was asked for.
    pub warnings: Warnings,
}

impl Decision {
    /// Stable name, for metric labels and audit annotations: `injected`, `repaired` or one of [`Skip::NAMES`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Skip(skip) => skip.name(),
            Self::Inject(_) => "injected",
            Self::Repair(_) => "repaired",
        }
    }

    /// The decision as one sentence.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::Skip(skip) => format!("No forwarder is added: {skip}."),
            Self::Repair(_) => "The forwarder's restartPolicy, which another webhook dropped, is put back.".to_owned(),
            Self::Inject(plan) => {
                let by = match plan.opted_in {
                    OptIn::Pod => "the pod",
                    OptIn::Namespace => "its namespace",
                };
                let kind = match plan.mode {
                    Mode::Native => "a native sidecar",
                    Mode::Container => "an ordinary container",
                };
                let (source, target) = (plan.source.name(), &plan.target);
                format!("A forwarder is added as {kind}, source {source}, target {target}: {by} opted in.")
            }
        }
    }
}

/// Decides about a review. `namespace` is what is known of [`Review::needs_namespace`].
#[must_use]
pub fn decide(review: &Review, namespace: Option<&NamespaceSettings>, config: &Config) -> Verdict {
    let skip = |skip| Verdict { decision: Decision::Skip(skip), warnings: Warnings::default() };
    if review.core_kind() != Some("Pod") {
        return skip(Skip::NotPod);
    }
    if let Some(part) = review.subresource() {
        return skip(Skip::Subresource(quote(part)));
    }
    if review.operation() != "CREATE" {
        return skip(Skip::NotCreate);
    }
    let Some(object) = review.object() else { return skip(Skip::Malformed("the whole")) };
    decide_pod(review.namespace().unwrap_or_default(), object, namespace, config)
}

/// Decides about a pod that is to be created in the named namespace. `settings` is `None` as long
/// as the namespace was not seen.
#[must_use]
pub fn decide_pod(namespace: &str, pod: &Value, settings: Option<&NamespaceSettings>, config: &Config) -> Verdict {
    let mut warnings = Warnings::default();
    let decision = match look(Pod::new(pod), namespace, settings, config, &mut warnings) {
        Ok(decision) => decision,
        Err(skip) => {
            if skip.is_told() || asks(Pod::new(pod)) && !is_own(&skip) {
                warnings.push(format!("no forwarder: {skip}"));
            }
            Decision::Skip(skip)
        }
    };
    Verdict { decision, warnings }
}

/// Whether the pod itself wants a forwarder.
fn asks(pod: Pod<'_>) -> bool {
    matches!(pod.annotation(annotation::TAP), Annotation::Text(text) if Switch::parse(text) == Some(Switch::On))
}

/// Skips after which the pod has its forwarder all the same.
fn is_own(skip: &Skip) -> bool {
    matches!(skip, Skip::AlreadyInjected | Skip::AlreadyInjectedOldVersion(_))
}

fn look(
    pod: Pod<'_>,
    namespace: &str,
    settings: Option<&NamespaceSettings>,
    config: &Config,
    warnings: &mut Warnings,
) -> Result<Decision, Skip> {
    never_touched(pod, namespace, config)?;
    let (opted_in, settings) = opt_in(pod, namespace, settings)?;
    if let Some(present) = present(pod, config)? {
        return Ok(present);
    }
    let both = Settings { pod, namespace: settings };
    if let Some(by) = settings.prod().filter(|_| !both.allows_prod(warnings)) {
        return Err(Skip::ProdNamespace(by.to_owned()));
    }
    if let Some(by) = placement::windows(pod) {
        return Err(Skip::Windows(by));
    }
    if let Some(by) = placement::virtual_node(pod) {
        return Err(Skip::VirtualNode(by));
    }
    if let Some(by) = placement::foreign_processor(pod) {
        return Err(Skip::ForeignProcessor(by));
    }
    if pod.list("containers").is_empty() {
        return Err(Skip::NoContainers);
    }
    let plan = plan::plan(pod, settings, opted_in, config, warnings)?;
    free_volumes(pod, &plan)?;
    Ok(Decision::Inject(Box::new(plan)))
}

fn never_touched(pod: Pod<'_>, namespace: &str, config: &Config) -> Result<(), Skip> {
    if config.excludes(namespace) {
        return Err(Skip::ExcludedNamespace(namespace.to_owned()));
    }
    if let Some(part) = pod.malformed() {
        return Err(Skip::Malformed(part));
    }
    if pod.label(label::PART_OF) == Some(label::PART_OF_LOGTAP) {
        return Err(Skip::OwnPod);
    }
    if pod.annotation(annotation::MIRROR_POD) != Annotation::Absent {
        return Err(Skip::MirrorPod);
    }
    Ok(())
}

fn opt_in<'s>(
    pod: Pod<'_>,
    namespace: &str,
    settings: Option<&'s NamespaceSettings>,
) -> Result<(OptIn, &'s NamespaceSettings), Skip> {
    let switch = settings.map(NamespaceSettings::switch);
    if let Some(NamespaceSwitch::Veto(by)) = switch {
        return Err(Skip::NamespaceVeto(by));
    }
    let pod = match pod.annotation(annotation::TAP) {
        Annotation::Absent => None,
        Annotation::Text(text) => match Switch::parse(text) {
            Some(switch) => Some(switch),
            None => return Err(Skip::InvalidAnnotation(Place::Pod.name(), annotation::TAP, quote(text))),
        },
        Annotation::NotText => {
            return Err(Skip::InvalidAnnotation(Place::Pod.name(), annotation::TAP, "(not text)".to_owned()));
        }
    };
    if pod == Some(Switch::Off) {
        return Err(Skip::OptedOut);
    }
    let (Some(settings), Some(switch)) = (settings, switch) else {
        return Err(Skip::NamespaceUnknown(quote(namespace)));
    };
    match (pod, switch) {
        (Some(_), _) => Ok((OptIn::Pod, settings)),
        (None, NamespaceSwitch::On) => Ok((OptIn::Namespace, settings)),
        (None, NamespaceSwitch::Invalid(key, value)) => {
            Err(Skip::InvalidAnnotation(Place::Namespace.name(), key, quote(&value)))
        }
        (None, NamespaceSwitch::Unset | NamespaceSwitch::Veto(_)) => Err(Skip::NotOptedIn),
    }
}

/// What a container of our name means: the name is reserved, and only the container itself counts,
/// never the status annotation, which gets copied around.
fn present(pod: Pod<'_>, config: &Config) -> Result<Option<Decision>, Skip> {
    let ours = |list| pod.list(list).iter().enumerate().find(|(_, one)| name(one) == Some(names::CONTAINER));
    let (init, ordinary) = (ours("initContainers"), ours("containers"));
    let Some((index, container)) = init.or(ordinary) else { return Ok(None) };
    if !is_marked(container) {
        return Err(Skip::NameConflict("container", names::CONTAINER));
    }
    let policy = container.get("restartPolicy").and_then(Value::as_str);
    if init.is_some() && config.mode == Mode::Native && policy != Some("Always") {
        return Ok(Some(Decision::Repair(Repair { index })));
    }
    match container.get("image").and_then(Value::as_str) {
        Some(image) if image != config.image && !config.allow_image_annotation => {
            Err(Skip::AlreadyInjectedOldVersion(quote(image)))
        }
        _ => Err(Skip::AlreadyInjected),
    }
}

/// A volume of our name is taken over only if it is exactly ours.
fn free_volumes(pod: Pod<'_>, plan: &Plan) -> Result<(), Skip> {
    for ours in sidecar::volumes(plan) {
        let theirs = pod.list("volumes").iter().find(|volume| name(volume) == name(&ours));
        if theirs.is_some_and(|theirs| *theirs != ours) {
            let known = [names::IDENTITY_VOLUME, names::STATE_VOLUME, names::NODE_LOGS_VOLUME];
            let found = known.into_iter().find(|known| Some(*known) == name(&ours));
            return Err(Skip::NameConflict("volume", found.unwrap_or_default()));
        }
    }
    Ok(())
}
