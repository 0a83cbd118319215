//! Whatever is cut or replaced, the numbers stay.

use std::rc::Rc;

use super::*;
use crate::figures::Figures;
use crate::intake::{Intake, Mark, Piece, Record, Std};
use crate::journal::Journal;
use crate::report::Report;
use crate::seen::{Kept, Seen, seen};

/// A request of two containers with lines, pieces and marks.
fn request() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), String::new(), 1 << 20, Rc::new(Report::default()));
    let intake = Intake::new(journal, vec![("pod", "api-0".to_owned())], Rc::new(Figures::default()));
    let line = |container: &str, ns, text: &str, std| {
        intake.line(container, Record { ns, text: text.as_bytes(), std, piece: Piece::default() });
    };
    line("app", 1, "one", Some(Std::Out));
    line("app", 2, "two", Some(Std::Out));
    line("app", 3, "three", Some(Std::Err));
    line("init", -7_000_000_001, "before 1970", None);
    intake.mark("init", Mark::End(4));
    for (before, more) in [(0, true), (1, true), (2, false)] {
        intake.line("app", Record { ns: 5, text: b"piece", std: None, piece: Piece { before, more } });
    }
    intake.mark("app", Mark::Gap { lost: None, reason: "rotated", from: 5, to: 6 });
    line("app", 6, "last", None);
    intake.commit("app", Vec::new());
    intake.commit("init", Vec::new());
    intake.close();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ready = runtime.block_on(intake.next()).unwrap();
    snap::raw::Decoder::new().decompress_vec(&ready.body).unwrap()
}

fn read(plain: &[u8]) -> Vec<Seen> {
    if plain.is_empty() { Vec::new() } else { seen(&snap::raw::Encoder::new().compress_vec(plain).unwrap()) }
}

#[test]
fn halves_hold_all_records_in_order_down_to_single_ones() {
    let whole = request();
    assert_eq!(records(&whole), Some(10));
    let (mut open, mut all) = (vec![whole.clone()], Vec::new());
    while let Some(plain) = open.pop() {
        match halves(&plain) {
            Some((one, two)) => open.extend([two, one]),
            None => all.extend(read(&plain)),
        }
    }
    assert_eq!(all, read(&whole));
}

#[test]
fn marks_take_the_place_of_lines_and_all_their_numbers() {
    let (marks, lines) = replaced(&request(), "refused").unwrap();
    assert_eq!(lines, 6);
    let mut kept = Kept::default();
    kept.take(&snap::raw::Encoder::new().compress_vec(&marks).unwrap());
    let short: Vec<(&str, u64, u64, &str)> = kept
        .all
        .iter()
        .map(|one| (one.labels["container"].as_str(), one.number, one.numbers, one.mark.as_deref().unwrap()))
        .collect();
    let expected = [
        ("init", 1, 1, "gap Some(1) refused -7000000001 -7000000001"),
        ("init", 2, 1, "end"),
        ("app", 1, 6, "gap Some(4) refused 1 5"),
        ("app", 7, 1, "gap None rotated 5 6"),
        ("app", 8, 1, "gap Some(1) refused 6 6"),
    ];
    assert_eq!(short, expected);
    assert!(kept.all.iter().all(|one| one.labels["pod"] == "api-0" && one.labels.contains_key("logtap")));
}

#[test]
fn bytes_of_others_are_left_alone() {
    let whole = request();
    for cut in 1..whole.len() {
        // No panic; a cut body is no body.
        halves(&whole[..cut]);
        replaced(&whole[..cut], "refused");
    }
    assert_eq!(records(b"\x0a\x01x"), None);
}
