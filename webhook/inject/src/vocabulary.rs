//! Every name that logtap and a cluster share: keys, the sidecar's parts, objects, ports.
//!
//! The manifests, the command line and the forwarder's flags are checked against these constants, so
//! that a name is written down once. A name here is a contract: pods that run now carry it.

/// Keys of annotations on pods (pod templates), namespaces and workloads.
pub mod annotation {
    /// What all keys of ours begin with.
    pub const PREFIX: &str = "logtap.io/";
    /// Pod or namespace: `true`, `false`, `enabled` or `disabled`.
    pub const TAP: &str = "logtap.io/tap";
    /// Pod or namespace: `http://` or `https://` URL of the receiver.
    pub const TARGET: &str = "logtap.io/target";
    /// Pod or namespace: PEM certificates that sign the target's, in place of the public ones.
    pub const TARGET_CA: &str = "logtap.io/target-ca";
    /// Pod or namespace: bytes of the forwarder's spool, a quantity such as `64Mi`.
    pub const SPOOL: &str = "logtap.io/spool";
    /// Pod or namespace: name of the session that the lines belong to.
    pub const SESSION: &str = "logtap.io/session";
    /// Pod or namespace: comma-separated names; only these containers are read.
    pub const CONTAINERS: &str = "logtap.io/containers";
    /// Pod or namespace: comma-separated names; these containers are not read.
    pub const EXCLUDE_CONTAINERS: &str = "logtap.io/exclude-containers";
    /// Pod or namespace: `api` or `node`.
    pub const SOURCE: &str = "logtap.io/source";
    /// Pod or namespace: CPU request of the sidecar.
    pub const CPU_REQUEST: &str = "logtap.io/cpu-request";
    /// Pod or namespace: CPU limit of the sidecar, for namespaces whose quota or limit range asks for one.
    pub const CPU_LIMIT: &str = "logtap.io/cpu-limit";
    /// Pod or namespace: memory request of the sidecar.
    pub const MEMORY_REQUEST: &str = "logtap.io/memory-request";
    /// Pod or namespace: memory limit of the sidecar.
    pub const MEMORY_LIMIT: &str = "logtap.io/memory-limit";
    /// Pod or namespace: image of the sidecar, where the installation allows it.
    pub const IMAGE: &str = "logtap.io/image";
    /// Pod or namespace: `true` permits taps where a namespace looks like production.
    pub const ALLOW_PROD: &str = "logtap.io/allow-prod";
    /// Receiver in the cluster: who made it, for people.
    pub const OWNER: &str = "logtap.io/owner";
    /// Receiver in the cluster: the capture on somebody's machine that its lines go to.
    pub const CAPTURE: &str = "logtap.io/capture";
    /// Receiver in the cluster: how long it waits for somebody who reads, such as `4h`; `0` for ever.
    pub const TTL: &str = "logtap.io/ttl";
    /// Workload: the values that `tap` replaced and `untap` puts back.
    pub const BEFORE: &str = "logtap.io/before";
    /// Pod, written by the webhook: compact JSON about what was added. Nothing reads it to decide.
    pub const STATUS: &str = "logtap.io/status";
    /// Pod: volumes that do not keep the cluster autoscaler from moving it.
    pub const SAFE_TO_EVICT_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
    /// Pod: set by the kubelet on the API server's copy of a static pod.
    pub const MIRROR_POD: &str = "kubernetes.io/config.mirror";
}

/// Keys and values of labels.
pub mod label {
    /// Namespace: [`ENABLED`] or [`DISABLED`]; what the API server selects on.
    pub const TAP: &str = "logtap.io/tap";
    /// Value of [`TAP`] where every new pod opts in.
    pub const ENABLED: &str = "enabled";
    /// Value of [`TAP`] where no pod may opt in.
    pub const DISABLED: &str = "disabled";
    /// Namespace: `true` where logs are production's.
    pub const PROD: &str = "logtap.io/prod";
    /// Object of ours: always [`PART_OF_LOGTAP`].
    pub const PART_OF: &str = "app.kubernetes.io/part-of";
    /// Value of [`PART_OF`] on pods, services and all else that logtap installs.
    pub const PART_OF_LOGTAP: &str = "logtap";
    /// Object of ours: what it belongs to.
    pub const NAME: &str = "app.kubernetes.io/name";
    /// Value of [`NAME`] on everything that makes up a receiver; logtap 1.x set the same.
    pub const NAME_RECEIVER: &str = "logtap-receiver";
    /// Receiver: which one.
    pub const INSTANCE: &str = "app.kubernetes.io/instance";
    /// Object of ours that is made at run time: who made it.
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Value of [`MANAGED_BY`] on what the webhook makes; it deletes nothing else.
    pub const MANAGED_BY_WEBHOOK: &str = "logtap-webhook";
    /// Namespace: the Pod Security level that pods have to meet.
    pub const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";
    /// Namespace: its own name, set by the API server.
    pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
}

/// The sidecar: its container, volumes, mounts and files.
pub mod sidecar {
    /// Name of the container. Reserved: a pod that has it counts as injected.
    pub const CONTAINER: &str = "logtap-forwarder";
    /// Volume of tokens, cluster CA and namespace.
    pub const IDENTITY_VOLUME: &str = "logtap-identity";
    /// Volume of cursor, marker and spool.
    pub const STATE_VOLUME: &str = "logtap-state";
    /// Volume of the kubelet's log folder, in source `node` only.
    pub const NODE_LOGS_VOLUME: &str = "logtap-node-logs";
    /// Where [`IDENTITY_VOLUME`] is mounted.
    pub const IDENTITY_MOUNT: &str = "/var/run/logtap/identity";
    /// Where [`STATE_VOLUME`] is mounted.
    pub const STATE_MOUNT: &str = "/var/lib/logtap";
    /// Where the pod's own part of [`NODE_LOGS_VOLUME`] is mounted.
    pub const NODE_LOGS_MOUNT: &str = "/var/log/logtap-pod";
    /// File in [`IDENTITY_MOUNT`]: the token for the API server.
    pub const API_TOKEN_FILE: &str = "token";
    /// File in [`IDENTITY_MOUNT`]: the token for the receiver.
    pub const RECEIVER_TOKEN_FILE: &str = "receiver-token";
    /// File in [`IDENTITY_MOUNT`]: the cluster's CA.
    pub const CLUSTER_CA_FILE: &str = "ca.crt";
    /// File in [`IDENTITY_MOUNT`]: the pod's namespace.
    pub const NAMESPACE_FILE: &str = "namespace";
    /// ConfigMap with the cluster's CA that each namespace has.
    pub const CLUSTER_CA_CONFIG_MAP: &str = "kube-root-ca.crt";
    /// Audience of the token for the receiver.
    pub const AUDIENCE: &str = "logtap";
    /// Life of both tokens, in seconds. The kubelet renews at four fifths of it.
    pub const TOKEN_SECONDS: u32 = 3607;
    /// User of the image, said openly where the pod would make it root.
    pub const USER: u32 = 65532;
    /// Folder of a node where the kubelet keeps pods' logs.
    pub const NODE_LOG_DIR: &str = "/var/log/pods";
}

/// Environment of the sidecar. All are set openly, because a Service named `logtap` puts names of
/// the same beginning into every pod of its namespace.
pub mod env {
    /// The pod's namespace.
    pub const POD_NAMESPACE: &str = "POD_NAMESPACE";
    /// The pod's name.
    pub const POD_NAME: &str = "POD_NAME";
    /// The pod's uid.
    pub const POD_UID: &str = "POD_UID";
    /// The node's name.
    pub const NODE_NAME: &str = "NODE_NAME";
    /// `1`: tells our container from another of the same name.
    pub const INJECTED: &str = "LOGTAP_INJECTED";
    /// `native` or `container`: whether the process must end by itself.
    pub const MODE: &str = "LOGTAP_MODE";
    /// `api` or `node`.
    pub const SOURCE: &str = "LOGTAP_SOURCE";
    /// The receiver's URL.
    pub const TARGET: &str = "LOGTAP_TARGET";
    /// PEM certificates that sign the target's.
    pub const TARGET_CA: &str = "LOGTAP_TARGET_CA";
    /// Size of the spool, in bytes.
    pub const SPOOL: &str = "LOGTAP_SPOOL_BYTES";
    /// Name of the session.
    pub const SESSION: &str = "LOGTAP_SESSION";
    /// Value of the label `app` of all lines.
    pub const APP: &str = "LOGTAP_APP";
    /// Comma-separated names of the only containers to read.
    pub const CONTAINERS: &str = "LOGTAP_CONTAINERS";
    /// Comma-separated names of containers not to read.
    pub const EXCLUDE_CONTAINERS: &str = "LOGTAP_EXCLUDE_CONTAINERS";
}

/// Objects of an installation.
pub mod object {
    /// Namespace that `logtap install` uses unless told otherwise.
    pub const NAMESPACE: &str = "logtap";
    /// Deployment, Service and ServiceAccount of the webhook.
    pub const WEBHOOK: &str = "logtap-webhook";
    /// The MutatingWebhookConfiguration.
    pub const CONFIGURATION: &str = "logtap-webhook";
    /// Entry for pods of namespaces that opted in.
    pub const PODS_BY_NAMESPACE: &str = "ns.logtap.io";
    /// Entry for pods that opted in themselves.
    pub const PODS_BY_ANNOTATION: &str = "pod.logtap.io";
    /// Entry that mirrors the annotation of namespaces to their label.
    pub const MIRROR: &str = "mirror.logtap.io";
    /// ClusterRole that lets a forwarder read its pod's logs, and the RoleBindings to it.
    pub const FORWARDER_ROLE: &str = "logtap-forwarder";
    /// ClusterRole and binding that let the webhook give forwarders their role.
    pub const GRANTER: &str = "logtap-granter";
    /// Secret with the authority that signs the webhook's certificates.
    pub const CA_SECRET: &str = "logtap-webhook-ca";
    /// Field manager of server-side apply.
    pub const FIELD_MANAGER: &str = "logtap";
    /// Where the API server posts reviews.
    pub const MUTATE_PATH: &str = "/mutate";
    /// On the plain port: whether the process lives.
    pub const LIVE_PATH: &str = "/healthz";
    /// On the plain port: whether the API server can use it.
    pub const READY_PATH: &str = "/readyz";
    /// On the plain port: figures for Prometheus.
    pub const METRICS_PATH: &str = "/metrics";
}

/// Ports, all above 1023 so that nobody needs a capability for them.
pub mod port {
    /// The webhook's reviews, over TLS. Private GKE clusters let the API server reach this one.
    pub const WEBHOOK: u16 = 10250;
    /// The webhook's Service.
    pub const WEBHOOK_SERVICE: u16 = 443;
    /// A receiver's, in the cluster, over TLS.
    pub const RECEIVER: u16 = 3100;
    /// Where a receiver in the cluster hands its capture out, on the pod's loopback only.
    pub const RECEIVER_STREAM: u16 = 3101;
    /// The webhook's health and metrics, plain.
    pub const WEBHOOK_ADMIN: u16 = 9990;
}

/// Images without their tag; the tag is the version.
pub mod image {
    /// The forwarder's.
    pub const FORWARDER: &str = "ghcr.io/ppiankov/logtap-forwarder";
    /// The webhook's.
    pub const WEBHOOK: &str = "ghcr.io/ppiankov/logtap-webhook";
    /// The receiver's.
    pub const RECEIVER: &str = "ghcr.io/ppiankov/logtap";
}

/// Namespaces whose pods are never touched, our own aside.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
