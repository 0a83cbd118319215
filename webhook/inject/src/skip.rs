//! Why a pod gets no forwarder: a closed list, each with a stable name and a sentence.

use std::fmt;

/// A reason to leave a pod as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// The review is about something else.
    NotPod,
    /// The review is about a part of a pod, which is named.
    Subresource(String),
    /// The pod exists already.
    NotCreate,
    /// The named part of the pod has a form that no API server takes.
    Malformed(&'static str),
    /// Pods of the named namespace are never touched.
    ExcludedNamespace(String),
    /// The pod is one of logtap's.
    OwnPod,
    /// The kubelet's copy of a static pod.
    MirrorPod,
    /// Nothing is known about the named namespace yet.
    NamespaceUnknown(String),
    /// The namespace forbids taps, by the given `key=value`.
    NamespaceVeto(String),
    /// The pod says no.
    OptedOut,
    /// Neither pod nor namespace says yes.
    NotOptedIn,
    /// An annotation or label with a value that cannot be obeyed: where it is, key, value.
    InvalidAnnotation(&'static str, &'static str, String),
    /// The namespace looks like production, by the given `key=value`.
    ProdNamespace(String),
    /// The forwarder is there.
    AlreadyInjected,
    /// A forwarder of the named image is there, which is not the one in use now.
    AlreadyInjectedOldVersion(String),
    /// A container or volume (the first) of ours (the second, by name) is there and is not ours.
    NameConflict(&'static str, &'static str),
    /// The pod asks for Windows, by the given field.
    Windows(&'static str),
    /// The pod asks for a node without a kubelet, by the given field.
    VirtualNode(&'static str),
    /// The pod asks for a processor without an image, by the given field.
    ForeignProcessor(&'static str),
    /// The pod has no container.
    NoContainers,
    /// The annotations leave no container to read.
    NothingSelected,
    /// Nothing says where lines should go.
    NoTarget,
}

impl Skip {
    /// All names, for metrics that show a zero before the first.
    pub const NAMES: [&'static str; 22] = [
        "not_pod",
        "subresource",
        "not_create",
        "malformed",
        "excluded_namespace",
        "own_pod",
        "mirror_pod",
        "namespace_unknown",
        "namespace_veto",
        "opted_out",
        "not_opted_in",
        "invalid_annotation",
        "prod_namespace",
        "already_injected",
        "already_injected_old_version",
        "name_conflict",
        "windows",
        "virtual_node",
        "foreign_processor",
        "no_containers",
        "nothing_selected",
        "no_target",
    ];

    /// Stable name for metric labels and audit annotations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotPod => "not_pod",
            Self::Subresource(_) => "subresource",
            Self::NotCreate => "not_create",
            Self::Malformed(_) => "malformed",
            Self::ExcludedNamespace(_) => "excluded_namespace",
            Self::OwnPod => "own_pod",
            Self::MirrorPod => "mirror_pod",
            Self::NamespaceUnknown(_) => "namespace_unknown",
            Self::NamespaceVeto(_) => "namespace_veto",
            Self::OptedOut => "opted_out",
            Self::NotOptedIn => "not_opted_in",
            Self::InvalidAnnotation(..) => "invalid_annotation",
            Self::ProdNamespace(_) => "prod_namespace",
            Self::AlreadyInjected => "already_injected",
            Self::AlreadyInjectedOldVersion(_) => "already_injected_old_version",
            Self::NameConflict(..) => "name_conflict",
            Self::Windows(_) => "windows",
            Self::VirtualNode(_) => "virtual_node",
            Self::ForeignProcessor(_) => "foreign_processor",
            Self::NoContainers => "no_containers",
            Self::NothingSelected => "nothing_selected",
            Self::NoTarget => "no_target",
        }
    }

    /// Whether a pod that meets this was meant to get a forwarder, so that its creator should hear of it.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(
            self,
            Self::NotPod
                | Self::Subresource(_)
                | Self::NotCreate
                | Self::ExcludedNamespace(_)
                | Self::OwnPod
                | Self::MirrorPod
                | Self::NamespaceVeto(_)
                | Self::OptedOut
                | Self::NotOptedIn
                | Self::AlreadyInjected
                | Self::AlreadyInjectedOldVersion(_)
        )
    }
}

impl fmt::Display for Skip {
    /// One sentence without its stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPod => f.write_str("the object is not a pod"),
            Self::Subresource(name) => write!(f, "the request is about the pod's {name}, not about the pod"),
            Self::NotCreate => f.write_str("containers can be added only when a pod is created"),
            Self::Malformed(part) => write!(f, "{part} of the pod has a form that Kubernetes does not take"),
            Self::ExcludedNamespace(name) => write!(f, "pods of namespace {name} are never tapped"),
            Self::OwnPod => f.write_str("the pod is part of logtap, whose own logs are not tapped"),
            Self::MirrorPod => f.write_str("the pod is static: only the file on its node can change it"),
            Self::NamespaceUnknown(name) => {
                write!(f, "the webhook has not seen namespace {name} yet; create the pod again")
            }
            Self::NamespaceVeto(by) => write!(f, "the namespace forbids taps ({by})"),
            Self::OptedOut => f.write_str("the pod says logtap.io/tap: false"),
            Self::NotOptedIn => f.write_str("neither pod nor namespace says logtap.io/tap: true"),
            Self::InvalidAnnotation(place, key, value) => write!(f, "{key}: {value} on the {place} cannot be read"),
            Self::ProdNamespace(by) => {
                write!(f, "the namespace looks like production ({by}); logtap.io/allow-prod: true permits the tap")
            }
            Self::AlreadyInjected => f.write_str("the pod has its forwarder"),
            Self::AlreadyInjectedOldVersion(image) => write!(f, "the pod has a forwarder of another image, {image}"),
            Self::NameConflict(what, name) => write!(f, "the pod has a {what} named {name} that is not logtap's"),
            Self::Windows(by) => write!(f, "the pod asks for Windows ({by}), for which there is no forwarder"),
            Self::VirtualNode(by) => write!(f, "the pod asks for a virtual node ({by}), which runs no sidecars"),
            Self::ForeignProcessor(by) => {
                write!(f, "the pod asks for a processor ({by}) other than amd64 and arm64, which images are for")
            }
            Self::NoContainers => f.write_str("the pod has no containers"),
            Self::NothingSelected => f.write_str(
                "logtap.io/containers and logtap.io/exclude-containers leave no container of the pod to read",
            ),
            Self::NoTarget => f.write_str("nothing says where its lines should go; set logtap.io/target"),
        }
    }
}
