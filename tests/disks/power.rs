//! Loss of power: what was synced is there, and a start after it succeeds.

use std::time::{Duration, Instant};

use logtap_testkit::frail::{FrailDisk, Loss};

use crate::sender::Posted;
use crate::{passes_zstd, start};

/// Losses of power in one capture before it is checked once more as a whole.
const LOSSES: u64 = 8;
/// Beyond the interval: the sync itself, and a machine that is busy with other tests.
const MARGIN: Duration = Duration::from_millis(250);

/// Kills and cuts the power again and again; promises older than `window` must hold.
fn lose_power(fsync: &str, window: Duration, loss: impl Fn(u64) -> Loss) {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = FrailDisk::mount(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let args = ["--max-disk", "8MB", "--max-file", "250KB", "--ack-timeout", "5s", "--fsync", fsync];
    let posted = Posted::default();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut forgiven = 0;
    for round in 0..LOSSES {
        let mut receiver = start(folder.path(), &args);
        let addr = receiver.addr();
        let cut = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| posted.post_until_gone(addr, 700));
            }
            std::thread::sleep(window + Duration::from_millis(rng.u64(50..500)));
            let cut = Instant::now();
            receiver.kill().unwrap();
            cut
        });
        if !window.is_zero() {
            forgiven += posted.forgive_since(cut.checked_sub(window).unwrap());
        }
        disk.lose_power(loss(round)).unwrap();
        let mut receiver = start(folder.path(), &args);
        assert!(receiver.stop(Duration::from_secs(20)).unwrap().success(), "round {round}");
        posted.check(folder.path());
        passes_zstd(folder.path());
    }
    println!("--fsync {fsync}: {} batches promised after {LOSSES} losses, {forgiven} too new", posted.promised());
    assert!(posted.promised() > 0);
}

#[test]
fn an_interval_bounds_what_is_lost() {
    lose_power("100ms", Duration::from_millis(100) + MARGIN, |_| Loss::Everything);
}

#[test]
fn zeros_in_place_of_content_are_cut() {
    lose_power("100ms", Duration::from_millis(100) + MARGIN, |round| Loss::Content(round * 2_654_435_761 + 1));
}

#[test]
fn always_means_every_acknowledged_line() {
    lose_power("always", Duration::ZERO, |_| Loss::Everything);
}

#[test]
fn always_holds_when_content_turns_to_zeros() {
    lose_power("always", Duration::ZERO, |round| Loss::Content(round * 2_246_822_519 + 1));
}
