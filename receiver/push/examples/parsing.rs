//! Measures decoding: MB/s of unpacked body, best of many rounds, on 1 MiB batches.
//!
//! `cargo run --release -p logtap-push --example parsing`

#![expect(clippy::print_stdout, reason = "a measuring program prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use logtap_push::encode::{self, Line, Stream};
use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink, unwrap};

#[derive(Default)]
struct Count {
    lines: u64,
    bytes: usize,
    stamps: i64,
}

impl Sink for Count {
    fn stream(&mut self, labels: Labels<'_>) {
        self.bytes += labels.key().1.len();
    }
    fn entry(&mut self, entry: Entry<'_>) {
        self.lines += 1;
        self.bytes += entry.line.len() + entry.meta.len();
        self.stamps ^= entry.ts.ns.unwrap_or_default();
    }
}

fn main() {
    let plain = lines(u64::MAX);
    let some = lines(10);
    let all = lines(1);
    let headers = Headers::default();
    for (name, texts) in [("plain lines", &plain), ("1 of 10 lines is JSON", &some), ("all lines are JSON", &all)] {
        let entries: Vec<Line<'_>> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| Line { ns: 1_795_342_423_000_000_000 + at as i64, text, meta: &[] })
            .collect();
        let labels = [("app", "checkout"), ("namespace", "shop"), ("pod", "checkout-7d9f")];
        let streams = [Stream { labels: &labels, lines: &entries, sequence: None }];
        measure(&format!("protobuf, {name}"), &encode::protobuf(&streams), headers);
        measure(&format!("protobuf + snappy, {name}"), &encode::snappy(&streams), headers);
        measure(&format!("JSON v1, {name}"), &encode::json_v1(&streams), headers);
        measure(&format!("JSON v0, {name}"), &encode::json_v0(&streams), headers);
    }
}

fn measure(name: &str, body: &[u8], headers: Headers<'_>) {
    let limits = Limits::default();
    let whole = || unwrap(body, Route::Loki, headers, &limits).expect("own encoding is readable");
    let payload = whole();
    let mut best = [Duration::MAX; 2];
    let mut lines = 0;
    for _ in 0..300 {
        let start = Instant::now();
        let mut sink = Count::default();
        let report = payload.visit(&mut sink).expect("own encoding is readable");
        best[0] = best[0].min(start.elapsed());
        lines = report.lines;
        black_box((sink.bytes, sink.stamps, sink.lines));

        let start = Instant::now();
        let mut sink = Count::default();
        whole().visit(&mut sink).expect("own encoding is readable");
        best[1] = best[1].min(start.elapsed());
        black_box(sink.bytes);
    }
    let rate = |time: Duration| payload.len() as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{name:45} {:8} bytes {lines:6} lines   walk {:6.0} MB/s   unwrap + walk {:6.0} MB/s",
        payload.len(),
        rate(best[0]),
        rate(best[1]),
    );
}

/// About 1 MiB of lines of 200 to 300 bytes.
fn lines(json_every: u64) -> Vec<String> {
    let mut out = Vec::new();
    let mut size = 0;
    for at in 0u64.. {
        let id = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let line = if at.is_multiple_of(json_every) {
            format!(
                r#"{{"level":"info","msg":"order placed","trace":"{id:016x}","user":"u{}","path":"/api/v1/orders/{}","status":200,"ms":{},"agent":"Mozilla/5.0","tags":["a","b"]}}"#,
                id % 10_000,
                id % 777,
                id % 93,
            )
        } else {
            format!(
                "10.{}.{}.7 - - [22/Nov/2026:16:52:34 +0000] GET /api/v1/orders/{}?trace={id:016x} HTTP/1.1 200 {} - Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 rt={} up=10.1.2.3:8080 {}",
                id % 250,
                id % 199,
                id % 1_000_003,
                id % 40_000,
                id % 997,
                "x".repeat((id % 60) as usize),
            )
        };
        size += line.len();
        out.push(line);
        if size > 1 << 20 {
            break;
        }
    }
    out
}
