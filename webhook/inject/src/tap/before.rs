//! The record of what a tap replaced, as it stands in the workload's annotation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Annotations, Refusal};
use crate::vocabulary::annotation;

/// What `tap` wrote into the template, and what stood there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Version of this record; others are not understood.
    version: u32,
    /// What was written, by key.
    pub wrote: Annotations,
    /// What was there instead; `None` where there was nothing.
    pub was: BTreeMap<String, Option<String>>,
    /// Which of the containers of annotations did not exist.
    #[serde(default)]
    pub shape: Shape,
}

/// Parts of the template that a tap brings into being, and that custom resources keep even when
/// they are empty again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The template had no `metadata`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_metadata: bool,
    /// The template's metadata had no `annotations`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_annotations: bool,
    /// The workload itself had no `annotations`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub none_of_workload: bool,
}

const VERSION: u32 = 1;

impl Before {
    /// The record that a workload carries.
    ///
    /// # Errors
    /// [`Refusal::UnknownRecord`] if there is one that this version does not understand.
    pub fn of(workload: &Value) -> Result<Option<Self>, Refusal> {
        let annotations = workload.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let Some(text) = annotations.and_then(|annotations| annotations.get(annotation::BEFORE)?.as_str()) else {
            return Ok(None);
        };
        let before = serde_json::from_str(text).ok().filter(|before: &Self| before.version == VERSION);
        before.map(Some).ok_or(Refusal::UnknownRecord)
    }

    /// The record of a tap that writes `wanted` over `untapped`. A key that an earlier tap wrote and
    /// gave back stays in it: server-side apply would remove the value if it was left out.
    pub(super) fn new(earlier: Option<&Self>, untapped: &Annotations, wanted: &Annotations, shape: Shape) -> Self {
        let mut was: BTreeMap<_, _> = wanted.keys().map(|key| (key.clone(), untapped.get(key).cloned())).collect();
        for key in earlier.iter().flat_map(|before| before.was.keys()) {
            if let (false, Some(value)) = (wanted.contains_key(key), untapped.get(key)) {
                was.insert(key.clone(), Some(value.clone()));
            }
        }
        Self { version: VERSION, wrote: wanted.clone(), was, shape }
    }

    /// The annotations that server-side apply is given.
    pub(super) fn applied(&self) -> Annotations {
        let given_back = self.was.iter().filter(|(key, _)| !self.wrote.contains_key(*key));
        let given_back = given_back.filter_map(|(key, was)| Some((key.clone(), was.clone()?)));
        self.wrote.clone().into_iter().chain(given_back).collect()
    }

    /// The template's annotations without the tap, and the keys that somebody edited since.
    pub(super) fn restored(&self, current: &Annotations) -> (Annotations, Vec<String>) {
        restored(&self.wrote, &self.was, current)
    }

    /// The record as the annotation's value.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What `current` was before `wrote` took the place of `was`, and the keys that somebody edited since.
pub(super) fn restored(
    wrote: &Annotations,
    was: &BTreeMap<String, Option<String>>,
    current: &Annotations,
) -> (Annotations, Vec<String>) {
    let (mut after, mut left) = (current.clone(), Vec::new());
    for (key, wrote) in wrote {
        match (current.get(key) == Some(wrote), was.get(key).cloned().flatten()) {
            (true, Some(was)) => drop(after.insert(key.clone(), was)),
            (true, None) => drop(after.remove(key)),
            (false, _) => left.push(key.clone()),
        }
    }
    (after, left)
}
