//! Somebody else fills the disk in the middle of a capture, and empties it again.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use logtap_testkit::counters::Counters;

use crate::sender::{Posted, Told};
use crate::{Ends, Tmpfs, passes_zstd, start, used, watch_balance};

const LINE: usize = 4000;

/// Takes every free byte, also those that become free meanwhile.
fn fill(path: &std::path::Path, stop: &AtomicBool) {
    let mut file = File::create(path).unwrap();
    while !stop.load(Ordering::Relaxed) {
        if file.write_all(&[1; 4096]).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn filled_by_another_and_emptied_again() {
    let disk = Tmpfs::mount("32m");
    let dir = disk.path().join("capture");
    let mut receiver = start(&dir, &["--max-disk", "24MB", "--max-file", "1MB"]);
    let posted = Posted::default();
    let mut client = receiver.client();
    let (done, filling, least) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(u64::MAX));
    let (before, dropped, recovery, samples) = std::thread::scope(|scope| {
        let ends = Ends(&done);
        let balance = scope.spawn(|| watch_balance(&mut receiver.client(), &done));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                if filling.load(Ordering::Relaxed) {
                    least.fetch_min(used(&dir), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        while used(&dir) < 14 << 20 {
            assert_ne!(posted.post(&mut client, LINE), Told::Nothing);
        }
        let before = used(&dir);
        *posted.latencies.lock().unwrap() = logtap_testkit::load::Latencies::default();
        filling.store(true, Ordering::Relaxed);
        let emptied = AtomicBool::new(false);
        let other = disk.path().join("other");
        let (mut dropped, begun) = (0, Instant::now());
        std::thread::scope(|scope| {
            let _ends = Ends(&emptied);
            scope.spawn(|| fill(&other, &emptied));
            while begun.elapsed() < Duration::from_secs(4) {
                let told = posted.post(&mut client, LINE);
                assert_ne!(told, Told::Nothing);
                dropped += u64::from(told == Told::Dropped);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        filling.store(false, Ordering::Relaxed);
        std::fs::remove_file(&other).unwrap();
        let begun = Instant::now();
        while posted.post(&mut client, LINE) != Told::Kept {
            assert!(begun.elapsed() < Duration::from_secs(3), "no recovery; stderr: {}", receiver.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
        let recovery = begun.elapsed();
        for _ in 0..200 {
            assert_eq!(posted.post(&mut client, LINE), Told::Kept);
        }
        drop(ends);
        (before, dropped, recovery, balance.join().unwrap())
    });
    let counters = Counters::read(&mut client).unwrap();
    assert!(counters.balances() && counters.dropped >= dropped * 5, "{counters:?}, {dropped} batches dropped");
    assert!(receiver.stop(Duration::from_secs(20)).unwrap().success());
    let least = least.into_inner();
    let latencies = posted.latencies.lock().unwrap();
    let (median, p95) = (latencies.quantile(0.5), latencies.quantile(0.95));
    println!(
        "full disk: {before} bytes held, at least {least} kept, {dropped} batches dropped, recovered in {recovery:?}, \
         answers {median:?} median, {p95:?} p95, {:?} at most, {samples} samples balance",
        latencies.max()
    );
    assert!(dropped > 0, "the disk was never full");
    assert!(samples > 50, "only {samples} samples");
    assert!(median <= Duration::from_millis(300) && p95 <= Duration::from_millis(600), "{median:?} {p95:?}");
    assert!(least + (64 << 10) >= before / 2, "{least} bytes kept of {before}");
    let found = posted.check(&dir);
    assert!(found.gaps().any(|mark| mark.msg.contains("(disk_full)")), "no mark of the loss");
    passes_zstd(&dir);
}
