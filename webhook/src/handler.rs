//! One AdmissionReview: bytes in, answer out, counted and logged. No call to the API server.

use std::sync::Arc;

use arc_swap::ArcSwap;
use logtap_inject::vocabulary::annotation;
use logtap_inject::{Config, NamespaceSettings, NamespaceSwitch, Review, ReviewError, respond};
use serde_json::Value;

use crate::granter::Inbox;
use crate::metrics::Metrics;
use crate::namespaces::Namespaces;

/// Answers reviews.
#[derive(Debug)]
pub struct Reviewer {
    config: ArcSwap<Config>,
    namespaces: Arc<Namespaces>,
    metrics: Arc<Metrics>,
    granter: Option<Arc<Inbox>>,
}

impl Reviewer {
    /// With `granter`, namespaces of injected pods are told to it.
    #[must_use]
    pub fn new(
        config: Config,
        namespaces: Arc<Namespaces>,
        metrics: Arc<Metrics>,
        granter: Option<Arc<Inbox>>,
    ) -> Self {
        Self { config: ArcSwap::from_pointee(config), namespaces, metrics, granter }
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Puts another configuration in force for reviews to come.
    pub fn configure(&self, config: Config) {
        self.config.store(Arc::new(config));
    }

    /// Answers a request body.
    ///
    /// # Errors
    /// Only when the bytes are no review that could be answered.
    pub async fn answer(&self, body: &[u8]) -> Result<Vec<u8>, ReviewError> {
        let review = Review::parse(body)?;
        let settings = match review.needs_namespace() {
            Some(name) => self.settings(name, &review).await,
            None => None,
        };
        let answer = respond(&review, settings.as_deref(), &self.config.load());
        self.metrics.reviewed(answer.reason);
        self.report(&review, answer.reason);
        Ok(answer.to_bytes())
    }

    /// What is known of a namespace; waits for one that was not seen yet.
    async fn settings(&self, name: &str, review: &Review) -> Option<Arc<NamespaceSettings>> {
        // A pod that says nothing is sent only where the API server sees the namespace opted in: if
        // it is not so here, the watch is behind.
        let silent = annotation_of(review, annotation::TAP).is_none();
        let behind = |settings: &NamespaceSettings| silent && settings.switch() == NamespaceSwitch::Unset;
        self.namespaces.wait_for(name, |settings| !behind(settings)).await
    }

    fn report(&self, review: &Review, reason: &str) {
        let namespace = review.namespace().unwrap_or_default();
        let pod = pod_name(review);
        match reason {
            "injected" => {
                tracing::info!(namespace, pod, uid = review.uid(), dry_run = review.dry_run(), "forwarder added");
                if let Some(granter) = self.granter.as_ref().filter(|_| !review.dry_run()) {
                    granter.injected(namespace);
                }
            }
            "repaired" => {
                tracing::info!(namespace, pod, uid = review.uid(), "restart policy of the forwarder put back")
            }
            "mirrored" | "mirror_removed" => {
                tracing::info!(namespace = review.name(), reason, "label follows annotation")
            }
            _ => tracing::debug!(namespace, pod, uid = review.uid(), reason, "reviewed"),
        }
    }
}

fn metadata<'a>(review: &'a Review, path: &str) -> Option<&'a Value> {
    review.object()?.get("metadata")?.get(path)
}

fn annotation_of<'a>(review: &'a Review, key: &str) -> Option<&'a Value> {
    metadata(review, "annotations")?.get(key)
}

/// The pod's name, or what the API server will make it from.
fn pod_name(review: &Review) -> &str {
    let text = |field| metadata(review, field).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("name").or_else(|| text("generateName")).unwrap_or_default()
}
