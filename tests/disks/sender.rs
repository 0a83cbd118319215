//! A sender that remembers what it was promised, and the comparison of that with a capture.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::{self, Capture};
use logtap_testkit::client::{Dialect, LokiClient};
use logtap_testkit::load::Latencies;

/// What the answer to a batch promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Kept, at this moment.
    Kept(Instant),
    /// Nothing: dropped, unanswered, or too new to survive a loss of power.
    Nothing,
}

/// Everything that was posted.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    batches: Mutex<HashMap<i64, Promise>>,
    clock: AtomicI64,
    pub(crate) latencies: Mutex<Latencies>,
}

/// Lines of one batch.
const LINES: i64 = 5;
const FIRST: i64 = 1_790_000_000_000_000_000;
const STEP: i64 = 1_000_000_000;

/// What a sender was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Kept,
    Dropped,
    /// No answer, or one that promises nothing.
    Nothing,
}

impl Posted {
    /// Posts the next batch, whose lines are `size` bytes long and do not compress well.
    pub(crate) fn post(&self, client: &mut LokiClient, size: usize) -> Told {
        let number = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut rng = fastrand::Rng::with_seed(number.cast_unsigned());
        let texts: Vec<String> = (0..LINES)
            .map(|line| {
                let noise = std::iter::repeat_with(|| char::from(rng.u8(b'#'..b'\\')));
                format!("id={number}.{line} {}", noise.take(size).collect::<String>())
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let batch = Batch::of(&[("app", "api")], FIRST + number * STEP, &texts);
        self.batches.lock().unwrap().insert(number, Promise::Nothing);
        let begun = Instant::now();
        let Ok(response) = client.push(Dialect::ProtoSnappy, &batch) else {
            return Told::Nothing;
        };
        self.latencies.lock().unwrap().record(begun.elapsed());
        assert_eq!(response.status, 204, "{}", response.text());
        if response.header("x-logtap-dropped").is_some() {
            return Told::Dropped;
        }
        self.batches.lock().unwrap().insert(number, Promise::Kept(Instant::now()));
        Told::Kept
    }

    /// Posts until there is no answer any more.
    pub(crate) fn post_until_gone(&self, addr: SocketAddr, size: usize) {
        let mut client = LokiClient::new(addr);
        while self.post(&mut client, size) != Told::Nothing {}
    }

    /// Takes back promises made after a moment.
    pub(crate) fn forgive_since(&self, moment: Instant) -> usize {
        let mut batches = self.batches.lock().unwrap();
        let late = batches.values_mut().filter(|promise| matches!(promise, Promise::Kept(at) if *at > moment));
        late.map(|promise| *promise = Promise::Nothing).count()
    }

    /// Batches that must be there.
    pub(crate) fn promised(&self) -> usize {
        self.batches.lock().unwrap().values().filter(|promise| **promise != Promise::Nothing).count()
    }

    /// Compares with a capture at rest: promised lines are there once or in a recorded eviction, all
    /// others once or not at all, and nothing else is there.
    pub(crate) fn check(&self, dir: &Path) -> Capture {
        let found = Capture::read(dir).unwrap();
        assert!(found.is_clean(), "damage remains: {:?} {:?}", found.bad, found.files);
        let mut times: HashMap<&str, u64> = HashMap::new();
        for record in found.logs() {
            let id = record.msg.strip_prefix("id=").and_then(|rest| rest.split(' ').next()).unwrap();
            *times.entry(id).or_default() += 1;
        }
        let metadata = serde_json::to_value(capture::metadata(dir).unwrap()).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let evictions = metadata["evictions"].as_array().into_iter().flatten();
        let evictions: Vec<(String, String)> = evictions.map(|one| (text(&one["from"]), text(&one["to"]))).collect();
        let mut missing = Vec::new();
        for (number, promise) in self.batches.lock().unwrap().iter() {
            for line in 0..LINES {
                let name = format!("{number}.{line}");
                let count = times.remove(name.as_str()).unwrap_or(0);
                assert!(count <= 1, "{name} is there {count} times");
                let ts = logtap_capture::time::format(FIRST + number * STEP + line * 1_000_000);
                let evicted = evictions.iter().any(|(from, to)| *from <= ts && ts <= *to);
                if count == 0 && *promise != Promise::Nothing && !evicted {
                    missing.push(name);
                }
            }
        }
        missing.sort();
        assert!(missing.is_empty(), "{} promised lines are gone: {missing:?}", missing.len());
        assert!(times.is_empty(), "lines that nobody posted: {times:?}");
        found
    }
}
