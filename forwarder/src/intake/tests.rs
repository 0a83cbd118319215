//! What is handed over comes out of the journal, with its labels, its numbers and in its order.

use super::*;
use crate::report::Report;
use crate::seen::{Kept, Seen};

fn intake(dir: &std::path::Path) -> Intake {
    let journal = Journal::open(dir, "boot".to_owned(), 64 << 20, Rc::new(Report::default()));
    let labels = vec![("namespace", "shop".to_owned()), ("pod", "api-0".to_owned())];
    Intake::new(journal, labels, Rc::new(Figures::default()))
}

fn record(ns: i64, text: &str) -> Record<'_> {
    Record { ns, text: text.as_bytes(), std: None, piece: Piece::default() }
}

/// Everything that waits.
fn sent(intake: &Intake) -> Vec<Seen> {
    let mut kept = Kept::default();
    let journal = &mut intake.inner.borrow_mut().journal;
    while let Some(ready) = journal.next() {
        kept.take(&ready.body);
        journal.acknowledge(&ready);
    }
    kept.all
}

#[test]
fn lines_survive_the_way_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let intake = intake(dir.path());
    intake.line("app", record(-1, "one"));
    intake.line("app", record(0, " two\t\r"));
    intake.line("app", Record { ns: 1, text: b"a\xffb", std: Some(Std::Err), piece: Piece { before: 1, more: true } });
    intake.commit("app", b"3".to_vec());
    intake.line("init", record(5, "é \"quoted\""));
    intake.mark("init", Mark::End(5));
    intake.commit("init", b"1".to_vec());
    intake.line("app", record(2, ""));
    intake.mark("app", Mark::Gap { lost: Some(3), reason: "rotated", from: 2, to: 9 });
    intake.commit("app", b"4".to_vec());
    intake.flush();
    assert_eq!(
        (intake.position("app"), intake.has_ended("app"), intake.has_ended("init")),
        (b"4".to_vec(), false, true)
    );
    let all = sent(&intake);
    let short: Vec<(&str, u64, i64, &str)> =
        all.iter().map(|one| (one.labels["container"].as_str(), one.number, one.ns, one.text.as_str())).collect();
    let expected = [
        ("app", 1, -1, "one"),
        ("app", 2, 0, " two\t\r"),
        ("app", 3, 1, "a\u{fffd}b"),
        ("init", 1, 5, "é \"quoted\""),
        ("init", 2, 5, "end of the log of container init"),
        ("app", 4, 2, ""),
        ("app", 5, 9, "gap: 3 lines are lost (rotated)"),
    ];
    assert_eq!(short, expected);
    assert_eq!((all[2].labels["stream"].as_str(), all[2].piece.as_deref()), ("stderr", Some("2+")));
    assert!(all.iter().all(|one| one.labels["pod"] == "api-0" && one.labels["namespace"] == "shop"));
    assert_eq!((all[4].labels["logtap"].as_str(), all[4].mark.as_deref()), ("end", Some("end")));
    assert_eq!((all[6].labels["logtap"].as_str(), all[6].mark.as_deref()), ("gap", Some("gap Some(3) rotated 2 9")));
    assert_eq!((intake.figures.read.get(), intake.figures.altered.get(), intake.figures.gaps.get()), (5, 1, 1));
}

#[test]
fn a_full_request_is_complete_at_once_and_numbers_go_on_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = 0_u64;
    for _ in 0..3 {
        let intake = intake(dir.path());
        let text = "x".repeat(300_000);
        for _ in 0..5 {
            intake.line("app", record(1, &text));
            intake.commit("app", Vec::new());
        }
        // Four make a request; the fifth is lost with the process, and will be read again.
        let numbers: Vec<u64> = sent(&intake).iter().map(|one| one.number).collect();
        assert_eq!(numbers, (expected + 1..=expected + 4).collect::<Vec<_>>());
        expected += 4;
    }
}
