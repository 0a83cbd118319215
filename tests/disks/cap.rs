//! The capture's own cap, watched from outside while it is being hit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use logtap_testkit::counters::Counters;

use crate::sender::{Posted, Told};
use crate::{Ends, Tmpfs, passes_zstd, start, used};

/// `--max-disk 24MB`.
const CAP: u64 = 24 << 20;
/// What metadata and index may take beyond it for a moment.
const SLACK: u64 = 128 << 10;

#[test]
fn never_overshot() {
    let disk = Tmpfs::mount("64m");
    let dir = disk.path().join("capture");
    let mut receiver = start(&dir, &["--max-disk", "24MB", "--max-file", "2MB"]);
    let posted = Posted::default();
    let (done, most, samples) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut dropped = 0;
    std::thread::scope(|scope| {
        let _ends = Ends(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(used(&dir), Ordering::Relaxed);
                samples.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        let mut client = receiver.client();
        for _ in 0..800 {
            match posted.post(&mut client, 15_000) {
                Told::Kept => {}
                Told::Dropped => dropped += 1,
                Told::Nothing => panic!("no answer"),
            }
        }
    });
    let counters = Counters::read(&mut receiver.client()).unwrap();
    assert!(counters.balances(), "{counters:?}");
    assert!(receiver.stop(Duration::from_secs(20)).unwrap().success());
    let most = most.into_inner().max(used(&dir));
    println!("cap: {most} of {CAP} bytes at most in {} samples, {dropped} batches dropped", samples.into_inner());
    assert!(most > CAP / 2, "the cap never came into play");
    assert!(most <= CAP + SLACK, "{most} bytes under a cap of {CAP}");
    posted.check(&dir);
    passes_zstd(&dir);
}
