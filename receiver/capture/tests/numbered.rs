//! Lines by number: whatever happens to writer and reader, what comes out is what was written, each
//! line under its own number, and what is skipped was evicted.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logtap_capture::audit::Event;
use logtap_capture::disk::RealDisk;
use logtap_capture::metadata::Metadata;
use logtap_capture::numbered::{Numbered, Piece};
use logtap_capture::session::{Fsync, MIN_DISK, Options, Session, Tally};
use logtap_capture::writer::Writer;
use proptest::prelude::*;

fn options(background: bool) -> Options {
    Options { max_file: 30_000, max_disk: MIN_DISK, fsync: Fsync::Never, background, ..Options::default() }
}

fn open(dir: &Path) -> (Session, Writer) {
    let (session, writer, report) = Session::open(dir, options(false), Arc::new(RealDisk)).unwrap();
    assert!(report.failed.is_empty() && report.missing.is_empty(), "{report:?}");
    (session, writer)
}

/// Compares with what was written; gives the number of the last line read.
fn compare(truth: &[String], piece: Piece, bytes: &[u8]) -> u64 {
    let lines: Vec<&str> = std::str::from_utf8(bytes).unwrap().split_inclusive('\n').collect();
    assert_eq!(lines.len() as u64, piece.lines);
    let at = piece.first as usize - 1;
    assert_eq!(lines, &truth[at..at + lines.len()], "from line {}", piece.first);
    piece.first + piece.lines - 1
}

fn evicted(dir: &Path) -> u64 {
    Metadata::read(dir).unwrap().and_then(|data| data.evicted).map_or(0, |evicted| evicted.lines)
}

#[derive(Debug, Clone)]
enum Step {
    Append {
        lines: u64,
        pad: usize,
    },
    Read {
        pieces: usize,
        most: usize,
    },
    /// The reader begins anew behind the last line it had.
    Reconnect,
    /// Another one begins at any line.
    From(f64),
    Stop,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..40u64, 0..900usize).prop_map(|(lines, pad)| Step::Append { lines, pad }),
        1 => (1..4u64, 20_000..200_000usize).prop_map(|(lines, pad)| Step::Append { lines, pad }),
        6 => (1..8usize, 1..100_000usize).prop_map(|(pieces, most)| Step::Read { pieces, most }),
        2 => Just(Step::Reconnect),
        2 => (0.0..1.0).prop_map(Step::From),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_line_has_its_number(steps in proptest::collection::vec(step(), 1..120)) {
        let dir = support::tempdir();
        let (mut session, mut writer) = open(dir.path());
        let (mut truth, mut batch, mut last) = (Vec::new(), 0, 0);
        let mut reader = Numbered::new(dir.path(), 0);
        let mut out = Vec::new();
        for step in steps {
            match step {
                Step::Append { lines, pad } => {
                    let chunk = support::batch(batch, lines, pad);
                    batch += 1;
                    if writer.append(&[&chunk]).is_ok() {
                        truth.extend(std::str::from_utf8(chunk.bytes()).unwrap().split_inclusive('\n').map(str::to_owned));
                    }
                }
                Step::Read { pieces, most } => {
                    for _ in 0..pieces {
                        let Some(piece) = reader.read(session.total_lines(), most, &mut out).unwrap() else {
                            prop_assert_eq!(last, truth.len() as u64, "the reader stops before the end");
                            break;
                        };
                        let hole = piece.first - last - 1;
                        prop_assert!(hole == 0 || piece.first - 1 <= evicted(dir.path()), "a hole that is no eviction");
                        last = compare(&truth, piece, &out);
                    }
                }
                Step::Reconnect => reader = Numbered::new(dir.path(), last),
                Step::From(share) => {
                    let after = (share * truth.len() as f64) as u64;
                    let piece = Numbered::new(dir.path(), after).read(session.total_lines(), 1000, &mut out).unwrap();
                    let Some(piece) = piece else {
                        prop_assert_eq!(after, truth.len() as u64);
                        continue;
                    };
                    prop_assert_eq!(piece.first, after.max(evicted(dir.path())) + 1);
                    compare(&truth, piece, &out);
                }
                Step::Stop | Step::Kill => {
                    if matches!(step, Step::Stop) {
                        session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
                    } else {
                        drop(writer);
                    }
                    drop(session);
                    (session, writer) = open(dir.path());
                    prop_assert_eq!(session.total_lines(), truth.len() as u64);
                }
            }
        }
        while let Some(piece) = reader.read(session.total_lines(), 50_000, &mut out).unwrap() {
            last = compare(&truth, piece, &out);
        }
        prop_assert_eq!(last, truth.len() as u64);
    }
}

#[test]
fn a_reader_beside_a_writer_never_meets_half_of_a_write() {
    let dir = support::tempdir();
    let (session, mut writer, _) = Session::open(dir.path(), options(true), Arc::new(RealDisk)).unwrap();
    let session = Arc::new(session);
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|n| {
            let (path, session, done) = (dir.path().to_owned(), session.clone(), done.clone());
            let read = move || {
                let (mut reader, mut out, mut all, mut skipped) = (Numbered::new(&path, 0), Vec::new(), Vec::new(), 0);
                loop {
                    let last = done.load(Ordering::SeqCst);
                    while let Some(piece) = reader.read(session.total_lines(), 10_000, &mut out).unwrap() {
                        skipped += piece.first - 1 - (all.len() as u64 + skipped);
                        all.extend(out.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
                        if n == 1 {
                            // A slow one falls behind the cap.
                            std::thread::sleep(std::time::Duration::from_millis(3));
                        }
                    }
                    if last {
                        return (all, skipped);
                    }
                }
            };
            std::thread::Builder::new().name("reader".to_owned()).spawn(read).unwrap()
        })
        .collect();
    let mut truth = Vec::new();
    for n in 0..1500 {
        let chunk = support::batch(n, 7, 300);
        writer.append(&[&chunk]).unwrap();
        truth.extend(chunk.bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        let (all, skipped) = reader.join().unwrap();
        assert_eq!(all.len() as u64 + skipped, truth.len() as u64);
        assert!(skipped <= evicted(dir.path()));
        let known: std::collections::HashSet<&Vec<u8>> = truth.iter().collect();
        assert!(all.iter().all(|line| known.contains(line)), "a line that nobody wrote");
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
}
