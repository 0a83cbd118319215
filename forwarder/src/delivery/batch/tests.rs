//! What goes into a request comes out of it, with its labels and in its order.

use logtap_push::{Entry, Headers, Labels, Limits, Reason, Route, Sink, unwrap};

use super::*;

#[derive(Default)]
struct Seen {
    labels: Vec<(String, String)>,
    lines: Vec<(String, i64, String)>,
}

impl Sink for Seen {
    fn stream(&mut self, labels: Labels<'_>) {
        self.labels = labels.parse().pairs;
    }

    fn entry(&mut self, entry: Entry<'_>) {
        let container = self.labels.iter().find(|(name, _)| name == "container").unwrap().1.clone();
        self.lines.push((container, entry.ts.ns.unwrap(), entry.line.to_owned()));
    }
}

fn decode(body: &[u8]) -> Seen {
    let headers = Headers { content_type: Some("application/x-protobuf"), content_encoding: None };
    let mut seen = Seen::default();
    let report = unwrap(body, Route::Loki, headers, &Limits::default()).unwrap().visit(&mut seen).unwrap();
    assert_eq!(report.rejected.total(), 0, "{:?}", logtap_push::Reject::ALL);
    seen
}

fn piece(container: &str, texts: &[&str]) -> Piece {
    let record = |(at, text): (usize, &&str)| Record { ns: at as i64 - 1, text: (*text).to_owned(), continues: false };
    Piece { container: container.into(), records: texts.iter().enumerate().map(record).collect() }
}

fn batch() -> Batch {
    let mut batch = Batch::default();
    batch.add(piece("app", &["one", " two\t\r", ""]));
    batch.add(piece("init", &["é \"quoted\""]));
    batch.add(piece("app", &["three"]));
    batch
}

#[test]
fn lines_survive_the_way_exactly() {
    let labels = [("namespace", "shop".to_owned()), ("pod", "api-0".to_owned())];
    let seen = decode(&batch().encode(&labels));
    let line = |container: &str, ns, text: &str| (container.to_owned(), ns, text.to_owned());
    let expected = [
        line("app", -1, "one"),
        line("app", 0, " two\t\r"),
        line("app", 1, ""),
        line("app", -1, "three"),
        line("init", -1, "é \"quoted\""),
    ];
    assert_eq!(seen.lines, expected);
    let names: Vec<&str> = seen.labels.iter().map(|(name, _)| name.as_str()).collect();
    assert!(["namespace", "pod", "container"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn halves_hold_all_lines_in_order() {
    let whole = decode(&batch().encode(&[])).lines;
    let (first, second) = batch().halves();
    assert_eq!((first.lines(), second.lines()), (3, 2));
    let mut both = decode(&first.encode(&[])).lines;
    both.extend(decode(&second.encode(&[])).lines);
    assert_eq!(both, whole);
}

#[test]
fn full_goes_by_bytes() {
    let mut batch = Batch::default();
    batch.add(piece("app", &[&"x".repeat(FULL - 2 * LINE - 1), ""]));
    assert!(!batch.is_full());
    batch.add(piece("app", &[""]));
    assert!(batch.is_full());
}
