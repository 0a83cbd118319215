//! An AdmissionReview as it came: which request it holds, and what makes bytes no review at all.

use serde_json::Value;

/// The only version of AdmissionReview that is spoken.
pub const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// A review whose request has a uid to answer to. Everything else about it may still be odd.
#[derive(Debug, Clone)]
pub struct Review {
    root: Value,
}

/// Why bytes cannot be answered. The server says it with status 400; the API server then follows
/// the webhook's failure policy.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No bytes.
    #[error("the body is empty; post an AdmissionReview of {API_VERSION}")]
    Empty,
    /// No JSON, invalid UTF-8, or nested too deeply.
    #[error("the body is not JSON that can be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of object.
    #[error("the body is no AdmissionReview but {0}; post an AdmissionReview of {API_VERSION}")]
    Kind(String),
    /// Another version.
    #[error("AdmissionReview of {0} is not supported; list only v1 in admissionReviewVersions")]
    Version(String),
    /// No request in it.
    #[error("the AdmissionReview has no request")]
    Request,
    /// No uid, so no answer could be matched to it.
    #[error("the AdmissionReview's request has no uid")]
    Uid,
}

impl Review {
    /// Reads a request body.
    ///
    /// # Errors
    /// When the bytes are no AdmissionReview of v1 with a request and a uid.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReviewError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ReviewError::Empty);
        }
        Self::new(serde_json::from_slice(bytes)?)
    }

    /// Takes a value that was read already.
    ///
    /// # Errors
    /// As [`Review::parse`].
    pub fn new(root: Value) -> Result<Self, ReviewError> {
        match root.get("kind").and_then(Value::as_str) {
            Some(KIND) => {}
            Some(kind) => return Err(ReviewError::Kind(format!("kind {}", quote(kind)))),
            None => return Err(ReviewError::Kind("something without a kind".to_owned())),
        }
        match root.get("apiVersion").and_then(Value::as_str) {
            Some(API_VERSION) => {}
            Some(version) => return Err(ReviewError::Version(quote(version))),
            None => return Err(ReviewError::Version("no version".to_owned())),
        }
        let request = root.get("request").filter(|request| request.is_object()).ok_or(ReviewError::Request)?;
        let uid = request.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        uid.ok_or(ReviewError::Uid)?;
        Ok(Self { root })
    }

    /// The uid to answer to.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.text("uid").unwrap_or_default()
    }

    /// Kind of the object, without its group: `Pod`, `Namespace`; only of the core group.
    #[must_use]
    pub fn core_kind(&self) -> Option<&str> {
        let kind = self.field("kind")?;
        let core = kind.get("group").and_then(Value::as_str).unwrap_or_default().is_empty();
        kind.get("kind").and_then(Value::as_str).filter(|_| core)
    }

    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.text("operation").unwrap_or_default()
    }

    /// The part of the object that the request is about, where it is not the object itself.
    #[must_use]
    pub fn subresource(&self) -> Option<&str> {
        self.text("subResource").filter(|name| !name.is_empty())
    }

    /// Namespace of the request. The object's own may be empty: the API server fills it in later.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.text("namespace").filter(|name| !name.is_empty())
    }

    /// Name of the object, empty where the API server is yet to generate it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    /// Whether nothing will be kept of the write, so that nothing else may follow from it.
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.field("dryRun").and_then(Value::as_bool) == Some(true)
    }

    /// The object, if there is one.
    #[must_use]
    pub fn object(&self) -> Option<&Value> {
        self.field("object")
    }

    /// The object before the write, if there is one.
    #[must_use]
    pub fn old_object(&self) -> Option<&Value> {
        self.field("oldObject")
    }

    /// The namespace whose settings [`crate::respond`] needs; `None` where it needs none.
    #[must_use]
    pub fn needs_namespace(&self) -> Option<&str> {
        let creates_pod =
            self.core_kind() == Some("Pod") && self.operation() == "CREATE" && self.subresource().is_none();
        self.namespace().filter(|_| creates_pod)
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.root.get("request")?.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_str()
    }
}

/// A foreign text for a message: escaped, in quotes, cut to 60 characters.
pub(crate) fn quote(text: &str) -> String {
    let shown: String = text.chars().take(60).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{rest}\"", shown.escape_debug())
}
