//! The cap with the background threads at work: a write larger than the usual headroom evicts for
//! itself, and one that can never fit is refused without deleting anything for it.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use logtap_capture::audit::Event;
use logtap_capture::disk::RealDisk;
use logtap_capture::session::{MIN_DISK, Options, Session, Tally};
use logtap_capture::writer::AppendError;
use support::{batch, ids, independent_lines};

/// Appends batches of these sizes (1,000 bytes a line) to a capture of the smallest cap, in a thread
/// that must come back; returns the outcomes.
fn append_all(dir: &Path, batches: &'static [u64]) -> Vec<Result<(), AppendError>> {
    let options = Options { max_disk: MIN_DISK, ..Options::default() };
    let (session, mut writer, _) = Session::open(dir, options, Arc::new(RealDisk)).unwrap();
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || {
            for (n, lines) in (0..).zip(batches) {
                sender.send(writer.append(&[&batch(n, *lines, 1000)])).unwrap();
            }
            session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
            drop(sender);
        })
        .unwrap();
    let mut outcomes = Vec::new();
    for n in 0..batches.len() {
        let waited = receiver.recv_timeout(Duration::from_secs(20));
        outcomes.push(waited.unwrap_or_else(|_| panic!("the writer still waits with batch {n}")));
    }
    assert!(receiver.recv_timeout(Duration::from_secs(20)).is_err(), "closed");
    outcomes
}

#[test]
fn a_write_larger_than_the_headroom_evicts_for_itself() {
    let temp = tempfile::tempdir().unwrap();
    let outcomes = append_all(temp.path(), &[300; 20]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let kept = ids(&independent_lines(temp.path()));
    assert!(kept.contains_key("19.299"), "the newest is kept");
    let used: u64 = std::fs::read_dir(temp.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(used <= MIN_DISK + (128 << 10), "{used}");
}

#[test]
fn a_write_that_can_never_fit_costs_nothing_that_is_held() {
    let temp = tempfile::tempdir().unwrap();
    let outcomes = append_all(temp.path(), &[200, 200, 3000, 10]);
    let kept: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(kept, [true, true, false, true], "{outcomes:?}");
    let ids = ids(&independent_lines(temp.path()));
    for id in ["0.0", "0.199", "1.0", "1.199", "3.9"] {
        assert!(ids.contains_key(id), "{id} was deleted");
    }
    assert!(!ids.contains_key("2.0"));
}
