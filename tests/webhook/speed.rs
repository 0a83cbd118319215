//! The figures of the webhook, printed and not judged: `tests/run bench` calls it in release form.

#![expect(clippy::print_stdout, reason = "a measuring program prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use logtap_webhook::handler::Reviewer;
use logtap_webhook::metrics::Metrics;
use logtap_webhook::namespaces::Namespaces;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::fake_api::FakeApiServer;
use crate::program::{Program, bundle, configuration, namespace};
use crate::stage::{config, is_injected, post, review};

const RATE: u64 = 500;
const SECONDS: u64 = 10;

/// A review of about 15 KB.
fn large() -> String {
    let env: Vec<Value> = (0..135)
        .map(|at| json!({ "name": format!("SERVICE_SETTING_{at}"), "value": "https://internal.example/api/v1/".repeat(2) }))
        .collect();
    let mut review = review("shop");
    review["request"]["object"]["spec"]["containers"][0]["env"] = env.into();
    review.to_string()
}

fn line(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1000].as_secs_f64() * 1e6;
    println!("{what:<44} p50 {:>6.0} µs   p99 {:>6.0} µs   p99.9 {:>6.0} µs", at(500), at(990), at(999));
}

fn resident(process: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let kib: f64 =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap();
    format!("{:.1} MiB", kib / 1024.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a bench; tests/run bench calls it"]
async fn speed() {
    let body = large();
    println!("review of {} bytes", body.len());
    let namespaces = Arc::new(Namespaces::new(config()));
    namespaces.apply("shop", [], []);
    let reviewer = Reviewer::new(config(), namespaces, Arc::new(Metrics::default()), None);
    let mut times = Vec::new();
    for _ in 0..20_000 {
        let began = Instant::now();
        let answer = reviewer.answer(body.as_bytes()).await.unwrap();
        times.push(began.elapsed());
        std::hint::black_box(answer);
    }
    line("in process", times);

    let (api, folder) = (FakeApiServer::start().await, tempfile::tempdir().unwrap());
    api.put("mutatingwebhookconfigurations", "", "logtap-webhook", configuration());
    api.put("namespaces", "", "shop", namespace(json!({})));
    for number in 0..999 {
        let settings =
            json!({ "logtap.io/tap": "true", "logtap.io/target": "http://receiver.example:3100", "owner": "team" });
        api.put("namespaces", "", &format!("namespace-{number}"), namespace(settings));
    }
    let program = Program::start(&api, folder.path(), &["--no-grant", "--log", "warn"]);
    program.ready().await;
    let process = program.child.id().unwrap();
    println!("resident with 1,000 namespaces, before reviews {}", resident(process));
    let sender = program.connect(&bundle(&api, "ns.logtap.io").unwrap()).await;
    let mut tasks = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
    for _ in 0..RATE * SECONDS {
        ticks.tick().await;
        let (mut sender, body) = (sender.clone(), body.clone());
        tasks.spawn(async move {
            let began = Instant::now();
            let response = sender.send_request(post(body)).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let took = began.elapsed();
            assert!(is_injected(&body));
            took
        });
    }
    let mut times = Vec::new();
    while let Some(took) = tasks.join_next().await {
        times.push(took.unwrap());
    }
    line(&format!("over TLS, one connection, {RATE} reviews/s"), times);
    println!("resident after {} reviews {}", RATE * SECONDS, resident(process));
    program.end().await;
}
