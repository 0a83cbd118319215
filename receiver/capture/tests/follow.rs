//! A follower beside a writer sees every line exactly once, in order.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use logtap_capture::audit::Event;
use logtap_capture::disk::RealDisk;
use logtap_capture::query::{Pattern, PatternOptions, Query};
use logtap_capture::session::{Fsync, Options, Session, Tally};
use logtap_capture::tail::Tail;

fn ids(lines: &[u8], into: &mut Vec<String>) {
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let message = line["msg"].as_str().unwrap();
        into.push(message.strip_prefix("id=").unwrap().split(' ').next().unwrap().to_owned());
    }
}

fn expected(batches: u64, lines: u64) -> Vec<String> {
    (0..batches).flat_map(|batch| (0..lines).map(move |n| format!("{batch}.{n}"))).collect()
}

fn options(max_file: u64) -> Options {
    Options { max_file, fsync: Fsync::Never, ..Options::default() }
}

#[test]
fn every_line_once_across_rotations() {
    const BATCHES: u64 = 600;
    let dir = support::tempdir();
    let (session, mut writer, _) = Session::open(dir.path(), options(200_000), Arc::new(RealDisk)).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let follower = {
        let (path, done) = (dir.path().to_owned(), done.clone());
        std::thread::Builder::new()
            .name("follower".to_owned())
            .spawn(move || {
                let (mut tail, first) = Tail::open(&path, &Query::default(), usize::MAX).unwrap();
                let mut seen = Vec::new();
                for line in first {
                    ids(&line, &mut seen);
                }
                loop {
                    let last = done.load(Ordering::SeqCst);
                    tail.poll(|lines| ids(lines, &mut seen)).unwrap();
                    if last {
                        return (seen, tail.damaged_bytes);
                    }
                }
            })
            .unwrap()
    };
    for batch in 0..BATCHES {
        writer.append(&[&support::batch(batch, 20, if batch % 50 == 0 { 9000 } else { 60 })]).unwrap();
    }
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    done.store(true, Ordering::SeqCst);
    let (seen, damaged) = follower.join().unwrap();
    assert_eq!(damaged, 0);
    assert_eq!(seen, expected(BATCHES, 20));
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 5, "the capture has rotated");
}

#[test]
fn last_lines_are_counted_after_the_filter() {
    let dir = support::tempdir();
    let (session, mut writer, _) = Session::open(dir.path(), options(100_000), Arc::new(RealDisk)).unwrap();
    for batch in 0..100 {
        writer.append(&[&support::batch(batch, 10, 200)]).unwrap();
    }
    let query =
        Query { pattern: Some(Pattern::new(r"id=\d+\.3 ", PatternOptions::default()).unwrap()), ..Query::default() };
    let check = |live: bool| {
        let (tail, lines) = Tail::open(dir.path(), &query, 70).unwrap();
        assert_eq!(tail.is_live(), live);
        let mut seen = Vec::new();
        for line in lines {
            ids(&line, &mut seen);
        }
        assert_eq!(seen, (30..100).map(|batch| format!("{batch}.3")).collect::<Vec<_>>());
    };
    check(true);
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    check(false);
}

#[test]
fn a_plain_file_that_is_compressed_meanwhile() {
    let dir = support::tempdir();
    let plain = dir.path().join("2026-01-01T000000-000.jsonl");
    let line = |n: u32| format!("{{\"ts\":\"2026-01-01T00:00:0{n}Z\",\"labels\":{{}},\"msg\":\"id={n} \"}}\n");
    std::fs::write(&plain, line(1) + "{\"ts\":\"2026").unwrap();
    let (mut tail, first) = Tail::open(dir.path(), &Query::default(), 10).unwrap();
    let mut seen = Vec::new();
    first.iter().for_each(|line| ids(line, &mut seen));
    assert_eq!(seen, ["1"]);
    std::fs::write(&plain, line(1) + &line(2)).unwrap();
    let done = std::process::Command::new("zstd").args(["-q", "--rm"]).arg(&plain).status().unwrap();
    assert!(done.success());
    std::fs::write(dir.path().join("2026-01-01T000001-000.jsonl"), line(3)).unwrap();
    tail.poll(|lines| ids(lines, &mut seen)).unwrap();
    assert_eq!(seen, ["1", "2", "3"]);
}
