//! Carries out what the lifecycle of authority and leaf decides, for one replica.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use logtap_certs::{Data, Decision, Keyring, Lifecycle, Live, NotReady, Published, Stored};
use tokio::sync::Notify;

use crate::admin::Readiness;
use crate::cluster::ClusterError;
use crate::metrics::Metrics;

/// After a failure or a lost race, at first; doubled up to the time between looks.
const RETRY: Duration = Duration::from_millis(100);
/// Looks in a row after which there is a pause, whatever is left to do.
const LOOKS: usize = 10;

/// Something that was read, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version.
    pub version: String,
    /// What was read.
    pub content: T,
}

/// What replicas share and clients read. Writes are only over the version that was read.
pub trait Shared: Send + Sync {
    /// What is stored.
    fn stored(&self) -> impl Future<Output = Result<Option<Versioned<Data>>, ClusterError>> + Send;
    /// Stores, over a version or where nothing is.
    fn store(&self, ring: &Keyring, over: Option<&str>) -> impl Future<Output = Result<(), ClusterError>> + Send;
    /// What is published, in each place; `None` where there is no place.
    fn published(&self) -> impl Future<Output = Result<Option<Versioned<Vec<String>>>, ClusterError>> + Send;
    /// Publishes in every place, over a version.
    fn publish(&self, text: &str, over: &str) -> impl Future<Output = Result<(), ClusterError>> + Send;
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// One replica's part in sharing an authority.
pub struct Replica<S> {
    /// What it shares.
    pub shared: S,
    /// What it decides by.
    pub lifecycle: Lifecycle,
    /// Where its leaf is served from.
    pub live: Arc<Live>,
    /// Whom it tells whether clients can verify it.
    pub readiness: Arc<Readiness>,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// Its clock.
    pub clock: Clock,
    /// What was read last, for as long as the API server does not answer.
    pub last: Last,
}

/// The last answers.
#[derive(Debug, Clone, Default)]
pub struct Last {
    stored: Option<Option<Versioned<Data>>>,
    published: Option<Option<Versioned<Vec<String>>>>,
}

/// What a look left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing to do.
    Rest,
    /// Something was written: look again.
    Again,
    /// Something failed, or somebody else was first.
    Retry,
}

impl<S: Shared> Replica<S> {
    /// Works for ever; looks whenever `changed` is told.
    pub async fn run(mut self, changed: Arc<Notify>) {
        // Time on the wall counts: a machine may sleep.
        let rest = self.lifecycle.policy().look();
        let mut retry = RETRY;
        loop {
            let mut outcome = Outcome::Again;
            for _ in 0..LOOKS {
                outcome = self.look().await;
                if outcome != Outcome::Again {
                    break;
                }
            }
            let pause = if outcome == Outcome::Rest { rest } else { retry };
            retry = if outcome == Outcome::Rest { RETRY } else { (retry * 2).min(rest) };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = changed.notified() => {}
            }
        }
    }

    async fn look(&mut self) -> Outcome {
        let (stored_now, published_now) = (self.shared.stored().await, self.shared.published().await);
        let mut outcome = Outcome::Rest;
        let mut denied = None;
        for error in [stored_now.as_ref().err(), published_now.as_ref().err()].into_iter().flatten() {
            tracing::warn!("the webhook's certificates cannot be looked after: {error}");
            outcome = Outcome::Retry;
            if matches!(error, ClusterError::Denied(_)) {
                denied = Some(error.to_string());
            }
        }
        let reachable = stored_now.is_ok() && published_now.is_ok();
        remember(&mut self.last.stored, stored_now);
        remember(&mut self.last.published, published_now);
        let stored = match &self.last.stored {
            None => Stored::Unknown,
            Some(None) => Stored::Missing,
            Some(Some(found)) => Stored::Found(Box::new(Keyring::parse(&found.content))),
        };
        let published = match &self.last.published {
            None => Published::Unknown,
            Some(None) => Published::Absent,
            Some(Some(found)) => Published::Found(found.content.clone()),
        };
        let now = (self.clock)();
        let decision = self.lifecycle.decide(&stored, &published, now);
        if let Stored::Found(ring) = &stored {
            for fault in &ring.faults {
                tracing::warn!("the Secret with the webhook's authority is spoilt and will be mended: {fault}");
            }
            if let Some(current) = &ring.current {
                self.metrics.expires("ca", current.certificate().not_after());
            }
        }
        if let Some(by) = &decision.sign {
            self.serve(by, now);
        }
        let ready = if decision.sign.is_some() {
            self.lifecycle.decide(&stored, &published, now).ready
        } else {
            decision.ready
        };
        if reachable {
            outcome = self.write(&decision, &stored, now, &mut denied).await;
        }
        self.readiness.certificate(ready.map_err(|why| explain(why, denied)));
        outcome
    }

    fn serve(&mut self, by: &logtap_certs::Authority, now: SystemTime) {
        match self.lifecycle.sign(by, now) {
            Ok(leaf) => {
                self.live.serve(leaf);
                self.metrics.expires("leaf", leaf.certificate().not_after());
                tracing::info!("a new certificate is in force");
            }
            Err(error) => tracing::error!("no certificate could be signed: {error}"),
        }
    }

    async fn write(
        &self,
        decision: &Decision,
        stored: &Stored,
        now: SystemTime,
        denied: &mut Option<String>,
    ) -> Outcome {
        let mut outcome = Outcome::Rest;
        let mut note = |what: &'static str, result: Result<(), ClusterError>| {
            self.metrics.wrote(what, ClusterError::outcome(&result));
            match result {
                Ok(()) if outcome == Outcome::Rest => outcome = Outcome::Again,
                Ok(()) => {}
                Err(error) => {
                    outcome = Outcome::Retry;
                    if error != ClusterError::Conflict {
                        tracing::warn!("the {what} of the webhook's authority cannot be written: {error}");
                    }
                    if matches!(error, ClusterError::Denied(_)) {
                        *denied = Some(error.to_string());
                    }
                }
            }
        };
        if let Some(change) = &decision.write {
            let over = self.last.stored.iter().flatten().next().map(|found| found.version.as_str());
            match self.lifecycle.apply(change, stored, now) {
                Ok(ring) => note("secret", self.shared.store(&ring, over).await),
                Err(error) => {
                    tracing::error!("no authority could be made: {error}");
                    return Outcome::Retry;
                }
            }
        }
        if let (Some(text), Some(found)) = (&decision.publish, self.last.published.iter().flatten().next()) {
            note("bundle", self.shared.publish(text, &found.version).await);
        }
        outcome
    }
}

/// Keeps the last answer while there is none, be it a refusal: an API server that starts refuses what
/// it permits a second later, and a replica that gave up being ready for it would miss pods.
fn remember<T>(last: &mut Option<T>, now: Result<T, ClusterError>) {
    if let Ok(now) = now {
        *last = Some(now);
    }
}

fn explain(why: NotReady, denied: Option<String>) -> String {
    denied.map_or_else(|| why.to_string(), |denied| format!("{why} ({denied})"))
}

impl<S> fmt::Debug for Replica<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("lifecycle", &self.lifecycle).finish_non_exhaustive()
    }
}
