//! `--auth kubernetes`: whose a pod's token is, asked of the cluster that the receiver runs in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_inject::vocabulary::sidecar::AUDIENCE;
use logtap_receiver::identity::keys::Keys;
use logtap_receiver::identity::{Pod, Verdict, Verify};
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterArgs, ClusterError, resource};
use crate::error::CliError;

/// Shortest time between two looks at the cluster's keys.
const KEYS_AGAIN: Duration = Duration::from_secs(30);
/// After so long, the right to ask for a review may have been granted.
const REVIEW_AGAIN: Duration = Duration::from_secs(300);

/// Who a pod's token names to a review.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

/// Asks for a TokenReview, or without that right verifies with the cluster's published keys.
pub(super) struct ByCluster {
    cluster: Cluster,
    /// When a review was forbidden.
    forbidden: Option<Instant>,
    keys: Option<Keys>,
    looked: Option<Instant>,
}

impl ByCluster {
    /// # Errors
    /// If no cluster is known.
    pub(super) fn new() -> Result<Self, CliError> {
        let cluster = Cluster::connect(&ClusterArgs::default())?;
        Ok(Self { cluster, forbidden: None, keys: None, looked: None })
    }

    fn review(&self, token: &str) -> Result<Verdict, ClusterError> {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": { "token": token, "audiences": [AUDIENCE] },
        });
        let answer = self.cluster.create(resource::TOKEN_REVIEW, "", &review, false)?;
        Ok(read_review(&answer.object["status"]))
    }

    fn by_keys(&mut self, token: &str) -> Verdict {
        if let Some(verdict) = self.keys.as_ref().and_then(|keys| keys.verify(token)) {
            return verdict;
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < KEYS_AGAIN) {
            let reason = "the token names a key that the cluster does not have".to_owned();
            return if self.keys.is_some() { Verdict::Refused(reason) } else { Verdict::Unavailable(reason) };
        }
        self.looked = Some(Instant::now());
        let set = match self.cluster.key_set() {
            Ok(set) => set,
            Err(error) => return Verdict::Unavailable(format!("the cluster's keys cannot be read: {error}")),
        };
        match Keys::new(&set, AUDIENCE) {
            Ok(keys) => self.keys = Some(keys),
            Err(error) => return Verdict::Unavailable(format!("the cluster's keys cannot be understood: {error}")),
        }
        let verdict = self.keys.as_ref().and_then(|keys| keys.verify(token));
        verdict.unwrap_or_else(|| Verdict::Refused("the token names a key that the cluster does not have".to_owned()))
    }
}

impl Verify for ByCluster {
    fn verify(&mut self, token: &str) -> Verdict {
        if self.forbidden.is_none_or(|since| since.elapsed() >= REVIEW_AGAIN) {
            match self.review(token) {
                Ok(verdict) => {
                    self.forbidden = None;
                    return verdict;
                }
                Err(error) if error.is_denied() => {
                    if self.forbidden.is_none() {
                        tracing::info!("no right to ask for TokenReviews; tokens are verified with the cluster's keys");
                    }
                    self.forbidden = Some(Instant::now());
                }
                Err(error) => return Verdict::Unavailable(error.to_string()),
            }
        }
        self.by_keys(token)
    }
}

fn read_review(status: &Value) -> Verdict {
    let refused = |reason: &str| Verdict::Refused(reason.to_owned());
    if status["authenticated"] != true {
        return refused(status["error"].as_str().unwrap_or("the cluster does not know the token"));
    }
    // An API server that knows nothing of audiences says nothing of them.
    let meant = status["audiences"].as_array().is_some_and(|all| all.iter().any(|one| one == AUDIENCE));
    if !meant {
        return refused("the token is for another audience");
    }
    let user = &status["user"];
    let namespace = user["username"].as_str().and_then(|name| {
        let (namespace, _) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        Some(namespace.to_owned())
    });
    let extra = |name: &str| user["extra"][name][0].as_str().map(str::to_owned);
    match (namespace, extra(POD_NAME), extra(POD_UID)) {
        (Some(namespace), Some(name), Some(uid)) => Verdict::Pod(Arc::new(Pod { namespace, name, uid })),
        _ => refused("the token is not bound to a pod"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Value {
        json!({
            "authenticated": true,
            "audiences": ["logtap"],
            "user": {
                "username": "system:serviceaccount:shop:default",
                "extra": { POD_NAME: ["web-1"], POD_UID: ["5"] },
            },
        })
    }

    #[test]
    fn a_review_names_the_pod() {
        let pod = Pod { namespace: "shop".to_owned(), name: "web-1".to_owned(), uid: "5".to_owned() };
        assert_eq!(read_review(&status()), Verdict::Pod(Arc::new(pod)));
    }

    #[test]
    fn what_is_not_said_is_not_assumed() {
        for (pointer, value) in [
            ("/authenticated", json!(false)),
            ("/authenticated", Value::Null),
            ("/audiences", json!(["https://kubernetes.default.svc"])),
            ("/audiences", Value::Null),
            ("/user/username", json!("system:node:one")),
            ("/user/extra", Value::Null),
        ] {
            let mut status = status();
            *status.pointer_mut(pointer).unwrap() = value;
            assert!(matches!(read_review(&status), Verdict::Refused(_)), "{pointer}");
        }
    }
}
