//! Namespaces: the annotation that people write becomes the label that the API server selects on.
//!
//! Done in the write itself, so that no pod can come in between and nobody needs the right to patch
//! namespaces. The label may also be set directly; a veto set so is not overruled by any annotation.

use serde_json::{Value, json};

use crate::config::Config;
use crate::namespace::NamespaceSettings;
use crate::patch::{Operation, escape};
use crate::pod::{Annotation, Pod};
use crate::review::{Review, quote};
use crate::switch::Switch;
use crate::vocabulary::{annotation, label};
use crate::warnings::Warnings;

/// What is done with a namespace's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mirror {
    /// Nothing: the review is no creation or update of a namespace, or the namespace is never tapped.
    NotOurs,
    /// Nothing: the label says what it should.
    Current,
    /// The label is set to [`label::ENABLED`] or [`label::DISABLED`].
    Set(&'static str),
    /// The label that mirrored an annotation goes, as the annotation went.
    Remove,
}

impl Mirror {
    /// All names, for metrics that show a zero before the first.
    pub const NAMES: [&'static str; 4] = ["namespace_skipped", "mirror_current", "mirrored", "mirror_removed"];

    /// Stable name for metric labels and audit annotations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotOurs => "namespace_skipped",
            Self::Current => "mirror_current",
            Self::Set(_) => "mirrored",
            Self::Remove => "mirror_removed",
        }
    }

    /// What is done as one sentence.
    #[must_use]
    pub fn explain(self) -> String {
        match self {
            Self::NotOurs => "The namespace is left as it is: no write that could opt it in.".to_owned(),
            Self::Current => "The namespace is left as it is: its label needs no change.".to_owned(),
            Self::Set(value) => format!("The label {} is set to {value}, as the annotation says.", label::TAP),
            Self::Remove => format!("The label {} is removed, as the annotation was.", label::TAP),
        }
    }

    /// The operations that do it.
    #[must_use]
    pub fn operations(self, namespace: &Value) -> Vec<Operation> {
        let path = format!("/metadata/labels/{}", escape(label::TAP));
        match self {
            Self::NotOurs | Self::Current => Vec::new(),
            Self::Remove => vec![Operation::Remove { path }],
            Self::Set(value) if has_labels(namespace) => vec![Operation::Add { path, value: value.into() }],
            Self::Set(value) => {
                vec![Operation::Add { path: "/metadata/labels".to_owned(), value: json!({ label::TAP: value }) }]
            }
        }
    }
}

/// Decides about a review of a namespace.
#[must_use]
pub fn mirror(review: &Review, config: &Config) -> (Mirror, Warnings) {
    let mut warnings = Warnings::default();
    let write = matches!(review.operation(), "CREATE" | "UPDATE") && review.subresource().is_none();
    let Some(new) = review.object().filter(|object| write && is_sound(object)) else {
        return (Mirror::NotOurs, warnings);
    };
    let name = new.pointer("/metadata/name").and_then(Value::as_str).unwrap_or(review.name());
    if config.excludes(name) {
        return (Mirror::NotOurs, warnings);
    }
    let state = State::of(new);
    let mirror = change(&state, review.old_object().map(State::of).as_ref());
    if mirror == Mirror::Current && state.wanted() == Some(label::ENABLED) && state.vetoes() {
        warnings.push(format!("the namespace's label {} forbids taps, whatever its annotation says", label::TAP));
    }
    let invalid = match Pod::new(new).annotation(annotation::TAP) {
        Annotation::Text(text) if Switch::parse(text).is_none() => Some(quote(text)),
        Annotation::NotText => Some("(not text)".to_owned()),
        Annotation::Text(_) | Annotation::Absent => None,
    };
    if let Some(value) = invalid {
        warnings.push(format!("{}: {value} is neither true nor false; no pod opts in by it", annotation::TAP));
    }
    if mirror == Mirror::Set(label::ENABLED) {
        warn_of_prod(new, config, &mut warnings);
    }
    (mirror, warnings)
}

/// What a namespace says in its two places.
struct State<'a> {
    annotation: Annotation<'a>,
    label: Option<&'a str>,
}

impl<'a> State<'a> {
    fn of(namespace: &'a Value) -> Self {
        let namespace = Pod::new(namespace);
        Self { annotation: namespace.annotation(annotation::TAP), label: namespace.label(label::TAP) }
    }

    /// The label that the annotation stands for.
    fn wanted(&self) -> Option<&'static str> {
        let Annotation::Text(text) = self.annotation else { return None };
        Switch::parse(text).map(|switch| match switch {
            Switch::On => label::ENABLED,
            Switch::Off => label::DISABLED,
        })
    }

    /// Whether the label forbids taps.
    fn vetoes(&self) -> bool {
        self.label.and_then(Switch::parse) == Some(Switch::Off)
    }
}

fn change(new: &State<'_>, old: Option<&State<'_>>) -> Mirror {
    // Whether the label came from the annotation and nobody has touched it since.
    let mirrored = new.label.is_some() && old.is_some_and(|old| old.label == new.label && old.wanted() == new.label);
    match new.wanted() {
        Some(wanted) if new.label == Some(wanted) => Mirror::Current,
        Some(_) if new.vetoes() && !mirrored => Mirror::Current,
        Some(wanted) => Mirror::Set(wanted),
        None if mirrored => Mirror::Remove,
        None => Mirror::Current,
    }
}

fn warn_of_prod(namespace: &Value, config: &Config, warnings: &mut Warnings) {
    let texts = |part: &str| {
        let all = namespace.get("metadata").and_then(|metadata| metadata.get(part)).and_then(Value::as_object);
        all.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect::<Vec<_>>()
    };
    let settings = NamespaceSettings::new(texts("labels"), texts("annotations"), config);
    let allowed = settings.annotation(annotation::ALLOW_PROD).and_then(Switch::parse) == Some(Switch::On);
    if let Some(by) = settings.prod().filter(|_| !allowed) {
        warnings.push(format!(
            "the namespace looks like production ({by}); its pods are tapped only with {}: true",
            annotation::ALLOW_PROD
        ));
    }
}

fn has_labels(namespace: &Value) -> bool {
    namespace.pointer("/metadata/labels").is_some_and(Value::is_object)
}

/// Whether a patch of the labels can be written: metadata is there, labels are a map or absent.
fn is_sound(namespace: &Value) -> bool {
    let Some(metadata) = namespace.get("metadata").filter(|metadata| metadata.is_object()) else { return false };
    let map = |part: &str| metadata.get(part).is_none_or(|part| part.is_null() || part.is_object());
    map("labels") && map("annotations")
}
