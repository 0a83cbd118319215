//! A kill before, halfway through and after every operation on the disk of a
//! scripted run that rotates, seals, evicts, and of the repair that follows.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use logtap_capture::audit::Event;
use logtap_capture::chunk::Chunk;
use logtap_capture::disk::RealDisk;
use logtap_capture::metadata::Metadata;
use logtap_capture::session::{Options, Session, Tally};
use support::{Death, MortalDisk, batch, ids, independent_lines, tempdir};

const BATCHES: u64 = 110;
const LINES: u64 = 12;
const CAP: u64 = 1 << 20;

fn options() -> Options {
    Options { max_file: 96 << 10, max_disk: CAP, background: false, ..Options::default() }
}

/// Runs the script; returns the batches whose append was acknowledged and the number of operations.
fn script(dir: &Path, disk: MortalDisk) -> (Vec<u64>, u64) {
    let count = disk.count.clone();
    static CHUNKS: OnceLock<Vec<Chunk>> = OnceLock::new();
    let chunks = CHUNKS.get_or_init(|| (0..BATCHES).map(|n| batch(n, LINES, 2500)).collect());
    let mut kept = Vec::new();
    if let Ok((session, mut writer, _)) = Session::open(dir, options(), Arc::new(disk)) {
        for n in 0..BATCHES {
            if writer.append(&[&chunks[n as usize]]).is_ok() {
                kept.push(n);
            } else {
                break;
            }
            if n % 5 == 0 {
                session.tick();
            }
        }
        drop(session.close(writer, &Tally::default(), Event::new("stop")));
    }
    (kept, count.load(Ordering::SeqCst))
}

/// Checks a directory after a restart on a sound disk.
fn check(dir: &Path, kept: &[u64], what: &str) {
    let (session, writer, report) =
        Session::open(dir, options(), Arc::new(RealDisk)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(report.failed, [], "{what}");
    assert_eq!(report.missing, [""; 0], "{what}");
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap_or_else(|error| panic!("{what}: {error}"));

    let lines = independent_lines(dir);
    let found = ids(&lines);
    let metadata = Metadata::read(dir).unwrap().unwrap();
    let evicted_to = metadata.evictions.iter().map(|one| one.to.clone()).max().unwrap_or_default();
    for n in kept {
        for line in 0..LINES {
            let ts = logtap_capture::time::format((*n as i64 * 1000 + line as i64) * 1_000_000);
            let times = found.get(&format!("{n}.{line}")).copied().unwrap_or(0);
            assert!(
                times == 1 || (times == 0 && ts <= evicted_to),
                "{what}: kept line {n}.{line} is there {times} times (evicted up to {evicted_to})"
            );
        }
    }
    assert!(found.values().all(|times| *times == 1), "{what}: doubled");
    let evicted = metadata.evicted.unwrap_or_default().lines;
    assert_eq!(metadata.total_lines, lines.len() as u64 + evicted, "{what}: totals");
    let index = logtap_capture::index::read(dir).unwrap();
    assert_eq!(index.iter().map(|line| line.lines).sum::<u64>(), lines.len() as u64, "{what}: index");
    let names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.ends_with(".tmp") || name.starts_with('.')), "{what}: left behind {names:?}");
}

fn whole_run() -> (Vec<u64>, u64) {
    let dir = tempdir();
    let run = script(dir.path(), MortalDisk::new(u64::MAX, Death::Before));
    check(dir.path(), &run.0, "no kill");
    let metadata = Metadata::read(dir.path()).unwrap().unwrap();
    assert!(metadata.evictions.len() >= 3, "the script must evict");
    run
}

fn kill_at_each(death: Death) {
    let (_, operations) = whole_run();
    assert!(operations > 200, "only {operations} operations");
    for at in 0..operations {
        let dir = tempdir();
        let (kept, _) = script(dir.path(), MortalDisk::new(at, death));
        check(dir.path(), &kept, &format!("{death:?} operation {at}"));
    }
}

#[test]
fn killed_before_each_operation() {
    kill_at_each(Death::Before);
}

#[test]
fn killed_halfway_through_each_write() {
    kill_at_each(Death::Halfway);
}

#[test]
fn killed_after_each_operation() {
    kill_at_each(Death::After);
}

#[test]
fn killed_again_inside_the_repair() {
    let (_, operations) = whole_run();
    let mut repairs: BTreeMap<u64, u64> = BTreeMap::new();
    for at in (0..operations).step_by(31) {
        for death in [Death::Before, Death::Halfway, Death::After] {
            for repair_at in 0.. {
                let dir = tempdir();
                let (kept, _) = script(dir.path(), MortalDisk::new(at, Death::Halfway));
                let disk = MortalDisk::new(repair_at, death);
                let count = disk.count.clone();
                let opened = Session::open(dir.path(), options(), Arc::new(disk));
                let done = opened.is_ok();
                drop(opened);
                check(dir.path(), &kept, &format!("killed at {at}, repair {death:?} {repair_at}"));
                if done && count.load(Ordering::SeqCst) <= repair_at {
                    *repairs.entry(repair_at).or_default() += 1;
                    break;
                }
            }
        }
    }
    assert!(
        repairs.keys().max().is_some_and(|most| *most >= 8),
        "repairs were too short to mean anything: {repairs:?}"
    );
}
