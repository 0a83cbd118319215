//! What is kept past a bound depends on content alone: not on which thread saw
//! what, nor on the order in which their finds are put together.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use logtap_analyze::mine::{Grid, Mined, Miner, Options, Ranks};
use logtap_analyze::triage::change::Sides;
use logtap_analyze::triage::{self, Facts};

/// Lines of many services with many patterns.
fn lines() -> Vec<String> {
    let word = |n: usize| n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    (0..90_000)
        .map(|n| {
            let (service, pattern) = (n * 7 % 5000, word(n * 13 % 60_000));
            format!(
                "{{\"ts\":\"2026-01-01T00:00:{:02}Z\",\"labels\":{{\"app\":\"s{service}\"}},\"msg\":\"{pattern} is it\"}}\n",
                n % 60
            )
        })
        .collect()
}

fn told(mut mined: Mined) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    mined.settle();
    let services = mined.services.values().map(|service| (service.name.clone(), service.lines)).collect();
    let templates = mined.templates();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (id, cell) in mined.cells() {
        *counts.entry(format!("{} {}", id.service, templates[&id.pattern])).or_default() += cell.count;
    }
    (services, counts)
}

#[test]
fn threads_and_order_leave_no_trace() {
    let lines = lines();
    let one = {
        let mut miner = Miner::new(Options::default());
        for part in lines.chunks(5000) {
            miner.lines(part.concat().as_bytes());
        }
        told(miner.finish())
    };
    assert!(one.0.len() <= 1001, "{} services", one.0.len());
    assert!(one.0.contains_key("(other services)"));
    assert_eq!(one.0.values().sum::<u64>(), 90_000);
    for (parts, reversed) in [(3, false), (3, true), (18, true)] {
        let mut chunks: Vec<Vec<u8>> =
            lines.chunks(lines.len().div_ceil(parts)).map(|part| part.concat().into_bytes()).collect();
        if reversed {
            chunks.reverse();
        }
        let mut all = Mined::new(None, Ranks::default());
        for chunk in chunks {
            let mut miner = Miner::new(Options::default());
            miner.lines(&chunk);
            all.merge(miner.finish());
        }
        assert!(told(all) == one, "{parts} parts, reversed {reversed}");
    }
}

#[test]
fn what_one_side_does_not_keep_is_not_new() {
    let word = |n: usize| n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    let all: String = (0..60_000)
        .map(|n| {
            let (seconds, pattern) = (n / 100, word(n * 7919 % 60_000));
            format!(
                "{{\"ts\":\"2026-01-01T00:{:02}:{:02}Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"ERROR {pattern} is {pattern} and {pattern}x\"}}\n",
                seconds / 60,
                seconds % 60
            )
        })
        .collect();
    let start = 1_767_225_600_000_000_000;
    let mine = |from: i64, to: i64| {
        let (from, to) = (start + from * 1_000_000_000, start + to * 1_000_000_000 - 1);
        let grid = Some(Grid::over(from, to, 480));
        let mut miner = Miner::new(Options { grid, from: Some(from), to: Some(to), ..Options::default() });
        miner.lines(all.as_bytes());
        let mut mined = miner.finish();
        mined.settle();
        (mined, (from, to))
    };
    let (whole, _) = mine(0, 600);
    let (inside, window) = mine(200, 300);
    assert!(whole.unmined_lines() > 0 && inside.unmined_lines() == 0, "the bound holds for one side");
    let sides = Sides { inside: &inside, other: &whole, within: true };
    let facts = Facts { read: 60_000, ..Facts::default() };
    let report = triage::build(&whole, Some(sides), Some(window), &whole.templates(), &facts, None);
    assert_eq!(report.findings, 0, "{:?}", report.changes);
}
