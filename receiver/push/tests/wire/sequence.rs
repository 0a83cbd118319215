//! Numbers of entries: what is written is read back, and what breaks a rule is as if it were not there.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use logtap_push::encode::{self, Line, Stream};
use logtap_push::sequence::{Gap, MAX_NUMBER, Mark, Sequence};
use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink};
use proptest::prelude::*;

#[derive(Default)]
struct Seen {
    numbers: Vec<String>,
    lines: Vec<String>,
}

impl Sink for Seen {
    fn stream(&mut self, _labels: Labels<'_>) {
        self.numbers.push(String::new());
    }
    fn sequence(&mut self, sequence: Sequence<'_>) {
        *self.numbers.last_mut().unwrap() = format!("{sequence:?}");
    }
    fn entry(&mut self, entry: Entry<'_>) {
        self.lines.push(entry.line.to_owned());
    }
}

fn read(body: &[u8]) -> Seen {
    let headers = Headers { content_type: Some("application/x-protobuf"), content_encoding: None };
    let mut seen = Seen::default();
    logtap_push::unwrap(body, Route::Loki, headers, &Limits { decompressed: 1 << 20 })
        .unwrap()
        .visit(&mut seen)
        .unwrap();
    seen
}

fn body(sequence: Option<Sequence<'_>>) -> Vec<u8> {
    let lines = [Line { ns: 1, text: "one", meta: &[] }, Line { ns: 2, text: "two", meta: &[] }];
    encode::snappy(&[Stream { labels: &[("app", "a")], lines: &lines, sequence }])
}

#[test]
fn without_numbers_nothing_is_said() {
    assert_eq!(read(&body(None)).numbers, [""]);
}

#[test]
fn rules_are_kept() {
    let gap = |lost, reason| Some(Mark::Gap(Gap { lost, reason, from: 0, to: 0, numbers: 1 }));
    let long = "x".repeat(65);
    let broken = [
        ("", 1, None),
        (long.as_str(), 1, None),
        ("a b", 1, None),
        ("a\"b", 1, None),
        ("s", 0, None),
        ("s", MAX_NUMBER + 1, None),
        ("s", 1, gap(None, "")),
        ("s", 1, gap(None, "Rotated")),
        ("s", 1, gap(Some(u64::MAX), "rotated")),
    ];
    for (source, first, mark) in broken {
        let seen = read(&body(Some(Sequence { source, first, mark })));
        assert_eq!(seen.numbers, [""], "{source:?} {first} {mark:?}");
        assert_eq!(seen.lines, ["one", "two"]);
    }
}

proptest! {
    #[test]
    fn numbers_come_back(
        source in "[A-Za-z0-9_./-]{1,64}",
        first in 1..=MAX_NUMBER,
        mark in prop_oneof![
            Just(None),
            Just(Some(None)),
            (proptest::option::of(0..=MAX_NUMBER), "[a-z0-9_]{1,32}", any::<i64>(), any::<i64>(), 1..=MAX_NUMBER).prop_map(|gap| Some(Some(gap))),
        ],
    ) {
        let mark = mark.as_ref().map(|gap| match gap {
            None => Mark::End,
            Some((lost, reason, from, to, numbers)) => {
                Mark::Gap(Gap { lost: *lost, reason, from: *from, to: *to, numbers: *numbers })
            },
        });
        let sequence = Sequence { source: &source, first, mark };
        let seen = read(&body(Some(sequence)));
        prop_assert_eq!(seen.numbers, [format!("{sequence:?}")]);
        prop_assert_eq!(seen.lines, ["one", "two"]);
    }
}
