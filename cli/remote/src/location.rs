//! Places as a user names them: `s3://bucket/prefix` and `gs://bucket/prefix`.

use std::fmt;

use crate::RemoteError;

/// Kinds of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
}

/// A bucket and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) scheme: Scheme,
    pub(crate) bucket: String,
    /// Without slashes at its ends; may be empty.
    pub(crate) prefix: String,
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none of a bucket.
    pub fn parse(url: &str) -> Result<Self, RemoteError> {
        let wrong = || {
            RemoteError::Usage(format!(
                "{url:?} is no place in a bucket; write s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"
            ))
        };
        let (scheme, rest) = if let Some(rest) = url.strip_prefix("s3://") {
            (Scheme::S3, rest)
        } else {
            (Scheme::Gs, url.strip_prefix("gs://").ok_or_else(wrong)?)
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        let named = bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if bucket.is_empty() || !named || (!prefix.is_empty() && prefix.split('/').any(odd)) {
            return Err(wrong());
        }
        if prefix.len() > 512 || prefix.chars().any(char::is_control) {
            return Err(wrong());
        }
        Ok(Self { scheme, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// A place below this one.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self { prefix: self.key(name), ..self.clone() }
    }

    /// Key of an object below this place.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// How messages name an object.
    pub(crate) fn url(&self, key: &str) -> String {
        let scheme = match self.scheme {
            Scheme::S3 => "s3",
            Scheme::Gs => "gs",
        };
        format!("{scheme}://{}/{key}", self.bucket)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url(&self.prefix).trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = Location::parse("s3://logs/incidents/42/").unwrap();
        assert_eq!((place.bucket.as_str(), place.prefix.as_str()), ("logs", "incidents/42"));
        assert_eq!(place.below("id").key("manifest.json"), "incidents/42/id/manifest.json");
        assert_eq!(place.to_string(), "s3://logs/incidents/42");
        assert_eq!(Location::parse("gs://logs").unwrap().key("a"), "a");
        let wrong =
            ["s3://", "gs:///x", "https://a/b", "s3://b/../c", "s3://b/a//c", "s3://a b/c", "logs/x", "s3://b/x\n"];
        for wrong in wrong {
            assert!(Location::parse(wrong).is_err(), "{wrong}");
        }
    }
}
