//! The objects that make up a receiver in the cluster. Pure.

use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use logtap_certs::{Authority, MintError};
use logtap_inject::vocabulary::{annotation, image, label, port, sidecar};
use serde_json::{Value, json};

use crate::cluster::resource::{JOB, SECRET, SERVICE, SERVICE_ACCOUNT, text};
use crate::tapping::MANAGED_BY_CLI;

/// Certificates of a receiver live longer than it.
const LIFE: Duration = Duration::from_secs(400 * 24 * 3600);
/// A Job that is done is removed after so many seconds.
const DONE: u32 = 30;
/// Time for the last lines to be written, and for readers to get them.
const GRACE: u32 = 60;
/// Where the container finds what the Secret holds.
const SECRETS: &str = "/var/run/logtap/receiver";
/// Where the spool is.
const SPOOL: &str = "/capture";

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Name of all objects.
    pub(crate) name: String,
    /// Their namespace.
    pub(crate) namespace: String,
    /// Who makes it, for people.
    pub(crate) owner: String,
    /// Id of the capture on this machine that the lines go to; none for one that is left running.
    pub(crate) capture: Option<String>,
    /// The image, where it is not the usual one.
    pub(crate) image: Option<String>,
    /// Secrets to pull it with.
    pub(crate) pull_secrets: Vec<String>,
    /// Most bytes of the spool.
    pub(crate) spool: u64,
    /// How long it waits for a reader; for ever without.
    pub(crate) ttl: Option<Duration>,
    /// Senders must present their pod's token.
    pub(crate) auth: bool,
    /// Flags of `logtap recv` that the container gets beside its own.
    pub(crate) flags: Vec<String>,
    /// Files for those flags, by name: `FILE/name` in a flag stands for the path.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// A path of a file that the container gets.
pub(crate) fn file(name: &str) -> String {
    format!("{SECRETS}/{name}")
}

impl Wanted {
    /// What must be there before everything else, and owns it. It does nothing until it is woken.
    pub(crate) fn job(&self) -> Value {
        let mut job = self.object(JOB.api_version(), JOB.kind);
        job["spec"] = json!({
            "suspend": true,
            // A container that was killed starts again where it was, a pod that was lost is made anew.
            "backoffLimit": i32::MAX,
            "completions": 1,
            "parallelism": 1,
            "ttlSecondsAfterFinished": DONE,
            "template": { "metadata": self.pod_metadata(), "spec": self.pod() },
        });
        job
    }

    /// What the Job owns: certificate and files, an identity, an address.
    ///
    /// # Errors
    /// If no certificate can be made.
    pub(crate) fn owned(&self, job: &Value, now: SystemTime) -> Result<Vec<Value>, MintError> {
        let authority = Authority::mint(now, LIFE)?;
        let host = |suffix: &str| format!("{}.{}.{suffix}", self.name, self.namespace);
        let names =
            [host("svc"), host("svc.cluster.local"), format!("{}.{}", self.name, self.namespace), self.name.clone()];
        let (certificate, key) = authority.issue(&names, now, LIFE)?;
        let mut secret = self.object(SECRET.api_version(), SECRET.kind);
        secret["stringData"] = json!({ "tls.crt": certificate, "tls.key": key });
        let encoded = |bytes: &[u8]| Value::from(BASE64_STANDARD.encode(bytes));
        secret["data"] = self.files.iter().map(|(name, bytes)| (name.clone(), encoded(bytes))).collect();
        let mut account = self.object(SERVICE_ACCOUNT.api_version(), SERVICE_ACCOUNT.kind);
        account["automountServiceAccountToken"] = false.into();
        let mut service = self.object(SERVICE.api_version(), SERVICE.kind);
        service["metadata"]["annotations"][annotation::TARGET_CA] = authority.certificate().to_pem().into();
        service["spec"] = json!({
            "selector": { label::NAME: label::NAME_RECEIVER, label::INSTANCE: self.name },
            "ports": [{ "name": "push", "port": port::RECEIVER, "targetPort": "push" }],
        });
        let mut all = vec![account, secret, service];
        for object in &mut all {
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": JOB.api_version(), "kind": JOB.kind, "name": self.name, "uid": text(job, "uid"),
                "controller": false, "blockOwnerDeletion": false,
            }]);
        }
        Ok(all)
    }

    fn object(&self, api_version: String, kind: &str) -> Value {
        let mut annotations = json!({ annotation::OWNER: self.owner, annotation::TTL: self.ttl_text() });
        if let Some(capture) = &self.capture {
            annotations[annotation::CAPTURE] = capture.as_str().into();
        }
        json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.labels(), "annotations": annotations,
            },
        })
    }

    fn labels(&self) -> Value {
        json!({
            label::NAME: label::NAME_RECEIVER,
            label::INSTANCE: self.name,
            label::PART_OF: label::PART_OF_LOGTAP,
            label::MANAGED_BY: MANAGED_BY_CLI,
        })
    }

    /// As a flag takes it.
    fn ttl_text(&self) -> String {
        match self.ttl.map_or(0, |ttl| ttl.as_secs()) {
            0 => "0".to_owned(),
            hours if hours % 3600 == 0 => format!("{}h", hours / 3600),
            minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
            seconds => format!("{seconds}s"),
        }
    }

    fn pod_metadata(&self) -> Value {
        let mut labels = self.labels();
        // Meshes would take connections over that are TLS already, and the port-forward.
        labels["sidecar.istio.io/inject"] = "false".into();
        json!({
            "labels": labels,
            "annotations": {
                annotation::TAP: "false",
                "sidecar.istio.io/inject": "false",
                "linkerd.io/inject": "disabled",
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
        })
    }

    fn pod(&self) -> Value {
        let default = format!("{}:{}", image::RECEIVER, env!("CARGO_PKG_VERSION"));
        let stream = format!("127.0.0.1:{}", port::RECEIVER_STREAM);
        let listen = format!(":{}", port::RECEIVER);
        let spool = self.spool.to_string();
        let mut args: Vec<String> =
            ["recv", "--headless", "--listen", &listen, "--dir", SPOOL].map(str::to_owned).into();
        let (certificate, key) = (file("tls.crt"), file("tls.key"));
        for (flag, value) in [
            ("--max-disk", spool.as_str()),
            // Files are what is evicted: small ones, so that little goes at a time.
            ("--max-file", "16MB"),
            ("--tls-cert", certificate.as_str()),
            ("--tls-key", key.as_str()),
            ("--stream-listen", stream.as_str()),
            ("--unused-for", self.ttl_text().as_str()),
        ] {
            args.extend([flag.to_owned(), value.to_owned()]);
        }
        if self.auth {
            args.extend(["--auth".to_owned(), "kubernetes".to_owned()]);
        }
        args.extend(self.flags.iter().cloned());
        let ready = json!({
            "httpGet": { "path": "/readyz", "port": "push", "scheme": "HTTPS" },
            "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2,
        });
        let pull_secrets: Vec<Value> = self.pull_secrets.iter().map(|name| json!({ "name": name })).collect();
        json!({
            "restartPolicy": "OnFailure",
            "serviceAccountName": self.name,
            // Its account has no rights: every account may read the keys that tokens are verified with.
            "automountServiceAccountToken": self.auth,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": GRACE,
            "imagePullSecrets": pull_secrets,
            "securityContext": { "runAsNonRoot": true, "runAsUser": sidecar::USER, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "receiver",
                "image": self.image.as_ref().unwrap_or(&default),
                "imagePullPolicy": "IfNotPresent",
                "args": args,
                "ports": [{ "name": "push", "containerPort": port::RECEIVER }],
                // No liveness: once it takes no more lines it must live on until all are downloaded.
                "readinessProbe": ready,
                "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                    "readOnlyRootFilesystem": true,
                },
                "volumeMounts": [
                    { "name": "spool", "mountPath": SPOOL },
                    { "name": "secrets", "mountPath": SECRETS, "readOnly": true },
                ],
            }],
            "volumes": [
                // A pod that exceeds this is evicted with all it has: the receiver's own cap comes first.
                { "name": "spool", "emptyDir": { "sizeLimit": (self.spool + self.spool / 4 + (64 << 20)).to_string() } },
                { "name": "secrets", "secret": { "secretName": self.name, "defaultMode": 0o444 } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "r".to_owned(),
            namespace: "shop".to_owned(),
            owner: "me@here".to_owned(),
            capture: Some("abc".to_owned()),
            image: None,
            pull_secrets: Vec::new(),
            spool: 1 << 30,
            ttl: Some(Duration::from_secs(3600)),
            auth: true,
            flags: vec!["--redact=email".to_owned()],
            files: vec![("patterns.yaml".to_owned(), b"[]".to_vec())],
        }
    }

    #[test]
    fn all_of_it_belongs_to_the_job() {
        let mut job = wanted().job();
        job["metadata"]["uid"] = "u".into();
        let owned = wanted().owned(&job, SystemTime::now()).unwrap();
        assert!(owned.iter().all(|one| one["metadata"]["ownerReferences"][0]["uid"] == "u"));
        let pod = &job["spec"]["template"];
        assert_eq!(pod["metadata"]["annotations"]["logtap.io/tap"], "false", "it never listens to itself");
        let args = pod["spec"]["containers"][0]["args"].to_string();
        assert!(args.contains("\"127.0.0.1:3101\"") && args.contains("\"1h\"") && args.contains("--redact=email"));
        assert_eq!(owned[1]["data"]["patterns.yaml"], "W10=");
        let service = &owned[2];
        assert_eq!(crate::preflight::url(service), "https://r.shop.svc:3100");
    }
}
