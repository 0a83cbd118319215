//! Lines that never came, as gap marks count them: how a mark says it in its
//! metadata, and the sum over many marks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time;

/// Metadata names of a gap mark.
pub mod meta {
    /// Number of lines; [`UNKNOWN`] where nobody can count them.
    pub const LOST: &str = "lost";
    /// Why.
    pub const REASON: &str = "reason";
    /// Time of the last line before the gap, RFC 3339.
    pub const FROM: &str = "from";
    /// Time of the first line after it.
    pub const TO: &str = "to";
    /// Value of [`LOST`].
    pub const UNKNOWN: &str = "unknown";
}

/// Text and metadata of a gap mark: `lost` lines, if their number is known, between two times in nanoseconds.
#[must_use]
pub fn describe(lost: Option<u64>, reason: &str, from: i64, to: i64) -> (String, [(&'static str, String); 4]) {
    let (from, to) = (time::format(from), time::format(to));
    let count = lost.map_or_else(|| "an unknown number of".to_owned(), |lost| lost.to_string());
    let text = format!("lost {count} lines ({reason}) between {from} and {to}");
    let lost = lost.map_or_else(|| meta::UNKNOWN.to_owned(), |lost| lost.to_string());
    let meta = [(meta::LOST, lost), (meta::REASON, reason.to_owned()), (meta::FROM, from), (meta::TO, to)];
    (text, meta)
}

/// The time between which lines are lost, as a gap mark's metadata says, or else its text; `None` if neither does.
#[must_use]
pub fn between(message: &str, meta: &[(String, String)]) -> Option<(i64, i64)> {
    let told = |name: &str| meta.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (from, to) = match (told(meta::FROM), told(meta::TO)) {
        (Some(from), Some(to)) => (from, to),
        _ => message.rsplit_once(" between ")?.1.split_once(" and ")?,
    };
    Some((time::parse(from.as_bytes())?, time::parse(to.as_bytes())?))
}

/// Most reasons told apart.
const MAX_REASONS: usize = 64;

/// Lost lines by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lost(BTreeMap<String, Loss>);

/// What marks of one reason say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Gap marks.
    pub marks: u64,
    /// Lines, as far as marks know their number.
    pub lines: u64,
    /// Marks that do not know it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Lost {
    /// Takes note of a gap mark's metadata. Marks without [`meta::LOST`] are of lines that the receiver itself
    /// dropped, which it counts elsewhere.
    pub fn note<'m>(&mut self, meta: impl Iterator<Item = (&'m str, &'m str)>) {
        let (mut lost, mut reason) = (None, "");
        for (name, value) in meta {
            match name {
                meta::LOST => lost = Some(value),
                meta::REASON => reason = value,
                _ => {}
            }
        }
        let Some(lost) = lost else { return };
        let lines: Option<u64> = lost.parse().ok();
        let loss = Loss { marks: 1, lines: lines.unwrap_or(0), uncounted: u64::from(lines.is_none()) };
        self.add(reason, loss);
    }

    fn add(&mut self, reason: &str, loss: Loss) {
        let full = self.0.len() >= MAX_REASONS && !self.0.contains_key(reason);
        let sum = self.0.entry(if full { crate::index::OTHER } else { reason }.to_owned()).or_default();
        sum.marks += loss.marks;
        sum.lines = sum.lines.saturating_add(loss.lines);
        sum.uncounted += loss.uncounted;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        for (reason, loss) in &other.0 {
            self.add(reason, *loss);
        }
    }

    /// Raises what is counted to what `other` counts, where that is more: two views of the same marks.
    pub(crate) fn at_least(&mut self, other: &Self) {
        for (reason, loss) in &other.0 {
            let known = self.0.entry(reason.clone()).or_default();
            if known.marks < loss.marks {
                *known = *loss;
            }
        }
    }

    /// True if nothing is lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lines lost, as far as marks know the number.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.0.values().map(|loss| loss.lines).sum()
    }

    /// Losses by reason.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Loss)> {
        self.0.iter().map(|(reason, loss)| (reason.as_str(), *loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_between_which_times() {
        let (text, meta) = describe(Some(3), "x", 5, 70 * time::SECOND);
        let meta = meta.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(between("", &meta), Some((5, 70 * time::SECOND)));
        assert_eq!(between(&text, &[]), Some((5, 70 * time::SECOND)));
        assert_eq!(between("dropped lines between one and the other", &[]), None);
    }
}
