//! What `tap` writes into a workload and how `untap` takes it back: pure, so that both can be
//! tested against each other without a cluster.
//!
//! Only annotations of the pod template are written, with server-side apply; that change is the
//! restart. What was replaced is kept in an annotation of the workload itself, together with what
//! was written: whatever reads differently later was edited by somebody else and is left alone.

mod before;
mod kind;
pub mod namespace;
mod notes;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use before::Before;
pub use kind::{Kind, Refusal};
pub use notes::{Note, gitops};

use crate::vocabulary::annotation;

/// Annotations of a pod template by key.
pub type Annotations = BTreeMap<String, String>;

/// What `tap` is to do with a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct TapPlan {
    /// The object to apply with server-side apply as [`crate::vocabulary::object::FIELD_MANAGER`],
    /// forced; `None` if the workload already is as it should be.
    pub apply: Option<Value>,
    /// Annotations of the template that change, with the value before and after.
    pub changes: Vec<Change>,
    /// What the user should know before it happens.
    pub notes: Vec<Note>,
}

/// What `untap` is to do with a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct UntapPlan {
    /// A JSON merge patch; `None` if there is nothing of ours.
    pub patch: Option<Value>,
    /// Annotations of the template that change, with the value before and after.
    pub changes: Vec<Change>,
    /// Keys that somebody edited since; they keep their values.
    pub left: Vec<String>,
}

/// One annotation of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its key.
    pub key: String,
    /// Its value in the cluster.
    pub from: Option<String>,
    /// Its value afterwards.
    pub to: Option<String>,
}

/// Plans a tap. `wanted` are the annotations to be written, [`annotation::TAP`] among them. Without
/// a session in it, that of an earlier tap is kept.
///
/// # Errors
/// [`Refusal`] if the workload cannot be tapped, or is for another session or target and not `force`.
pub fn tap(workload: &Value, wanted: &Annotations, force: bool) -> Result<TapPlan, Refusal> {
    let kind = Kind::of(workload)?;
    let current = kind.annotations(workload);
    let earlier = Before::of(workload)?;
    let mut wanted = wanted.clone();
    if let Some(before) = &earlier {
        if !force {
            refuse_other_holder(&current, before, &wanted)?;
        }
        for key in [annotation::SESSION, annotation::TARGET] {
            if let (false, Some(value)) = (wanted.contains_key(key), before.wrote.get(key)) {
                wanted.insert(key.to_owned(), value.clone());
            }
        }
    }
    let untapped = earlier.as_ref().map_or_else(|| current.clone(), |before| before.restored(&current).0);
    let shape = earlier.as_ref().map_or_else(|| kind.shape(workload), |before| before.shape);
    let before = Before::new(earlier.as_ref(), &untapped, &wanted, shape);
    let mut after = untapped;
    after.extend(wanted);
    let changes = changes(&current, &after);
    let apply = (!changes.is_empty() || earlier.as_ref() != Some(&before)).then(|| kind.apply(workload, &before));
    Ok(TapPlan { notes: notes::of(workload, kind), apply, changes })
}

/// Plans the way back. Works on workloads that were never tapped: there is nothing to do then.
///
/// # Errors
/// [`Refusal`] if this is no workload that can be tapped.
pub fn untap(workload: &Value) -> Result<UntapPlan, Refusal> {
    let kind = Kind::of(workload)?;
    let current = kind.annotations(workload);
    let Some(before) = Before::of(workload)? else {
        return Ok(UntapPlan { patch: None, changes: Vec::new(), left: Vec::new() });
    };
    let (after, left) = before.restored(&current);
    let changes = changes(&current, &after);
    let mut patch = Map::new();
    for change in &changes {
        patch.insert(change.key.clone(), json!(change.to));
    }
    Ok(UntapPlan { patch: Some(kind.back(workload, patch, &after, &before)), changes, left })
}

fn refuse_other_holder(current: &Annotations, before: &Before, wanted: &Annotations) -> Result<(), Refusal> {
    for key in [annotation::SESSION, annotation::TARGET] {
        if let (Some(holds), Some(asked)) =
            (current.get(key).filter(|_| before.wrote.contains_key(key)), wanted.get(key))
            && holds != asked
        {
            return Err(Refusal::Held { by: key, value: holds.clone() });
        }
    }
    Ok(())
}

fn changes(current: &Annotations, after: &Annotations) -> Vec<Change> {
    let mut keys: Vec<&String> = current.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let change =
        |key: &String| Change { key: key.clone(), from: current.get(key).cloned(), to: after.get(key).cloned() };
    keys.into_iter().map(change).filter(|change| change.from != change.to).collect()
}
