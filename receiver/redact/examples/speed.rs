//! Measures how fast text is redacted: MB per second on one core, per rule and for all rules, over
//! generated lines of about 200 bytes of which 5 in 100 hold a value.
//!
//! Run with `cargo run --release -p logtap-redact --example speed`.

use std::{hint::black_box, io::Write as _, time::Instant};

use logtap_redact::{Builtin, Config, CustomPattern, RedactError, Redactor};

const LINES: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = fastrand::Rng::with_seed(7);
    let clean: Vec<String> = (0..LINES).map(|_| line(&mut random, false)).collect();
    let mixed: Vec<String> = (0..LINES).map(|i| line(&mut random, i % 20 == 0)).collect();
    let words: Vec<String> = (0..LINES).map(|_| "all work and no play makes for a dull log; ".repeat(5)).collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<24}{:>10}{:>10}{:>10}", "MB/s", "words", "clean", "5% hits")?;
    let mut row = |name: &str, redactor: Redactor| -> std::io::Result<()> {
        let rates = [&words, &clean, &mixed].map(|lines| rate(&redactor, lines));
        writeln!(out, "{name:<24}{:>10.0}{:>10.0}{:>10.0}", rates[0], rates[1], rates[2])
    };
    for rule in Builtin::ALL {
        row(rule.name(), with(vec![rule], Vec::new())?)?;
    }
    row("all", with(Builtin::ALL.to_vec(), Vec::new())?)?;
    row("all and 3 patterns", with(Builtin::ALL.to_vec(), patterns())?)?;
    Ok(())
}

fn with(builtins: Vec<Builtin>, patterns: Vec<CustomPattern>) -> Result<Redactor, RedactError> {
    Redactor::new(Config { builtins, patterns, hash_key: None })
}

fn patterns() -> Vec<CustomPattern> {
    [("aws_key", r"\bAKIA[0-9A-Z]{16}\b"), ("password", r"(?i)password=\S+"), ("github", r"gh[pousr]_\w{36}")]
        .map(|(name, pattern)| CustomPattern {
            name: name.into(),
            pattern: pattern.into(),
            replacement: format!("[REDACTED:{name}]"),
        })
        .into()
}

/// The best of several runs, in 10^6 bytes per second.
fn rate(redactor: &Redactor, lines: &[String]) -> f64 {
    let bytes: usize = lines.iter().map(String::len).sum();
    let mut out = String::new();
    let mut hits = vec![0; redactor.names().len()];
    (0..15)
        .map(|_| {
            let start = Instant::now();
            for line in lines {
                black_box(redactor.redact(black_box(line), &mut out, &mut hits));
            }
            bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max)
}

fn line(random: &mut fastrand::Rng, secret: bool) -> String {
    let ms = 1_790_000_000_000_u64 + random.u64(..10_000_000_000);
    let id = random.u128(..);
    let value = if secret {
        ["user=bob.smith@example.com", "card 4111 1111 1111 1111", "call +1 555 123 4567", "ssn=123-45-6789"]
            [random.usize(..4)]
    } else {
        "user=1048576 plan=basic"
    };
    let (status, size, took) = (random.u32(200..504), random.u32(100..99_999), random.f32());
    match random.u32(..4) {
        0 => format!(
            "2026-11-22T16:52:21.{:06}Z INFO api request done trace_id={id:032x} status={status} bytes={size} took={took:.3}s {value} path=/api/v1/orders/{}/items?page=3 shard=17 queue_ms={}",
            ms % 1_000_000,
            random.u32(..),
            size / 7,
        ),
        1 => format!(
            "{{\"ts\":{ms},\"level\":\"info\",\"msg\":\"order stored\",\"request_id\":\"{:08x}-1b2c-4d3e-9f00-{:012x}\",\"took_ms\":{took:.6},\"rows\":{size},\"note\":\"{value}\",\"node\":\"ip-10-0-3-17\"}}",
            random.u32(..),
            id >> 80,
        ),
        2 => format!(
            "- - [22/Nov/2026:16:52:21 +0000] \"GET /static/app.{:08x}.js?v=3 HTTP/1.1\" {status} {size} \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.6478.{}\" {took:.3} {value}",
            random.u32(..),
            size % 200,
        ),
        _ => format!(
            "I1122 16:52:21.{:06}       1 reconciler.go:{}] \"Operation done\" pod=\"prod/web-7d4b9c6f5d-x2x{}\" volume=\"kube-api-access-9xk2p\" elapsed=\"{took:.6}s\" {value} resourceVersion={size}",
            ms % 1_000_000,
            size % 900,
            size % 10,
        ),
    }
}
