//! Measures one decision with its patch, from request bytes to response bytes, by size of the review:
//! time on the clock, and time of the processor, which other programs on the machine do not add to.
//!
//! `cargo run --release -p logtap-inject --example throughput`

#![expect(clippy::print_stdout, reason = "a measuring program prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use logtap_inject::{Config, DefaultTarget, NamespaceSettings, Target, handle};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

const ROUNDS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = DefaultTarget { url: Target::parse("http://logtap.logtap.svc:3100")?, by_address: None, ca: None };
    let config = Config { target: Some(target), ..Config::default() };
    let settings = NamespaceSettings::new([("logtap.io/tap", "enabled")], [], &config);
    println!(
        "{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
        "review", "p50", "p99", "max", "CPU p50", "CPU p99", "response"
    );
    for variables in [5, 135, 2000] {
        let body = review(variables).to_string();
        let rounds = ROUNDS.min(ROUNDS * 135 / variables);
        let (mut clock, mut cpu) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
        let mut response = 0;
        for _ in 0..rounds {
            let start = (Instant::now(), processor());
            let answer = handle(black_box(body.as_bytes()), |_| Some(settings.clone()), &config)?;
            response = black_box(answer.to_bytes()).len();
            cpu.push(processor() - start.1);
            clock.push(start.0.elapsed());
        }
        clock.sort_unstable();
        cpu.sort_unstable();
        let at = |times: &[Duration], share: usize| {
            format!("{:.0} µs", times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6)
        };
        let size = |bytes: usize| format!("{:.1} KB", bytes as f64 / 1000.0);
        println!(
            "{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
            size(body.len()),
            at(&clock, 50),
            at(&clock, 99),
            at(&clock, 100),
            at(&cpu, 50),
            at(&cpu, 99),
            size(response)
        );
    }
    Ok(())
}

/// Time that this thread has had a processor for.
fn processor() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A review of a pod whose one container has that many variables of about 110 bytes.
fn review(variables: usize) -> Value {
    let env: Vec<Value> = (0..variables)
        .map(|at| json!({ "name": format!("SERVICE_SETTING_{at}"), "value": "https://internal.example/api/v1/".repeat(2) }))
        .collect();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0f1c2d3e-0000-4000-8000-000000000001",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": "shop",
            "operation": "CREATE",
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "generateName": "api-7d9f8c6b5-",
                    "labels": { "app": "api", "pod-template-hash": "7d9f8c6b5" },
                    "annotations": { "prometheus.io/scrape": "true" },
                },
                "spec": {
                    "containers": [{
                        "name": "api",
                        "image": "shop/api:1",
                        "env": env,
                        "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } },
                        "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
                    }],
                    "volumes": [{ "name": "data", "emptyDir": {} }],
                },
            },
            "oldObject": null,
        },
    })
}
