//! A disk that hangs for seconds.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use logtap_testkit::counters::Counters;
use logtap_testkit::frail::FrailDisk;
use logtap_testkit::load::Latencies;

use crate::sender::{Posted, Told};
use crate::{Ends, passes_zstd, start, watch_balance};

#[test]
fn senders_do_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FrailDisk::mount(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let mut receiver = start(folder.path(), &["--max-disk", "64MB", "--max-file", "1MB"]);
    let posted = Posted::default();
    let done = AtomicBool::new(false);
    let addr = receiver.addr();
    let samples = std::thread::scope(|scope| {
        let ends = Ends(&done);
        let balance = scope.spawn(|| watch_balance(&mut receiver.client(), &done));
        let mut client = receiver.client();
        for seconds in [1.0, 3.0, 10.0] {
            assert_eq!(posted.post(&mut client, 500), Told::Kept);
            *posted.latencies.lock().unwrap() = Latencies::default();
            disk.stall_changes(true);
            let until = Instant::now() + Duration::from_secs_f64(seconds);
            let told: Vec<Told> = std::thread::scope(|scope| {
                let send = || {
                    let (mut client, mut told) = (logtap_testkit::client::LokiClient::new(addr), Vec::new());
                    while Instant::now() < until {
                        told.push(posted.post(&mut client, 500));
                    }
                    told
                };
                let senders: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
                senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
            });
            disk.stall_changes(false);
            assert!(told.iter().all(|told| *told == Told::Dropped), "{told:?}");
            let latencies = std::mem::take(&mut *posted.latencies.lock().unwrap());
            let (median, p95) = (latencies.quantile(0.5), latencies.quantile(0.95));
            println!("stall of {seconds} s: {} answers, {median:?} median, {p95:?} p95", latencies.count());
            assert!(median <= Duration::from_millis(300) && p95 <= Duration::from_millis(600), "{median:?} {p95:?}");
            let begun = Instant::now();
            while posted.post(&mut client, 500) != Told::Kept {
                assert!(begun.elapsed() < Duration::from_secs(2), "no recovery; stderr: {}", receiver.stderr());
            }
        }
        // A stalled sync holds up writes to the same file here, as the kernel's FUSE locks it meanwhile.
        *posted.latencies.lock().unwrap() = Latencies::default();
        disk.stall_syncs(true);
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            assert_ne!(posted.post(&mut client, 500), Told::Nothing);
        }
        disk.stall_syncs(false);
        let p95 = posted.latencies.lock().unwrap().quantile(0.95);
        println!("stalled syncs: {p95:?} p95");
        assert!(p95 <= Duration::from_millis(600), "{p95:?}");
        let begun = Instant::now();
        while posted.post(&mut client, 500) != Told::Kept {
            assert!(begun.elapsed() < Duration::from_secs(2), "no recovery; stderr: {}", receiver.stderr());
        }
        drop(ends);
        balance.join().unwrap()
    });
    assert!(samples > 50, "only {samples} samples");
    let counters = Counters::read(&mut receiver.client()).unwrap();
    assert!(counters.balances() && counters.in_flight == 0, "{counters:?}");
    assert!(receiver.stop(Duration::from_secs(20)).unwrap().success());
    let found = posted.check(folder.path());
    assert!(found.gaps().any(|mark| mark.msg.contains("(ack_timeout)")), "no mark of the loss");
    assert_eq!(found.logs().count() as u64, counters.written);
    passes_zstd(folder.path());
    drop(receiver);
}
