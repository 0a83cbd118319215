//! `kill -9` at random moments under load, with rotation and a cap in play.
//!
//! Every batch is posted once. Afterwards each line of an acknowledged batch is
//! in the capture exactly once or inside a recorded eviction; lines of a batch
//! that got no answer are there once or not at all; every restart succeeded.
//! `LOGTAP_KILLS` sets the number of kills (200 without it).

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures are part of the result")]

mod steps;

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logtap_testkit::batches::Batch;
use logtap_testkit::capture;
use logtap_testkit::client::{Dialect, LokiClient};
use logtap_testkit::generate::Rng;
use logtap_testkit::process::Recv;

const LINES: usize = 20;
const SENDERS: usize = 3;
/// Kills in one directory before it is checked line by line.
const ROUND: u64 = 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Kept,
    Unknown,
}

/// What was posted: id of each batch, its time, and how it ended.
#[derive(Default)]
struct Posted(Mutex<HashMap<String, (i64, Fate)>>);

fn start(dir: &Path) -> Recv {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logtap"));
    command
        .args([
            "recv",
            "--headless",
            "--listen",
            "127.0.0.1:0",
            "--max-disk",
            "3MB",
            "--max-file",
            "200KB",
            "--ack-timeout",
            "5s",
            "--dir",
        ])
        .arg(dir);
    Recv::spawn(command).unwrap_or_else(|error| panic!("a restart failed: {error}"))
}

fn noise(rng: &mut Rng, length: usize) -> String {
    std::iter::repeat_with(|| format!("{:016x}", rng.next_u64())).take(length / 16).collect()
}

/// Posts batches until the receiver is gone.
fn send(
    addr: std::net::SocketAddr,
    sender: usize,
    round: u64,
    seed: u64,
    clock: &AtomicI64,
    stop: &AtomicBool,
    posted: &Posted,
) {
    let mut rng = Rng::new(seed);
    let mut client = LokiClient::new(addr);
    let dialect = [Dialect::ProtoSnappy, Dialect::JsonV1, Dialect::JsonV1Gzip][sender % 3];
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("{round}-{seed:x}-{sender}-{n}");
        let ts = clock.fetch_add(1_000_000_000, Ordering::Relaxed);
        let texts: Vec<String> = (0..LINES).map(|line| format!("id={id}.{line} {}", noise(&mut rng, 480))).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let batch = Batch::of(&[("app", "api")], ts, &texts);
        posted.0.lock().unwrap().insert(id.clone(), (ts, Fate::Unknown));
        match client.push(dialect, &batch) {
            Ok(response) if response.status == 204 && response.header("x-logtap-dropped").is_none() => {
                posted.0.lock().unwrap().insert(id, (ts, Fate::Kept));
            }
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// The running capture at rest is readable by tools that never heard of logtap.
fn readable_at_rest(dir: &Path) {
    for (tool, args) in [("zstd", &["-tq"][..]), ("rg", &["-z", "-c", "id="][..])] {
        for file in capture::data_files(dir).unwrap() {
            let output = Command::new(tool)
                .args(args)
                .arg(&file)
                .stdin(Stdio::null())
                .output()
                .unwrap_or_else(|error| panic!("{tool}: {error}"));
            let evicted = !file.exists();
            assert!(
                evicted || (output.status.success() && output.stderr.is_empty()),
                "{tool} on {}: {}",
                file.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

fn check(dir: &Path, posted: &Posted) {
    let found = capture::Capture::read(dir).unwrap();
    assert!(found.is_clean(), "damage remains: {:?} {:?}", found.bad, found.files);
    let mut times: HashMap<&str, u64> = HashMap::new();
    for record in found.logs() {
        let id =
            record.msg.strip_prefix("id=").and_then(|rest| rest.split(' ').next()).expect("every line carries its id");
        *times.entry(id).or_default() += 1;
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("metadata.json")).unwrap()).unwrap();
    let evictions: Vec<(String, String)> = metadata["evictions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["from"].as_str().unwrap().to_owned(), one["to"].as_str().unwrap().to_owned()))
        .collect();
    let posted = posted.0.lock().unwrap();
    let mut kept = 0;
    for (id, (ts, fate)) in posted.iter() {
        for line in 0..LINES {
            let name = format!("{id}.{line}");
            let count = times.remove(name.as_str()).unwrap_or(0);
            assert!(count <= 1, "{name} is there {count} times");
            if *fate == Fate::Kept && count == 0 {
                let ts = logtap_capture::time::format(*ts + line as i64);
                assert!(
                    evictions.iter().any(|(from, to)| *from <= ts && ts <= *to),
                    "{name} at {ts} was acknowledged and is gone; evicted: {evictions:?}"
                );
            }
            kept += count;
        }
    }
    assert!(times.is_empty(), "lines that nobody posted: {times:?}");
    assert!(kept > 0);
    assert_eq!(
        metadata["total_lines"].as_u64().unwrap(),
        found.records.len() as u64 + metadata["evicted"]["lines"].as_u64().unwrap_or(0)
    );
}

#[test]
fn killed_at_random_moments() {
    let kills: u64 = std::env::var("LOGTAP_KILLS").map_or(200, |text| text.parse().expect("LOGTAP_KILLS is a number"));
    let seed = 1_099_689;
    let mut rng = Rng::new(seed);
    let (mut done, mut batches, mut evicting) = (0, 0, 0);
    while done < kills {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("capture");
        let posted = Arc::new(Posted::default());
        let clock = Arc::new(AtomicI64::new(1_790_000_000_000_000_000));
        for round in 0..ROUND.min(kills - done) {
            let mut receiver = start(&path);
            let stop = Arc::new(AtomicBool::new(false));
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let (addr, seed) = (receiver.addr(), rng.next_u64());
                    let (clock, stop, posted) = (clock.clone(), stop.clone(), posted.clone());
                    std::thread::Builder::new()
                        .spawn(move || send(addr, sender, round, seed, &clock, &stop, &posted))
                        .unwrap()
                })
                .collect();
            std::thread::sleep(Duration::from_millis(rng.next_u64() % 220));
            let rest = round % 7 == 3;
            if rest {
                stop.store(true, Ordering::Relaxed);
            } else {
                receiver.kill().unwrap();
            }
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            if rest {
                std::thread::sleep(Duration::from_millis(300));
                readable_at_rest(&path);
                receiver.kill().unwrap();
            }
            done += 1;
        }
        let mut receiver = start(&path);
        assert!(receiver.stop(Duration::from_secs(20)).unwrap().success());
        check(&path, &posted);
        batches += posted.0.lock().unwrap().len();
        evicting += u64::from(std::fs::read_to_string(path.join("metadata.json")).unwrap().contains("evictions"));
    }
    println!("{done} kills, {batches} batches of {LINES} lines, evictions in {evicting} directories");
    assert!(kills < ROUND || evicting > 0, "the cap never came into play");
}
