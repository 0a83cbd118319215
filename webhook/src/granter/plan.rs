//! The decision: which bindings are missing, which are no longer needed. No clock, no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// A binding of ours that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where it is.
    pub namespace: String,
    /// Which one it is: only this one is deleted, not one of the same name made since.
    pub uid: String,
    /// The version that was read.
    pub version: String,
}

/// What there is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Namespaces that need a binding and have none.
    pub create: Vec<String>,
    /// Bindings that nobody needs any more.
    pub delete: Vec<Binding>,
}

/// What is remembered from one look to the next.
#[derive(Debug)]
pub struct Grants {
    /// How long a binding outlives the need: a pod that was injected is not in lists at once, and
    /// another replica may have injected it.
    patience: Duration,
    /// Namespaces with tapped pods, as far as known, and since when none of them was seen.
    tapped: BTreeMap<String, Option<Instant>>,
    bound: BTreeSet<String>,
}

impl Grants {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { patience, tapped: BTreeMap::new(), bound: BTreeSet::new() }
    }

    /// Pods were injected in these namespaces.
    pub fn injected(&mut self, namespaces: BTreeSet<String>) {
        self.tapped.extend(namespaces.into_iter().map(|name| (name, None)));
    }

    /// Namespaces that need a binding now and are not known to have one.
    #[must_use]
    pub fn missing(&self, opted_in: &BTreeSet<String>) -> Vec<String> {
        let needed = opted_in.iter().chain(self.tapped.iter().filter(|(_, idle)| idle.is_none()).map(|(name, _)| name));
        let missing: BTreeSet<&String> = needed.filter(|name| !self.bound.contains(*name)).collect();
        missing.into_iter().cloned().collect()
    }

    /// A namespace has its binding, made or found.
    pub fn bound(&mut self, namespace: &str) {
        self.bound.insert(namespace.to_owned());
    }

    /// A namespace is gone.
    pub fn forget(&mut self, namespace: &str) {
        self.bound.remove(namespace);
        self.tapped.remove(namespace);
    }

    /// All bindings of ours were listed. Returns the namespaces whose pods decide.
    pub fn found(&mut self, bindings: &[Binding], opted_in: &BTreeSet<String>) -> Vec<String> {
        self.bound = bindings.iter().map(|binding| binding.namespace.clone()).collect();
        for name in &self.bound {
            self.tapped.entry(name.clone()).or_insert(None);
        }
        self.tapped.keys().filter(|name| !opted_in.contains(*name)).cloned().collect()
    }

    /// What follows from bindings and pods. `live` says of each namespace asked for whether tapped
    /// pods live there; one that could not be asked is left as it is.
    pub fn upkeep(
        &mut self,
        bindings: &[Binding],
        opted_in: &BTreeSet<String>,
        live: &BTreeMap<String, bool>,
        now: Instant,
    ) -> Upkeep {
        let mut delete = Vec::new();
        let patience = self.patience;
        self.tapped.retain(|name, idle| {
            match live.get(name) {
                _ if opted_in.contains(name) => *idle = None,
                None => {}
                Some(true) => *idle = None,
                Some(false) => {
                    let since = *idle.get_or_insert(now);
                    if now.duration_since(since) >= patience {
                        delete.extend(bindings.iter().filter(|binding| binding.namespace == *name).cloned());
                        return false;
                    }
                }
            }
            true
        });
        for binding in &delete {
            self.bound.remove(&binding.namespace);
        }
        Upkeep { create: self.missing(opted_in), delete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(300);

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn binding(namespace: &str) -> Binding {
        Binding { namespace: namespace.to_owned(), uid: format!("uid-{namespace}"), version: "7".to_owned() }
    }

    fn live(all: &[(&str, bool)]) -> BTreeMap<String, bool> {
        all.iter().map(|(name, lives)| ((*name).to_owned(), *lives)).collect()
    }

    #[test]
    fn binds_who_opted_in_and_who_was_injected() {
        let mut grants = Grants::new(PATIENCE);
        grants.injected(set(&["shop"]));
        assert_eq!(grants.missing(&set(&["bank"])), ["bank", "shop"]);
        grants.bound("bank");
        assert_eq!(grants.missing(&set(&["bank"])), ["shop"]);
        grants.forget("shop");
        assert!(grants.missing(&set(&["bank"])).is_empty());
    }

    #[test]
    fn unbinds_long_after_the_last_pod() {
        let (mut grants, start) = (Grants::new(PATIENCE), Instant::now());
        let bindings = [binding("shop")];
        assert_eq!(grants.found(&bindings, &set(&[])), ["shop"]);
        let quiet = Upkeep::default();
        assert_eq!(grants.upkeep(&bindings, &set(&[]), &live(&[("shop", true)]), start), quiet);
        let ended = live(&[("shop", false)]);
        assert_eq!(
            grants.upkeep(&bindings, &set(&[]), &ended, start + PATIENCE),
            quiet,
            "seen idle for the first time"
        );
        let upkeep = grants.upkeep(&bindings, &set(&[]), &ended, start + PATIENCE * 2);
        assert_eq!(upkeep, Upkeep { create: Vec::new(), delete: vec![binding("shop")] });
        assert!(grants.found(&[], &set(&[])).is_empty(), "nothing is left to ask about");
    }

    #[test]
    fn a_pod_in_between_starts_the_wait_anew() {
        let (mut grants, start) = (Grants::new(PATIENCE), Instant::now());
        let (bindings, ended) = ([binding("shop")], live(&[("shop", false)]));
        grants.found(&bindings, &set(&[]));
        grants.upkeep(&bindings, &set(&[]), &ended, start);
        grants.injected(set(&["shop"]));
        let upkeep = grants.upkeep(&bindings, &set(&[]), &ended, start + PATIENCE);
        assert!(upkeep.delete.is_empty(), "the new pod may not be in the list yet");
    }

    #[test]
    fn a_namespace_that_cannot_be_asked_stays() {
        let (mut grants, start) = (Grants::new(PATIENCE), Instant::now());
        let bindings = [binding("shop")];
        grants.found(&bindings, &set(&[]));
        for round in 0..9 {
            let upkeep = grants.upkeep(&bindings, &set(&[]), &live(&[]), start + PATIENCE * round);
            assert!(upkeep.delete.is_empty());
        }
    }

    #[test]
    fn a_binding_that_somebody_deleted_comes_back() {
        let (mut grants, start) = (Grants::new(PATIENCE), Instant::now());
        grants.injected(set(&["shop"]));
        grants.bound("shop");
        grants.found(&[], &set(&["bank"]));
        let upkeep = grants.upkeep(&[], &set(&["bank"]), &live(&[("shop", true)]), start);
        assert_eq!(upkeep.create, ["bank", "shop"]);
    }

    #[test]
    fn opting_in_needs_no_pods() {
        let (mut grants, start) = (Grants::new(PATIENCE), Instant::now());
        let bindings = [binding("bank")];
        for round in 0..9 {
            assert!(grants.found(&bindings, &set(&["bank"])).is_empty(), "its pods do not matter");
            assert_eq!(
                grants.upkeep(&bindings, &set(&["bank"]), &live(&[]), start + PATIENCE * round),
                Upkeep::default()
            );
        }
    }
}
