//! Fakes of what only an API server has. They know versions and refusals, and nothing else of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use logtap_certs::{Data, Keyring};
use logtap_webhook::ClusterError;
use logtap_webhook::authority::{Shared, Versioned};
use logtap_webhook::granter::{Binding, Bindings};
use tokio::sync::Notify;

/// A fake Secret and a fake webhook configuration with three entries.
#[derive(Clone, Default)]
pub(crate) struct FakeShared(pub(crate) Arc<FakeState>);

#[derive(Default)]
pub(crate) struct FakeState {
    pub(crate) inner: Mutex<FakeObjects>,
    /// Told of every change.
    pub(crate) bells: Mutex<Vec<Arc<Notify>>>,
}

#[derive(Default)]
pub(crate) struct FakeObjects {
    version: u64,
    pub(crate) secret: Option<(u64, Data)>,
    pub(crate) bundles: Option<(u64, Vec<String>)>,
    /// Writes of bundles are refused.
    pub(crate) deny_publish: bool,
    /// Nothing answers.
    pub(crate) down: bool,
    pub(crate) stored: usize,
    pub(crate) conflicts: usize,
}

impl FakeShared {
    pub(crate) fn with_configuration() -> Self {
        let fake = Self::default();
        fake.change(|objects| objects.bundles = Some((0, vec![String::new(); 3])));
        fake
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut FakeObjects)) {
        change(&mut self.0.inner.lock().unwrap());
        self.ring();
    }

    pub(crate) fn ring(&self) {
        for bell in self.0.bells.lock().unwrap().iter() {
            bell.notify_one();
        }
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&FakeObjects) -> T) -> T {
        look(&self.0.inner.lock().unwrap())
    }

    fn up(&self) -> Result<(), ClusterError> {
        if self.look(|objects| objects.down) {
            Err(ClusterError::Failed("connection refused".to_owned()))
        } else {
            Ok(())
        }
    }
}

fn versioned<T: Clone>(found: Option<&(u64, T)>) -> Option<Versioned<T>> {
    found.map(|(version, content)| Versioned { version: version.to_string(), content: content.clone() })
}

impl Shared for FakeShared {
    async fn stored(&self) -> Result<Option<Versioned<Data>>, ClusterError> {
        self.up()?;
        let found = self.look(|objects| versioned(objects.secret.as_ref()));
        // Between reading and writing others get their turn.
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn store(&self, ring: &Keyring, over: Option<&str>) -> Result<(), ClusterError> {
        self.up()?;
        let mut objects = self.0.inner.lock().unwrap();
        if objects.secret.as_ref().map(|(version, _)| version.to_string()).as_deref() != over {
            objects.conflicts += 1;
            return Err(ClusterError::Conflict);
        }
        objects.version += 1;
        objects.stored += 1;
        objects.secret = Some((objects.version, ring.to_data()));
        drop(objects);
        self.ring();
        Ok(())
    }

    async fn published(&self) -> Result<Option<Versioned<Vec<String>>>, ClusterError> {
        self.up()?;
        let found = self.look(|objects| versioned(objects.bundles.as_ref()));
        tokio::task::yield_now().await;
        Ok(found)
    }

    async fn publish(&self, text: &str, over: &str) -> Result<(), ClusterError> {
        self.up()?;
        let mut objects = self.0.inner.lock().unwrap();
        if objects.deny_publish {
            return Err(ClusterError::Denied("mutatingwebhookconfigurations is forbidden: cannot patch".to_owned()));
        }
        let Some((version, places)) = &objects.bundles else { return Err(ClusterError::Missing("none".to_owned())) };
        if version.to_string() != over {
            objects.conflicts += 1;
            return Err(ClusterError::Conflict);
        }
        let places = vec![text.to_owned(); places.len()];
        objects.version += 1;
        objects.bundles = Some((objects.version, places));
        drop(objects);
        self.ring();
        Ok(())
    }
}

/// Fake RoleBindings and fake pods.
#[derive(Clone, Default)]
pub(crate) struct FakeBindings(pub(crate) Arc<Mutex<FakeCluster>>);

#[derive(Default)]
pub(crate) struct FakeCluster {
    pub(crate) bindings: BTreeMap<String, u64>,
    pub(crate) tapped: BTreeSet<String>,
    /// So many creations fail first.
    pub(crate) failures: usize,
    made: u64,
}

impl Bindings for FakeBindings {
    async fn list(&self) -> Result<Vec<Binding>, ClusterError> {
        let cluster = self.0.lock().unwrap();
        let one = |(namespace, number): (&String, &u64)| Binding {
            namespace: namespace.clone(),
            uid: number.to_string(),
            version: number.to_string(),
        };
        Ok(cluster.bindings.iter().map(one).collect())
    }

    async fn create(&self, namespace: &str) -> Result<(), ClusterError> {
        let mut cluster = self.0.lock().unwrap();
        if cluster.failures > 0 {
            cluster.failures -= 1;
            return Err(ClusterError::Failed("the API server answers 500".to_owned()));
        }
        cluster.made += 1;
        let number = cluster.made;
        cluster.bindings.entry(namespace.to_owned()).or_insert(number);
        Ok(())
    }

    async fn delete(&self, binding: &Binding) -> Result<(), ClusterError> {
        let mut cluster = self.0.lock().unwrap();
        if cluster.bindings.get(&binding.namespace).is_some_and(|number| number.to_string() == binding.uid) {
            cluster.bindings.remove(&binding.namespace);
        }
        Ok(())
    }

    async fn has_tapped_pods(&self, namespace: &str) -> Result<bool, ClusterError> {
        Ok(self.0.lock().unwrap().tapped.contains(namespace))
    }
}
