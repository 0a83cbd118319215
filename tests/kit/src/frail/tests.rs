//! A disk that stalls, and one that forgets: what tests of the receiver rely on.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use super::{FrailDisk, Loss};

#[test]
fn only_what_was_synced_outlives_the_power() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut disk = FrailDisk::mount(folder.path()).expect("FUSE");
    let path = |name: &str| folder.path().join(name);
    let mut kept = File::create(path("kept")).expect("create");
    kept.write_all(b"synced").expect("write");
    kept.sync_data().expect("sync");
    File::create(path("unnamed")).expect("create").sync_data().expect("sync");
    fs::rename(path("unnamed"), path("renamed")).expect("rename");
    File::open(folder.path()).expect("open").sync_all().expect("sync");
    kept.write_all(b" and not").expect("write");
    fs::write(path("late"), b"late").expect("write");
    fs::remove_file(path("renamed")).expect("remove");
    assert_eq!(fs::read(path("kept")).expect("read"), b"synced and not");
    drop(kept);
    disk.lose_power(Loss::Everything).expect("again");
    assert_eq!(fs::read(path("kept")).expect("read"), b"synced");
    assert!(path("renamed").exists() && !path("late").exists() && !path("unnamed").exists());

    let mut kept = File::options().append(true).open(path("kept")).expect("open");
    kept.write_all(b" more").expect("write");
    drop(kept);
    disk.lose_power(Loss::Content(1)).expect("again");
    let left = fs::read(path("kept")).expect("read");
    assert!(left.len() == 11 && left.starts_with(b"synced") && left.ends_with(b"\0"), "{left:?}");
}

#[test]
fn a_stall_holds_up_writes_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = FrailDisk::mount(folder.path()).expect("FUSE");
    let path = folder.path().join("file");
    fs::write(&path, b"one").expect("write");
    disk.stall_changes(true);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| fs::write(&path, b"two"));
        assert_eq!(fs::read(&path).expect("read"), b"one");
        std::thread::sleep(Duration::from_millis(200));
        disk.stall_changes(false);
        writer.join().expect("no panic").expect("write");
    });
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(fs::read(&path).expect("read"), b"two");
}
