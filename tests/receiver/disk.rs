//! Full and failing disks: nothing kills the receiver, it recovers by itself,
//! and the cap holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::Dialect;

use crate::support::{Faults, FaultyDisk, Receiver};

fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed * 2 + 1;
    let mut text = String::new();
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x}", state >> 16));
    }
    text
}

fn batch(n: u64) -> Batch {
    Batch::of(&[("app", "api")], 1_790_000_000_000_000_000 + n as i64, &[&format!("id={n} {}", noise(n, 40_000))])
}

#[test]
fn a_full_disk_drops_and_recovers() {
    let faults = Faults::new();
    let receiver = Receiver::start_on(tempfile::tempdir().unwrap(), Arc::new(FaultyDisk(faults.clone())), |_| ());
    let mut client = receiver.client();
    assert_eq!(client.push(Dialect::ProtoSnappy, &batch(0)).unwrap().header("x-logtap-dropped"), None);
    faults.room.store(100, Ordering::SeqCst);
    for n in 1..5 {
        let response = client.push(Dialect::ProtoSnappy, &batch(n)).unwrap();
        assert_eq!((response.status, response.header("x-logtap-dropped")), (204, Some("1")));
        assert!(receiver.snapshot().counts.balances());
    }
    faults.room.store(u64::MAX, Ordering::SeqCst);
    assert_eq!(client.push(Dialect::ProtoSnappy, &batch(9)).unwrap().header("x-logtap-dropped"), None);
    let (summary, dir) = receiver.stop();
    assert_eq!((summary.counts.written, summary.counts.dropped["disk_full"]), (2, 4));
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let ids: Vec<&str> = capture.logs().map(|record| record.msg.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["id=0", "id=9"]);
    assert!(capture.gaps().any(|record| record.msg.contains("(disk_full)")));
    assert!(capture.is_clean());
}

#[test]
fn a_failed_sync_ends_the_file_and_nothing_else() {
    let faults = Faults::new();
    let receiver = Receiver::start_on(tempfile::tempdir().unwrap(), Arc::new(FaultyDisk(faults.clone())), |config| {
        config.capture.fsync = logtap_capture::session::Fsync::Every(Duration::from_millis(20));
    });
    let mut client = receiver.client();
    client.push(Dialect::ProtoSnappy, &batch(0)).unwrap();
    faults.fail_sync.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    while receiver.snapshot().usage.errors == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the sync failure went unnoticed");
        client.push(Dialect::ProtoSnappy, &batch(1)).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    faults.fail_sync.store(false, Ordering::SeqCst);
    assert_eq!(client.push(Dialect::ProtoSnappy, &batch(2)).unwrap().header("x-logtap-dropped"), None);
    let (summary, dir) = receiver.stop();
    assert!(summary.counts.balances());
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    assert_eq!(capture.logs().count() as u64, summary.counts.written);
    assert!(capture.files.len() >= 2, "the next batch goes to a new file");
}

#[test]
fn the_cap_holds_and_evictions_are_recorded() {
    const CAP: u64 = 3 << 20;
    let receiver = Receiver::start(|config| config.capture.max_disk = CAP);
    let mut client = receiver.client();
    let mut most = 0;
    for n in 0..400 {
        let response = client.push(Dialect::ProtoSnappy, &batch(n)).unwrap();
        assert_eq!((response.status, response.header("x-logtap-dropped")), (204, None), "batch {n}");
        let used: u64 = std::fs::read_dir(receiver.capture())
            .unwrap()
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|data| data.len())
            .sum();
        most = most.max(used);
    }
    assert!(most <= CAP + (128 << 10), "{most} bytes in a directory of at most {CAP}");
    let (summary, dir) = receiver.stop();
    let capture = Capture::read(&dir.path().join("capture")).unwrap();
    let evicted = summary.metadata.evicted.unwrap();
    assert!(evicted.files > 0);
    assert_eq!(capture.logs().count() as u64 + evicted.lines, 400);
    let last = summary.metadata.evictions.last().unwrap();
    assert!(capture.logs().all(|record| record.ts > last.to));
}
