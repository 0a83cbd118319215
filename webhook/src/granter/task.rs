//! The granter at work: looks when something changed, and at all of it from time to time.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Binding, Grants, Inbox};
use crate::cluster::ClusterError;
use crate::metrics::Metrics;
use crate::namespaces::Namespaces;

/// What the granter asks of the API server.
pub trait Bindings: Send + Sync {
    /// All bindings of ours.
    fn list(&self) -> impl Future<Output = Result<Vec<Binding>, ClusterError>> + Send;
    /// Makes the binding of a namespace; one that is there is no error.
    fn create(&self, namespace: &str) -> impl Future<Output = Result<(), ClusterError>> + Send;
    /// Deletes exactly this binding; one that is gone is no error.
    fn delete(&self, binding: &Binding) -> impl Future<Output = Result<(), ClusterError>> + Send;
    /// Whether a tapped pod of a namespace has not ended.
    fn has_tapped_pods(&self, namespace: &str) -> impl Future<Output = Result<bool, ClusterError>> + Send;
}

/// How often what is done.
#[derive(Debug, Clone)]
pub struct Pace {
    /// After something changed: so long, to take in what changes at the same time.
    pub gather: Duration,
    /// Between looks at everything.
    pub sweep: Duration,
    /// After a failure, at first; doubled up to [`Pace::sweep`].
    pub retry: Duration,
    /// How long a binding outlives the last tapped pod.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(100),
            sweep: Duration::from_secs(60),
            retry: Duration::from_secs(1),
            patience: Duration::from_secs(300),
        }
    }
}

/// Grants for ever.
pub async fn run<B: Bindings>(
    bindings: B,
    inbox: Arc<Inbox>,
    namespaces: Arc<Namespaces>,
    metrics: Arc<Metrics>,
    pace: Pace,
) {
    let mut work = Work { grants: Grants::new(pace.patience), bindings, inbox, namespaces, metrics };
    let mut changes = work.namespaces.subscribe();
    work.namespaces.wait_listed().await;
    let mut opted_in = work.namespaces.opted_in();
    let (mut next_sweep, mut retry) = (Instant::now(), pace.retry);
    loop {
        let mut good = true;
        if Instant::now() >= next_sweep {
            good &= work.sweep().await;
            next_sweep = Instant::now() + pace.sweep;
        }
        good &= work.fill().await;
        let pause = if good { next_sweep.saturating_duration_since(Instant::now()) } else { retry };
        retry = if good { pace.retry } else { (retry * 2).min(pace.sweep) };
        let wake_up = Instant::now() + pause;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(wake_up) => break,
                () = work.inbox.wake.notified() => {}
                _ = changes.changed() => {
                    let now = work.namespaces.opted_in();
                    if now == opted_in {
                        continue;
                    }
                    opted_in = now;
                }
            }
            tokio::time::sleep(pace.gather).await;
            if good {
                break;
            }
        }
    }
}

struct Work<B> {
    grants: Grants,
    bindings: B,
    inbox: Arc<Inbox>,
    namespaces: Arc<Namespaces>,
    metrics: Arc<Metrics>,
}

impl<B: Bindings> Work<B> {
    /// Makes what is missing; false if some of it could not be made.
    async fn fill(&mut self) -> bool {
        self.grants.injected(self.inbox.take());
        let mut good = true;
        for namespace in self.grants.missing(&self.namespaces.opted_in()) {
            if self.namespaces.get(&namespace).is_none() {
                self.grants.forget(&namespace);
                continue;
            }
            let result = self.bindings.create(&namespace).await;
            self.metrics.wrote("rolebinding", ClusterError::outcome(&result));
            match result {
                Ok(()) => {
                    tracing::info!(namespace, "forwarders may read logs");
                    self.grants.bound(&namespace);
                }
                Err(error) => {
                    tracing::warn!(namespace, "forwarders could not be permitted to read logs: {error}");
                    good = false;
                }
            }
        }
        good
    }

    /// Looks at everything, and deletes what nobody needs; false if something failed.
    async fn sweep(&mut self) -> bool {
        let bindings = match self.bindings.list().await {
            Ok(bindings) => bindings,
            Err(error) => {
                tracing::warn!("the RoleBindings of forwarders cannot be listed: {error}");
                return false;
            }
        };
        let opted_in = self.namespaces.opted_in();
        let mut live = BTreeMap::new();
        for namespace in self.grants.found(&bindings, &opted_in) {
            match self.bindings.has_tapped_pods(&namespace).await {
                Ok(lives) => drop(live.insert(namespace, lives)),
                Err(error) => tracing::warn!(namespace, "its pods cannot be listed: {error}"),
            }
        }
        // Pods that were injected meanwhile count, whether or not they are in a list.
        self.grants.injected(self.inbox.take());
        let mut good = true;
        for binding in self.grants.upkeep(&bindings, &opted_in, &live, Instant::now()).delete {
            let result = self.bindings.delete(&binding).await;
            self.metrics.wrote("rolebinding", ClusterError::outcome(&result));
            match result {
                Ok(()) => tracing::info!(namespace = binding.namespace, "forwarders may no longer read logs"),
                Err(error) => {
                    tracing::warn!(namespace = binding.namespace, "a RoleBinding could not be deleted: {error}");
                    good = false;
                }
            }
        }
        good
    }
}
