//! What a namespace says about its pods, as remembered by whoever watches namespaces.

use std::collections::BTreeMap;

use crate::config::{Config, PodSecurity};
use crate::switch::Switch;
use crate::vocabulary::{annotation, label};

/// The part of a namespace's metadata that decisions need; small, since there may be thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceSettings {
    annotations: BTreeMap<String, String>,
    tap_label: Option<String>,
    pod_security: Option<PodSecurity>,
    prod: Option<String>,
}

/// What a namespace decides for pods that say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceSwitch {
    /// No pod may opt in; the text is what says so, as `key=value`.
    Veto(String),
    /// Every pod opts in.
    On,
    /// Pods opt in one by one.
    Unset,
    /// A value that is neither on nor off, with its key.
    Invalid(&'static str, String),
}

impl NamespaceSettings {
    /// Keeps what matters of a namespace's labels and annotations.
    pub fn new<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
        config: &Config,
    ) -> Self {
        let mut settings = Self {
            annotations: annotations
                .into_iter()
                .filter(|(key, _)| key.starts_with(annotation::PREFIX))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            ..Self::default()
        };
        for (key, value) in labels {
            let matches = |(name, word): &(String, String)| name == key && word.eq_ignore_ascii_case(value.trim());
            if config.prod_labels.iter().any(matches) {
                settings.prod = Some(format!("{key}={value}"));
            }
            match key {
                label::TAP => settings.tap_label = Some(value.to_owned()),
                label::POD_SECURITY => settings.pod_security = Some(PodSecurity::of_label(value)),
                _ => {}
            }
        }
        settings
    }

    /// Value of an annotation of ours.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// What annotation and label say together: off in either is a veto; an annotation that is
    /// neither on nor off keeps the label from opting in, and so does any other spelling of the label,
    /// by which the API server selects.
    #[must_use]
    pub fn switch(&self) -> NamespaceSwitch {
        let said = [(annotation::TAP, self.annotation(annotation::TAP)), (label::TAP, self.tap_label.as_deref())];
        let said = said.map(|(key, value)| value.map(|value| (key, value, Switch::parse(value))));
        if let Some((key, value, _)) = said.iter().flatten().find(|(_, _, switch)| *switch == Some(Switch::Off)) {
            return NamespaceSwitch::Veto(format!("{key}={value}"));
        }
        match said.iter().flatten().next() {
            // Other words for on say nothing in a label: the API server knows one of them.
            Some((_, value, Some(_))) if said[0].is_some() || *value == label::ENABLED => NamespaceSwitch::On,
            Some((key, value, _)) => NamespaceSwitch::Invalid(key, (*value).to_owned()),
            None => NamespaceSwitch::Unset,
        }
    }

    /// Whether annotation and label disagree as only a write that the webhook did not see leaves
    /// them: the label is not what [`crate::mirror()`] would have made it. A label that forbids what the
    /// annotation allows is somebody's will.
    #[must_use]
    pub fn mirror_missed(&self) -> bool {
        let label = self.tap_label.as_deref();
        match self.annotation(annotation::TAP).and_then(Switch::parse) {
            None => false,
            Some(Switch::Off) => label != Some(label::DISABLED),
            Some(Switch::On) => label != Some(label::ENABLED) && label.and_then(Switch::parse) != Some(Switch::Off),
        }
    }

    /// Whether pods get forwarders without saying anything themselves, production considered.
    #[must_use]
    pub fn opts_in(&self) -> bool {
        let permitted = self.annotation(annotation::ALLOW_PROD).and_then(Switch::parse) == Some(Switch::On);
        self.switch() == NamespaceSwitch::On && (self.prod.is_none() || permitted)
    }

    /// The label that makes the namespace look like production, as `key=value`.
    #[must_use]
    pub fn prod(&self) -> Option<&str> {
        self.prod.as_deref()
    }

    /// The Pod Security level its label asks for.
    #[must_use]
    pub fn pod_security(&self) -> Option<PodSecurity> {
        self.pod_security
    }
}
