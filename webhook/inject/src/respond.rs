//! The answer to a review: always allowed, the patch in base64, the reason said three times (warning,
//! audit annotation, metric label).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::decide::{Decision, decide};
use crate::mirror::mirror;
use crate::namespace::NamespaceSettings;
use crate::patch::{Operation, patch, repair};
use crate::review::{API_VERSION, Review, ReviewError};
use crate::warnings::Warnings;

/// Key of the audit annotation with the reason's name.
pub const AUDIT_REASON: &str = "reason";
/// Key of the audit annotation with the reason as a sentence.
pub const AUDIT_EXPLANATION: &str = "explanation";
/// Longest sentence in an audit annotation, in characters: foreign names can be long.
const MAX_EXPLANATION: usize = 512;

/// A response, and what the server counts and logs about it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Stable name of what was done: `injected`, `repaired`, one of [`crate::Skip::NAMES`] or of
    /// [`crate::Mirror::NAMES`].
    pub reason: &'static str,
    /// The same as a sentence.
    pub explanation: String,
    /// The AdmissionReview to send.
    pub review: Value,
}

impl Answer {
    /// The response body. The same review gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.review.to_string().into_bytes()
    }
}

/// Answers a request body. `lookup` says what is known of a namespace; it is asked at most once.
///
/// # Errors
/// Only when the bytes are no review that could be answered.
pub fn handle(
    bytes: &[u8],
    lookup: impl FnOnce(&str) -> Option<NamespaceSettings>,
    config: &Config,
) -> Result<Answer, ReviewError> {
    let review = Review::parse(bytes)?;
    let namespace = review.needs_namespace().and_then(lookup);
    Ok(respond(&review, namespace.as_ref(), config))
}

/// Answers a review. `namespace` is what is known of [`Review::needs_namespace`].
#[must_use]
pub fn respond(review: &Review, namespace: Option<&NamespaceSettings>, config: &Config) -> Answer {
    let null = Value::Null;
    let object = review.object().unwrap_or(&null);
    if review.core_kind() == Some("Namespace") {
        let (mirror, warnings) = mirror(review, config);
        return answer(review, mirror.name(), mirror.explain(), &mirror.operations(object), &warnings);
    }
    let verdict = decide(review, namespace, config);
    let operations = match &verdict.decision {
        Decision::Skip(_) => Vec::new(),
        Decision::Inject(plan) => patch(plan, object),
        Decision::Repair(place) => repair(*place),
    };
    answer(review, verdict.decision.name(), verdict.decision.explain(), &operations, &verdict.warnings)
}

fn answer(
    review: &Review,
    reason: &'static str,
    explanation: String,
    operations: &[Operation],
    warnings: &Warnings,
) -> Answer {
    let mut response = Map::new();
    response.insert("uid".to_owned(), review.uid().into());
    response.insert("allowed".to_owned(), true.into());
    if !operations.is_empty() {
        let patch = json!(operations).to_string();
        response.insert("patch".to_owned(), STANDARD.encode(patch).into());
        response.insert("patchType".to_owned(), "JSONPatch".into());
    }
    if !warnings.as_slice().is_empty() {
        response.insert("warnings".to_owned(), warnings.as_slice().into());
    }
    let audit: String = explanation.chars().take(MAX_EXPLANATION).collect();
    response.insert("auditAnnotations".to_owned(), json!({ AUDIT_REASON: reason, AUDIT_EXPLANATION: audit }));
    let review = json!({ "apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response });
    Answer { reason, explanation, review }
}
