//! Annotations beside the switch: pod before namespace before the installation's default.
//!
//! A value that cannot be read is told and passed over. The exceptions are the lists of containers:
//! somebody wanted less read, so a list that cannot be read must not end in everything being read.

use crate::namespace::NamespaceSettings;
use crate::pod::{Annotation, Pod};
use crate::review::quote;
use crate::skip::Skip;
use crate::switch::Switch;
use crate::vocabulary::annotation;
use crate::warnings::Warnings;

/// Longest list of container names, in bytes: it becomes one variable of the sidecar's environment.
pub(crate) const MAX_LIST: usize = 8 << 10;
/// Longest bundle of certificates, in bytes; a process takes no variable of 128 KiB.
pub(crate) const MAX_CA: usize = 64 << 10;
pub(crate) const MAX_IMAGE: usize = 512;
pub(crate) const MAX_SESSION: usize = 63;

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Pod,
    Namespace,
}

/// A value and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Both sets of annotations of a pod.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) pod: Pod<'a>,
    pub(crate) namespace: &'a NamespaceSettings,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Namespace => "namespace",
        }
    }
}

impl<'a> Settings<'a> {
    /// What is written under a key: pod first, then namespace. `None` in place of the text where it
    /// is not text.
    fn written(self, key: &str) -> impl Iterator<Item = (Place, Option<&'a str>)> {
        let pod = match self.pod.annotation(key) {
            Annotation::Absent => None,
            Annotation::Text(text) => Some((Place::Pod, Some(text))),
            Annotation::NotText => Some((Place::Pod, None)),
        };
        let namespace = self.namespace.annotation(key).map(|text| (Place::Namespace, Some(text)));
        pod.into_iter().chain(namespace)
    }

    /// The first value that reads; each before it is told, with what was expected.
    pub(crate) fn find<T>(
        self,
        key: &'static str,
        warnings: &mut Warnings,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        for (place, text) in self.written(key) {
            let result = text.ok_or_else(|| "it is not text".to_owned()).and_then(&read);
            match result {
                Ok(value) => return Some(Found { value, place }),
                Err(why) => warnings.push(format!(
                    "{key}: {} on the {} is ignored: {why}",
                    shown(key, text.unwrap_or_default()),
                    place.name()
                )),
            }
        }
        None
    }

    /// Names of a list annotation, or the skip for one that cannot be read.
    pub(crate) fn list(self, key: &'static str) -> Result<Option<Found<Vec<String>>>, Skip> {
        let Some((place, text)) = self.written(key).next() else { return Ok(None) };
        let invalid = |text: &str| Skip::InvalidAnnotation(place.name(), key, quote(text));
        let text = text.ok_or_else(|| invalid("(not text)"))?;
        let names: Vec<String> =
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() || text.len() > MAX_LIST || text.chars().any(char::is_control) {
            return Err(invalid(text));
        }
        Ok(Some(Found { value: names, place }))
    }

    /// Whether pod or namespace permit taps in production.
    pub(crate) fn allows_prod(self, warnings: &mut Warnings) -> bool {
        let read = |text: &str| Switch::parse(text).ok_or_else(|| "write true or false".to_owned());
        self.find(annotation::ALLOW_PROD, warnings, read).is_some_and(|found| found.value == Switch::On)
    }
}

/// A session's name: 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
pub(crate) fn session(text: &str) -> Result<String, String> {
    let text = text.trim();
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if bytes.len() <= MAX_SESSION && bytes.iter().all(|byte| inner(*byte)) && end(bytes.first()) && end(bytes.last()) {
        Ok(text.to_owned())
    } else {
        Err("a session is 1 to 63 letters, digits, -, _ and .".to_owned())
    }
}

/// An image reference, as far as a text can be told to be none.
pub(crate) fn image(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=MAX_IMAGE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("it is no image reference".to_owned())
    }
}

/// PEM certificates, and no keys among them.
pub(crate) fn certificates(text: &str) -> Result<String, String> {
    let marked = |mark: &str| text.matches(mark).count();
    if text.len() > MAX_CA {
        return Err("it is longer than 64 KiB".to_owned());
    }
    if text.contains("PRIVATE KEY") {
        return Err("it holds a private key; leave only certificates, and replace the key".to_owned());
    }
    let (begun, ended) = (marked("-----BEGIN CERTIFICATE-----"), marked("-----END CERTIFICATE-----"));
    if begun == 0 || begun != ended || text.contains('\0') {
        return Err("it holds no PEM certificates".to_owned());
    }
    Ok(text.to_owned())
}

/// A value for a message: secrets that do not belong into annotations are not repeated.
fn shown(key: &str, text: &str) -> String {
    match key {
        annotation::TARGET_CA => "the value".to_owned(),
        annotation::TARGET => match (text.find("//"), text.rfind('@')) {
            (Some(start), Some(end)) if start + 2 <= end => {
                quote(&format!("{}***{}", &text[..start + 2], &text[end..]))
            }
            _ => quote(text),
        },
        _ => quote(text),
    }
}
