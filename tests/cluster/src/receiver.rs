//! `logtap recv` as a pod beside the apps, and what is in its capture.

use logtap_inject::vocabulary::image;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::kubectl::until;
use crate::namespace::Namespace;

const NAME: &str = "recv";
const PORT: u16 = 3100;

/// A receiver in a namespace.
#[derive(Debug)]
pub struct Receiver<'n> {
    namespace: &'n Namespace,
}

/// A line of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its text.
    pub text: String,
    /// Its labels, an object.
    pub labels: Value,
    /// Its time, as stored.
    pub time: String,
}

impl<'n> Receiver<'n> {
    /// The URL that a receiver in this namespace has, now or later.
    #[must_use]
    pub fn url(namespace: &Namespace) -> String {
        format!("http://{NAME}.{}.svc:{PORT}", namespace.name())
    }

    /// Starts one and waits until it runs.
    ///
    /// # Panics
    /// When it does not come to run.
    #[must_use]
    pub fn start(namespace: &'n Namespace) -> Self {
        Self::start_with(namespace, &[], json!([]), json!([]))
    }

    /// Starts one that speaks TLS, with a certificate of an authority of its own: that one's, in PEM.
    ///
    /// # Panics
    /// When it does not come to run.
    #[must_use]
    pub fn start_tls(namespace: &'n Namespace) -> (Self, String) {
        let (ca, certificate, key) = certificates(&format!("{NAME}.{}.svc", namespace.name()));
        namespace.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": NAME },
            "stringData": { "tls.crt": certificate, "tls.key": key },
        }));
        let mounts = json!([{ "name": "tls", "mountPath": "/tls", "readOnly": true }]);
        let volumes = json!([{ "name": "tls", "secret": { "secretName": NAME } }]);
        let flags = ["--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key"];
        (Self::start_with(namespace, &flags, mounts, volumes), ca)
    }

    fn start_with(namespace: &'n Namespace, flags: &[&str], mounts: Value, volumes: Value) -> Self {
        let labels = json!({ "app": NAME });
        namespace.apply(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": NAME },
            "spec": { "selector": labels, "ports": [{ "port": PORT }] },
        }));
        let mut args = vec!["recv", "--headless", "--listen", ":3100", "--dir", "/capture"];
        args.extend(flags);
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": NAME, "labels": labels },
            "spec": {
                "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": NAME,
                    "image": format!("{}:{}", image::RECEIVER, env!("CARGO_PKG_VERSION")),
                    "imagePullPolicy": "IfNotPresent",
                    "args": args,
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"] },
                        "readOnlyRootFilesystem": true,
                    },
                    "volumeMounts": mounts,
                }],
                "volumes": volumes,
            },
        });
        let add = |list: &mut Value, one: Value| list.as_array_mut().expect("a list").push(one);
        add(&mut pod["spec"]["volumes"], json!({ "name": "capture", "emptyDir": {} }));
        let mounts = &mut pod["spec"]["containers"][0]["volumeMounts"];
        add(mounts, json!({ "name": "capture", "mountPath": "/capture" }));
        namespace.apply(&pod);
        let receiver = Self { namespace };
        until("the receiver", || receiver.stored());
        receiver
    }

    /// All lines of containers in the capture.
    ///
    /// # Errors
    /// When it cannot be read yet.
    pub fn stored(&self) -> Result<Vec<Stored>, String> {
        Ok(self.all()?.into_iter().filter(|line| line.labels["logtap"].is_null()).collect())
    }

    /// What forwarders said about their lines: gaps and ends.
    ///
    /// # Errors
    /// When it cannot be read yet.
    pub fn marks(&self) -> Result<Vec<Stored>, String> {
        Ok(self.all()?.into_iter().filter(|line| !line.labels["logtap"].is_null()).collect())
    }

    fn all(&self) -> Result<Vec<Stored>, String> {
        let search = ["exec", NAME, "--", "/logtap", "grep", "--json", "", "/capture"];
        let text = self.namespace.kubectl(&search, "")?;
        text.lines().map(|line| stored(line).ok_or_else(|| format!("no stored line: {line}"))).collect()
    }

    /// The capture, once a line with this text is in it.
    ///
    /// # Panics
    /// When it does not come.
    #[must_use]
    pub fn stored_until(&self, text: &str) -> Vec<Stored> {
        until(&format!("the line {text:?} in the capture"), || {
            let all = self.stored()?;
            if all.iter().any(|line| line.text == text) {
                return Ok(all);
            }
            Err(format!("{} lines are there, the last is {:?}", all.len(), all.last().map(|line| &line.text)))
        })
    }
}

fn stored(line: &str) -> Option<Stored> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(Stored {
        text: line["msg"].as_str()?.to_owned(),
        labels: line["labels"].clone(),
        time: line["ts"].as_str()?.to_owned(),
    })
}

/// An authority's certificate, and a certificate and key for `host` that it signed, in PEM.
fn certificates(host: &str) -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new([host.to_owned()]).expect("a name");
    (ca, leaf.signed_by(&key, &issuer).expect("a certificate").pem(), key.serialize_pem())
}
