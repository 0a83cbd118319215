//! What a receiver publishes of the file that it is writing is what a reader would count, and nothing depends on it.

mod support;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtap_capture::audit::Event;
use logtap_capture::disk::{Disk, DiskFile, RealDisk};
use logtap_capture::folder::Folder;
use logtap_capture::name;
use logtap_capture::pages::{self, PageReader};
use logtap_capture::published::Published;
use logtap_capture::reader::Capture;
use logtap_capture::session::{Fsync, Options, Session, Tally};
use logtap_capture::survey::Collector;

fn options() -> Options {
    Options { fsync: Fsync::Never, background: false, max_file: 12 << 20, ..Options::default() }
}

#[test]
fn published_frames_are_those_of_the_file() {
    let dir = support::tempdir();
    let (session, mut writer, _) = Session::open(dir.path(), options(), Arc::new(RealDisk)).unwrap();
    let (mut compared, mut files) = (0, std::collections::BTreeSet::new());
    for batch in 0..40 {
        writer.append(&[&support::batch(batch, 200, 4000)]).unwrap();
        let capture = Capture::open(dir.path()).unwrap();
        let growing = capture.files.last().unwrap();
        let opened = growing.open().unwrap().unwrap();
        let pages = pages::layout(&opened, 0).unwrap();
        let mut found: Vec<_> = Published::read(&capture.folder).frames().collect();
        found.reverse();
        if opened.index.is_some() {
            continue;
        }
        let whole: Vec<_> = pages.iter().filter(|page| !page.may_grow()).collect();
        assert_eq!(found.len(), whole.len(), "each whole frame is published");
        for (frame, page) in found.iter().zip(whole) {
            assert_eq!(frame.file, growing.name);
            assert_eq!((frame.page.at, frame.page.size), (page.at, page.size));
            let mut counted = Collector::default();
            counted.add(&PageReader::default().read(&opened, page).unwrap());
            assert_eq!((frame.lines, frame.ts), (counted.summary.lines, counted.summary.ts));
            assert!(frame.timeline.iter().eq(counted.summary.timeline.iter()));
            compared += 1;
        }
        files.insert(growing.name.clone());
    }
    assert!(compared > 40 && files.len() > 1, "{compared} frames of {} files", files.len());
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    assert!(Published::read(&Folder::open(dir.path()).unwrap()).frames().next().is_none(), "it goes with the receiver");
}

/// A disk that takes everything but what is written into the lock file.
#[derive(Debug)]
struct Unpublished;

#[derive(Debug)]
struct Refusing;

impl DiskFile for Refusing {
    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for Unpublished {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        RealDisk.create_new(path)
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if path.ends_with(name::LOCK) { Ok(Arc::new(Refusing)) } else { RealDisk.open(path) }
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        RealDisk.unlink(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
}

#[test]
fn lines_are_kept_where_nothing_can_be_published() {
    let dir = support::tempdir();
    let (session, mut writer, _) = Session::open(dir.path(), options(), Arc::new(Unpublished)).unwrap();
    for batch in 0..30 {
        writer.append(&[&support::batch(batch, 200, 4000)]).unwrap();
    }
    assert!(Published::read(&Folder::open(dir.path()).unwrap()).frames().next().is_none());
    assert_eq!(session.usage().errors, 0, "what is for views alone is no error of the capture");
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    assert_eq!(support::ids(&support::independent_lines(dir.path())).len(), 30 * 200);
}

/// Killed at every operation while frames are ended, published and replaced by those of the next file.
#[test]
fn a_kill_while_it_is_published_costs_nothing_acknowledged() {
    const BATCHES: u64 = 16;
    let chunks: Vec<_> = (0..BATCHES).map(|n| support::batch(n, 200, 4000)).collect();
    let options = || Options { max_file: 5 << 20, ..options() };
    let (mut at, mut killed_publishing) = (0, 0);
    loop {
        let dir = support::tempdir();
        let disk = support::MortalDisk::new(at, support::Death::Halfway);
        let count = disk.count.clone();
        let (mut kept, mut stale) = (0, Vec::new());
        if let Ok((session, mut writer, _)) = Session::open(dir.path(), options(), Arc::new(disk)) {
            while kept < BATCHES && writer.append(&[&chunks[kept as usize]]).is_ok() {
                kept += 1;
            }
            stale = std::fs::read(dir.path().join(name::LOCK)).unwrap();
            drop(session.close(writer, &Tally::default(), Event::new("stop")));
        }
        killed_publishing += u64::from(stale.len() > 20 && stale.last() != Some(&b'\n'));
        // As the kill left it: nobody holds it.
        std::fs::write(dir.path().join(name::LOCK), &stale).unwrap();
        let (session, writer, _) = Session::open(dir.path(), options(), Arc::new(RealDisk)).unwrap();
        assert!(Published::read(&Folder::open(dir.path()).unwrap()).frames().next().is_none(), "of an earlier process");
        session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
        let found = support::ids(&support::independent_lines(dir.path()));
        for batch in 0..kept {
            for n in 0..200 {
                assert_eq!(found.get(&format!("{batch}.{n}")), Some(&1), "killed at {at}: line {batch}.{n}");
            }
        }
        if count.load(Ordering::SeqCst) <= at {
            break;
        }
        at += 1;
    }
    assert!(at > 30 && killed_publishing > 0, "{at} kills, {killed_publishing} of them within what is published");
}
