//! When requests are closed, and that no line is lost or moved between streams.

use super::*;
use crate::generate::{Config, Generator};

fn batches(limits: Limits, lines: usize) -> Vec<Batch> {
    let mut generator = Generator::new(Config::default());
    let mut batcher = Batcher::new(limits);
    let mut batches = Vec::new();
    for _ in 0..lines {
        batches.extend(batcher.push(&generator.next_line()));
    }
    batches.extend(batcher.finish());
    batches
}

#[test]
fn closes_by_size_and_by_age_and_keeps_every_line() {
    let by_age = batches(Limits::PROMTAIL, 20_000);
    assert_eq!(by_age.iter().map(Batch::lines).sum::<usize>(), 20_000);
    assert!(by_age.iter().any(|batch| batch.streams().len() > 20));
    for batch in &by_age {
        let stamps = || batch.streams().iter().flat_map(|stream| &stream.lines).map(|line| line.ns);
        let (first, last) = (stamps().min().unwrap(), stamps().max().unwrap());
        assert!(last - first <= 2_000_000_000, "{} ns", last - first);
    }
    let limit = 50_000;
    let by_size = batches(Limits { bytes: limit, ..Limits::FULL }, 20_000);
    assert_eq!(by_size.iter().map(Batch::lines).sum::<usize>(), 20_000);
    assert!(by_size.iter().all(|batch| batch.text_bytes() <= limit));
    assert!(by_size.len() < 20_000 * 300 / limit + 2, "{}", by_size.len());
    assert!(batches(Limits::ONE_LINE, 50).iter().all(|batch| batch.lines() == 1));
}

#[test]
fn encoded_streams_hold_their_own_lines() {
    let mut batch = Batch::new();
    let (a, b) = (owned(&[("app", "a")]), owned(&[("app", "b")]));
    for (labels, text) in [(&a, "1"), (&b, "2"), (&a, "3"), (&b, "4")] {
        batch.add(labels, 5, text, &[]);
    }
    let seen = batch.encode(|streams| {
        let text = |stream: &encode::Stream<'_>| -> String { stream.lines.iter().map(|line| line.text).collect() };
        streams.iter().map(text).collect::<Vec<_>>()
    });
    assert_eq!(seen, ["13", "24"]);
}
