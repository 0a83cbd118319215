//! Time and text survive exactly, however the stream is cut into chunks.

use super::*;

type Got = (i64, String, Piece);

fn split(chunks: &[&[u8]]) -> (Vec<Got>, Vec<String>) {
    let mut cursor = Cursor::default();
    let (mut lines, mut all, mut others) = (Lines::new(cursor.resume(true)), Vec::new(), Vec::new());
    let mut sink = |event: Event<'_>| match event {
        Event::Text { ns, text, piece } => all.push((ns, String::from_utf8_lossy(text).into_owned(), piece)),
        Event::Foreign(text) => others.push(text),
        Event::Hole { .. } | Event::Again => panic!("nothing was read before"),
    };
    for chunk in chunks {
        lines.push(chunk, &mut cursor, &mut sink);
    }
    lines.finish(&mut cursor, &mut sink);
    (all, others)
}

fn line(ns: i64, text: &str) -> Got {
    (ns, text.to_owned(), Piece::default())
}

const STREAM: &str = "2026-09-21T14:13:20.123456789Z plain\n\
    2026-09-21T16:13:20.1+02:00  two blanks, \ttab, é and \\ \r\n\
    2026-09-21T14:13:20Z \n\
    1969-12-31T23:59:59.999999999Z before 1970\n";

fn expected() -> Vec<Got> {
    vec![
        line(1_790_000_000_123_456_789, "plain"),
        line(1_790_000_000_100_000_000, " two blanks, \ttab, é and \\ \r"),
        line(1_790_000_000_000_000_000, ""),
        line(-1, "before 1970"),
    ]
}

#[test]
fn time_and_text_survive_every_cut() {
    let bytes = STREAM.as_bytes();
    for at in 0..bytes.len() {
        assert_eq!(split(&[&bytes[..at], &bytes[at..]]), (expected(), vec![]), "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(split(&single), (expected(), vec![]));
}

#[test]
fn a_last_line_without_newline_counts_only_at_the_end() {
    let mut cursor = Cursor::default();
    let (mut lines, mut all) = (Lines::new(cursor.resume(true)), Vec::new());
    let mut sink = |event: Event<'_>| all.push(format!("{event:?}"));
    lines.push(b"2026-09-21T14:13:20Z half", &mut cursor, &mut sink);
    assert_eq!(cursor, Cursor::default());
    lines.finish(&mut cursor, &mut sink);
    assert_eq!((all.len(), cursor.last()), (1, Some(1_790_000_000_000_000_000)));
}

#[test]
fn what_has_no_time_is_not_the_containers() {
    let complaint = "failed to create fsnotify watcher: too many open files";
    let (records, foreign) =
        split(&[complaint.as_bytes(), b"\n\n", STREAM.as_bytes(), b"no-blank\n", complaint.as_bytes()]);
    assert_eq!(records, expected());
    assert_eq!(foreign, [complaint, "", "no-blank", complaint]);
}

#[test]
fn long_lines_are_gone_on_with_after_every_cut() {
    let text = "ü0123456789".repeat(100_000);
    let stream = format!("2026-09-21T14:13:20Z {text}\n2026-09-21T14:13:21Z next\n");
    for at in [0, 100, 300_000, 262_144 + 21, 262_144 * 2 + 25, 1_100_000, stream.len() - 10] {
        let (mut cursor, mut all) = (Cursor::default(), Vec::new());
        let mut sink = |event: Event<'_>| match event {
            Event::Text { text, piece, .. } => all.push((String::from_utf8(text.to_vec()).unwrap(), piece)),
            other => panic!("{other:?}"),
        };
        for (from, to) in [(0, at), (0, stream.len())] {
            let mut lines = Lines::new(cursor.resume(true));
            for chunk in stream.as_bytes()[from..to].chunks(16 << 10) {
                lines.push(chunk, &mut cursor, &mut sink);
            }
        }
        let (last, pieces) = all.split_last().unwrap();
        assert_eq!(*last, ("next".to_owned(), Piece::default()));
        assert_eq!(pieces.iter().map(|(text, _)| text.as_str()).collect::<String>(), text, "cut at {at}");
        for (at, (text, piece)) in pieces.iter().enumerate() {
            assert!(text.len() <= MAX_TEXT);
            assert_eq!(*piece, Piece { before: at as u64, more: at + 1 < pieces.len() });
        }
    }
}
