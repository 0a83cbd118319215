//! Looks at the figures once a second: tells webhooks what happened, evaluates
//! alert rules, and takes up new certificates.

use std::sync::Arc;
use std::time::Duration;

use logtap_certs::Reloading;
use serde_json::{Value, json};

use crate::alerts::Alerts;
use crate::ledger::Snapshot;
use crate::notify::{Notification, Notifier};
use crate::run::Parts;
use crate::shutdown::{Phase, Shutdown};

const EVERY: Duration = Duration::from_secs(1);
/// Share of the cap at which `disk-warning` is sent.
const DISK_WARNING: f64 = 0.8;
/// Share below which it may be sent again: a capture at its cap hovers around the first.
const DISK_CALM: f64 = 0.7;

/// What is remembered from one look to the next.
#[derive(Debug)]
pub(crate) struct Watch {
    parts: Parts,
    notifier: Notifier,
    alerts: Alerts,
    resolver: Option<Arc<Reloading>>,
    dropped: u64,
    warned: bool,
}

impl Watch {
    pub(crate) fn new(parts: Parts, notifier: Notifier, alerts: Alerts, resolver: Option<Arc<Reloading>>) -> Self {
        Self { parts, notifier, alerts, resolver, dropped: 0, warned: false }
    }

    /// Runs until the shutdown begins.
    pub(crate) async fn run(mut self, mut shutdown: Shutdown) -> Self {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = shutdown.reached(Phase::Draining) => return self,
            }
            self.take_up_certificates();
            self.look();
        }
    }

    /// Tells what happened since the last look and that the receiver stops, and waits until it is told.
    pub(crate) fn finish(mut self) {
        self.look();
        self.notify("stop", &[]);
        self.notifier.finish();
    }

    pub(crate) fn notify(&self, event: &'static str, more: &[(&str, Value)]) {
        let stats = stats(&self.parts.snapshot());
        self.notifier.send(Notification::new(event, &self.parts.dir.to_string_lossy(), stats, more));
    }

    fn take_up_certificates(&self) {
        match self.resolver.as_ref().map(|resolver| resolver.reload()) {
            Some(Ok(true)) => tracing::info!("the TLS certificate was replaced"),
            Some(Err(error)) => tracing::warn!("the old TLS certificate stays in force: {error}"),
            Some(Ok(false)) | None => {}
        }
    }

    fn look(&mut self) {
        for event in self.parts.shared.session.take_events() {
            let name = match event.event.as_str() {
                "rotation" => "rotation",
                "error" => "error",
                _ => continue,
            };
            let more = [("detail", event.detail), ("file", event.file)];
            let more: Vec<_> = more.into_iter().filter_map(|(name, text)| Some((name, Value::from(text?)))).collect();
            self.notify(name, &more);
        }
        let snapshot = self.parts.snapshot();
        let dropped = snapshot.counts.dropped_total();
        if dropped > self.dropped {
            let detail = format!("{} lines dropped", dropped - self.dropped);
            self.notify("drops", &[("detail", detail.into())]);
            self.dropped = dropped;
        }
        let used = snapshot.usage.used as f64 / (snapshot.usage.cap as f64).max(1.0);
        if used > DISK_WARNING && !self.warned {
            self.notify("disk-warning", &[]);
            self.warned = true;
        } else if used < DISK_CALM {
            self.warned = false;
        }
        for alert in self.alerts.look(&snapshot) {
            self.notify("alert", &alert.fields());
        }
    }
}

fn stats(snapshot: &Snapshot) -> Value {
    json!({
        "lines_written": snapshot.counts.written,
        "bytes_written": snapshot.counts.bytes_written,
        "lines_dropped": snapshot.counts.dropped_total(),
        "disk_usage": snapshot.usage.used,
        "disk_cap": snapshot.usage.cap,
    })
}
