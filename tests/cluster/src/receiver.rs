//! `logtap recv` as a pod beside the apps, and what is in its capture.

use logtap_inject::vocabulary::image;
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
        let labels = json!({ "app": NAME });
        namespace.apply(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": NAME },
            "spec": { "selector": labels, "ports": [{ "port": PORT }] },
        }));
        namespace.apply(&json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": NAME, "labels": labels },
            "spec": {
                "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": NAME,
                    "image": format!("{}:{}", image::RECEIVER, env!("CARGO_PKG_VERSION")),
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"] },
                        "readOnlyRootFilesystem": true,
                    },
                    "volumeMounts": [{ "name": "capture", "mountPath": "/capture" }],
                }],
                "volumes": [{ "name": "capture", "emptyDir": {} }],
            },
        }));
        let receiver = Self { namespace };
        until("the receiver", || receiver.stored());
        receiver
    }

    /// Everything in the capture.
    ///
    /// # Errors
    /// When it cannot be read yet.
    pub fn stored(&self) -> Result<Vec<Stored>, String> {
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
