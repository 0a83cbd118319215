//! What is counted, and how Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use logtap_inject::{Mirror, Skip};

/// Upper bounds of the histogram, in microseconds: from far below what is expected to the API
/// server's patience.
const BOUNDS: [u64; 14] =
    [100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 3_000_000];
const INJECTIONS: [&str; 2] = ["injected", "repaired"];

/// All counters.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    reviews: BTreeMap<&'static str, u64>,
    answers: BTreeMap<u16, u64>,
    canceled: u64,
    durations: [u64; BOUNDS.len()],
    duration_sum: Duration,
    duration_count: u64,
    handshakes_failed: u64,
    watch_errors: u64,
    writes: BTreeMap<(&'static str, &'static str), u64>,
    expiries: BTreeMap<&'static str, SystemTime>,
}

/// What is not counted but looked at when somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Namespaces known.
    pub namespaces: usize,
    /// Those of them whose label is not what their annotation says.
    pub drifted: usize,
    /// Whether `/readyz` says yes.
    pub ready: bool,
}

impl Metrics {
    /// A review was answered, for this reason.
    pub fn reviewed(&self, reason: &'static str) {
        *self.lock().reviews.entry(reason).or_default() += 1;
    }

    /// A request to the path of reviews was answered with this status.
    pub fn answered(&self, status: u16, took: Duration) {
        let mut counts = self.lock();
        *counts.answers.entry(status).or_default() += 1;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bound, count) in BOUNDS.iter().zip(&mut counts.durations) {
            *count += u64::from(micros <= *bound);
        }
        counts.duration_sum += took;
        counts.duration_count += 1;
    }

    /// Whoever asked went away before the answer.
    pub fn canceled(&self) {
        self.lock().canceled += 1;
    }

    /// A TLS handshake came to nothing.
    pub fn handshake_failed(&self) {
        self.lock().handshakes_failed += 1;
    }

    /// A watch broke and begins again.
    pub fn watch_failed(&self) {
        self.lock().watch_errors += 1;
    }

    /// Something was written to the API server: what, and `ok`, `conflict`, `denied` or `error`.
    pub fn wrote(&self, what: &'static str, result: &'static str) {
        *self.lock().writes.entry((what, result)).or_default() += 1;
    }

    /// A certificate in use (`ca` or `leaf`) expires then.
    pub fn expires(&self, kind: &'static str, at: SystemTime) {
        self.lock().expiries.insert(kind, at);
    }

    /// All figures in the Prometheus text format.
    #[must_use]
    pub fn text(&self, gauges: &Gauges) -> String {
        let counts = self.lock();
        let mut text = Text(String::with_capacity(8192));
        let name = "logtap_webhook_reviews_total";
        text.head(name, "counter", "Reviews answered, by decision and reason.");
        for reason in INJECTIONS.iter().chain(&Mirror::NAMES).chain(&Skip::NAMES) {
            let count = counts.reviews.get(reason).copied().unwrap_or(0);
            text.value(name, &[("decision", decision(reason)), ("reason", reason)], count);
        }
        let name = "logtap_webhook_answers_total";
        text.head(name, "counter", "Requests to the path of reviews, by HTTP status.");
        for (status, count) in &counts.answers {
            text.value(name, &[("status", &status.to_string())], count);
        }
        text.one("logtap_webhook_canceled_total", "counter", "Requests given up by who sent them.", counts.canceled);
        duration(&mut text, &counts);
        text.one(
            "logtap_webhook_handshakes_failed_total",
            "counter",
            "TLS handshakes that failed or took too long.",
            counts.handshakes_failed,
        );
        text.one("logtap_webhook_namespaces", "gauge", "Namespaces known.", gauges.namespaces);
        text.one(
            "logtap_webhook_mirror_drift_namespaces",
            "gauge",
            "Namespaces whose label is not what their annotation says: written while no webhook was there.",
            gauges.drifted,
        );
        text.one("logtap_webhook_watch_errors_total", "counter", "Watches that broke.", counts.watch_errors);
        let name = "logtap_webhook_writes_total";
        text.head(name, "counter", "Writes to the API server, by object and result.");
        for ((what, result), count) in &counts.writes {
            text.value(name, &[("object", what), ("result", result)], count);
        }
        let name = "logtap_webhook_cert_not_after_seconds";
        text.head(name, "gauge", "When the certificate in use expires, in seconds since 1970.");
        for (kind, at) in &counts.expiries {
            let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            text.value(name, &[("kind", kind)], seconds);
        }
        text.one(
            "logtap_webhook_ready",
            "gauge",
            "Whether the API server can use this replica.",
            u8::from(gauges.ready),
        );
        text.0
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decision(reason: &str) -> &'static str {
    match reason {
        "injected" => "inject",
        "repaired" => "repair",
        reason if Mirror::NAMES.contains(&reason) => "namespace",
        _ => "skip",
    }
}

fn duration(text: &mut Text, counts: &Counts) {
    let name = "logtap_webhook_review_duration_seconds";
    text.head(name, "histogram", "Time from the head of a request to its answer.");
    let bucket = "logtap_webhook_review_duration_seconds_bucket";
    for (bound, count) in BOUNDS.iter().zip(&counts.durations) {
        text.value(bucket, &[("le", &Duration::from_micros(*bound).as_secs_f64().to_string())], count);
    }
    text.value(bucket, &[("le", "+Inf")], counts.duration_count);
    text.value("logtap_webhook_review_duration_seconds_sum", &[], counts.duration_sum.as_secs_f64());
    text.value("logtap_webhook_review_duration_seconds_count", &[], counts.duration_count);
}

struct Text(String);

impl Text {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).unwrap_or_default();
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.add(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// All label values are names of ours and need no escaping.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            self.add(format_args!("{label}=\"{text}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.add(format_args!(" {value}\n"));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }
}
