//! What is known of all namespaces, in memory, so that no review costs a call.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use logtap_inject::{Config, NamespaceSettings};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a review waits for a namespace.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// The settings of all namespaces that were seen.
#[derive(Debug)]
pub struct Namespaces {
    config: Config,
    known: RwLock<HashMap<String, Arc<NamespaceSettings>>>,
    /// Counts changes, so that waiting is for the next one.
    changes: watch::Sender<u64>,
    listed: watch::Sender<bool>,
}

impl Namespaces {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, known: RwLock::default(), changes: watch::Sender::new(0), listed: watch::Sender::new(false) }
    }

    /// Takes in a namespace as it is now.
    pub fn apply<'a>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let settings = NamespaceSettings::new(labels, annotations, &self.config);
        if self.get(name).is_some_and(|old| *old == settings) {
            return;
        }
        self.write().insert(name.to_owned(), Arc::new(settings));
        self.changed();
    }

    /// Forgets a namespace.
    pub fn remove(&self, name: &str) {
        if self.write().remove(name).is_some() {
            self.changed();
        }
    }

    /// All namespaces were listed, and these are they: forgets the others.
    pub fn listed(&self, names: &HashSet<String>) {
        self.write().retain(|name, _| names.contains(name));
        self.listed.send_replace(true);
        self.changed();
    }

    /// Whether all namespaces were listed at least once.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        *self.listed.borrow()
    }

    /// Waits until all namespaces were listed.
    pub async fn wait_listed(&self) {
        // The sender lives as long as this, so that waiting cannot fail.
        let mut listed = self.listed.subscribe();
        let _known = listed.wait_for(|listed| *listed).await;
    }

    /// What is known of a namespace.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<NamespaceSettings>> {
        self.read().get(name).cloned()
    }

    /// What is known of a namespace once it is what the caller expects; after [`PATIENCE`], what is
    /// known then.
    pub async fn wait_for(
        &self,
        name: &str,
        expected: impl Fn(&NamespaceSettings) -> bool,
    ) -> Option<Arc<NamespaceSettings>> {
        let fits = |found: &Option<Arc<NamespaceSettings>>| found.as_deref().is_some_and(&expected);
        let found = self.get(name);
        if fits(&found) {
            return found;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut changes = self.changes.subscribe();
        loop {
            let found = self.get(name);
            if fits(&found) || tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                return found;
            }
        }
    }

    /// Told after each change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Namespaces whose every new pod opts in, those that are never touched aside.
    #[must_use]
    pub fn opted_in(&self) -> BTreeSet<String> {
        self.names(NamespaceSettings::opts_in)
    }

    /// Namespaces whose label is not what their annotation says: writes that no webhook saw.
    #[must_use]
    pub fn drifted(&self) -> BTreeSet<String> {
        self.names(NamespaceSettings::mirror_missed)
    }

    /// How many are known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.read().len()
    }

    fn names(&self, wanted: impl Fn(&NamespaceSettings) -> bool) -> BTreeSet<String> {
        let known = self.read();
        let chosen = known.iter().filter(|(name, settings)| !self.config.excludes(name) && wanted(settings));
        chosen.map(|(name, _)| name.clone()).collect()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<NamespaceSettings>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<NamespaceSettings>>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
