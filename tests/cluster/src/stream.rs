//! A stream of pod creations at a rate, in which every first attempt counts.
//!
//! The pods have a scheduling gate: no node has to run them, and nothing but the API server limits
//! how fast they come. A dry-run stream leaves nothing behind at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use logtap_inject::vocabulary::annotation;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::pods::{bare_pod, is_injected};

/// Creations on their way at one time.
const AT_ONCE: usize = 50;
/// An answer of the API server takes longer than this only if something is wrong.
const ANSWER: Duration = Duration::from_secs(30);

/// Whether pods stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until the namespace's end.
    Gated,
    /// Not at all: dry-run requests.
    Nothing,
}

/// What came of a stream.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Pods that came back with a forwarder.
    pub injected: u64,
    /// Pods that came back without.
    pub missed: u64,
    /// Creations that the API server refused or did not answer, each with its reason.
    pub failed: Vec<String>,
    /// How long the stream ran.
    pub took: Duration,
    /// The longest that one creation took.
    pub slowest: Duration,
}

/// A stream that runs.
#[derive(Debug)]
pub struct Stream {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Counted>,
}

impl Stream {
    /// Begins to create tapped pods in a namespace.
    #[must_use]
    pub fn begin(namespace: &str, per_second: u32, keep: Keep) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (namespace, until) = (namespace.to_owned(), over.clone());
        let work = move || on_runtime(run(&namespace, per_second, keep, &until));
        let thread = Builder::new().name("stream of pods".to_owned()).spawn(work).expect("a thread");
        Self { over, thread }
    }

    /// Ends it, waits for the creations on their way, and counts.
    ///
    /// # Panics
    /// When the stream broke down.
    #[must_use]
    pub fn end(self) -> Counted {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the stream of pods broke down")
    }
}

impl Counted {
    /// Creations a second that were reached.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn rate(&self) -> f64 {
        self.all() as f64 / self.took.as_secs_f64()
    }

    /// All creations.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.injected + self.missed + self.failed.len() as u64
    }

    /// In one line, for people.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{} pods at {:.1}/s in {:.1} s: {} injected, {} missed, {} failed; the slowest took {} ms",
            self.all(),
            self.rate(),
            self.took.as_secs_f64(),
            self.injected,
            self.missed,
            self.failed.len(),
            self.slowest.as_millis()
        )
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn pods(namespace: &str) -> Api<Pod> {
    let mut config = Config::infer().await.expect("a kubeconfig");
    // What comes back is looked at, not how fast it was refused.
    config.read_timeout = Some(ANSWER);
    let client = Client::try_from(config).expect("a client");
    Api::namespaced(client, namespace)
}

async fn run(namespace: &str, per_second: u32, keep: Keep, over: &AtomicBool) -> Counted {
    let api = pods(namespace).await;
    let params = PostParams { dry_run: keep == Keep::Nothing, ..PostParams::default() };
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    // What a slow moment cost is made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut counted = Counted::default();
    let mut on_their_way = JoinSet::new();
    let began = Instant::now();
    for number in 0_u64.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        ticks.tick().await;
        if on_their_way.len() >= AT_ONCE
            && let Some(done) = on_their_way.join_next().await
        {
            counted.add(done.expect("a creation is watched"));
        }
        while let Some(done) = on_their_way.try_join_next() {
            counted.add(done.expect("a creation is watched"));
        }
        let (api, params, pod) = (api.clone(), params.clone(), pod(number));
        on_their_way.spawn(async move {
            let sent = Instant::now();
            (api.create(&params, &pod).await, sent.elapsed())
        });
    }
    counted.took = began.elapsed();
    while let Some(done) = on_their_way.join_next().await {
        counted.add(done.expect("a creation is watched"));
    }
    counted
}

impl Counted {
    fn add(&mut self, (made, took): (kube::Result<Pod>, Duration)) {
        self.slowest = self.slowest.max(took);
        match made {
            Err(error) => self.failed.push(error.to_string()),
            Ok(pod) if is_injected(&serde_json::to_value(&pod).expect("a pod is JSON")) => self.injected += 1,
            Ok(_) => self.missed += 1,
        }
    }
}

fn pod(number: u64) -> Pod {
    let mut pod: Value = bare_pod(&format!("p{number}"), "exit 0");
    pod["metadata"]["annotations"] = json!({ annotation::TAP: "true", annotation::TARGET: "http://127.0.0.1:9" });
    pod["spec"]["schedulingGates"] = json!([{ "name": "logtap.io/never" }]);
    serde_json::from_value(pod).expect("it is a pod")
}
