//! Label sets, rendered once and shared: nothing on the hot path builds a map
//! per line.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use crate::text;

/// Labels that name a line's service, in order of preference.
pub const SERVICE_LABELS: [&str; 5] = ["app", "service_name", "app_kubernetes_io_name", "container", "job"];

/// Label of lines that no container wrote: logtap speaks about other lines. Its values are [`GAP`] and [`END`].
pub const MARK: &str = "logtap";
/// Value of [`MARK`]: lines are lost.
pub const GAP: &str = "gap";
/// Value of [`MARK`]: a source has said everything.
pub const END: &str = "end";

/// A label set in memory: sorted pairs and their JSON object.
///
/// Two sets with the same pairs are equal and render to the same bytes.
#[derive(Debug)]
pub struct LabelSet {
    pairs: Vec<(String, String)>,
    json: Vec<u8>,
    service: Arc<str>,
    hash: u64,
    is_mark: bool,
}

impl PartialEq for LabelSet {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.json == other.json
    }
}

impl Eq for LabelSet {}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A shared label set.
pub type Labels = Arc<LabelSet>;

impl LabelSet {
    /// Sorts the pairs by name; of a repeated name the last value stays.
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.reverse();
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.reverse();
        let mut json = Vec::with_capacity(pairs.iter().map(|(k, v)| k.len() + v.len() + 6).sum::<usize>() + 2);
        json.push(b'{');
        for (at, (name, value)) in pairs.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            text::push_string(&mut json, name);
            json.push(b':');
            text::push_string(&mut json, value);
        }
        json.push(b'}');
        let service = SERVICE_LABELS
            .iter()
            .find_map(|name| pairs.iter().find(|(key, _)| key == name))
            .map_or_else(|| Arc::from(""), |(_, value)| Arc::from(value.as_str()));
        let hash = foldhash::fast::FixedState::default().hash_one(&json);
        let is_mark = pairs.iter().any(|(name, value)| name == MARK && [GAP, END].contains(&value.as_str()));
        Self { pairs, json, service, hash, is_mark }
    }

    /// The set that marks lost lines: `{"logtap":"gap"}`.
    #[must_use]
    pub fn gap() -> Self {
        Self::new([(MARK.to_owned(), GAP.to_owned())])
    }

    /// Name and value of each label, sorted by name.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The value of one label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.pairs.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
        Some(&self.pairs[at].1)
    }

    /// The JSON object as it stands in data lines.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The service that lines of this set belong to; empty when no label tells.
    #[must_use]
    pub fn service(&self) -> &Arc<str> {
        &self.service
    }

    /// True for the sets of marks: gaps and ends.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.is_mark
    }

    /// True for the sets of gap marks.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.is_mark && self.get(MARK) == Some(GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> LabelSet {
        LabelSet::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn sorted_and_last_wins() {
        let labels = set(&[("b", "1"), ("a", "\"x\n"), ("b", "2")]);
        assert_eq!(labels.json(), br#"{"a":"\"x\n","b":"2"}"#);
        assert_eq!(labels.get("b"), Some("2"));
        assert_eq!(labels.get("c"), None);
    }

    #[test]
    fn service_by_preference() {
        assert_eq!(set(&[("job", "j"), ("container", "c")]).service().as_ref(), "c");
        assert_eq!(set(&[("pod", "p")]).service().as_ref(), "");
        assert!(LabelSet::gap().is_gap());
        assert!(set(&[("logtap", "gap"), ("pod", "p")]).is_gap());
        assert!(set(&[("logtap", "end"), ("pod", "p")]).is_mark());
        assert!(!set(&[("logtap", "end")]).is_gap());
        assert!(!set(&[("logtap", "yes")]).is_mark());
    }
}
