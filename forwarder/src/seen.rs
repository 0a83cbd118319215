//! For tests: what a receiver reads in a request, record by record, and what it would keep.

use std::collections::BTreeMap;

use logtap_push::sequence::{Mark, Sequence};
use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink, unwrap};

/// One record of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) source: String,
    pub(crate) number: u64,
    /// Kind, count, reason, bounds and numbers of a mark.
    pub(crate) mark: Option<String>,
    /// Numbers that it takes.
    pub(crate) numbers: u64,
    pub(crate) ns: i64,
    pub(crate) text: String,
    pub(crate) piece: Option<String>,
}

#[derive(Default)]
struct Reading {
    labels: BTreeMap<String, String>,
    next: (String, u64, Option<String>, u64),
    all: Vec<Seen>,
}

impl Sink for Reading {
    fn stream(&mut self, labels: Labels<'_>) {
        self.labels =
            labels.parse().pairs.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.next = Default::default();
    }

    fn sequence(&mut self, sequence: Sequence<'_>) {
        let numbers = if let Some(Mark::Gap(gap)) = sequence.mark { gap.numbers } else { 1 };
        let mark = sequence.mark.map(|mark| match mark {
            Mark::End => "end".to_owned(),
            Mark::Gap(gap) => format!("gap {:?} {} {} {}", gap.lost, gap.reason, gap.from, gap.to),
        });
        self.next = (sequence.source.to_owned(), sequence.first, mark, numbers);
    }

    fn entry(&mut self, entry: Entry<'_>) {
        let (source, number, mark, numbers) = self.next.clone();
        self.next.1 += numbers;
        let piece = entry.meta.first().map(|(name, value)| {
            assert_eq!(name, crate::intake::PIECE);
            value.to_string()
        });
        let (labels, text) = (self.labels.clone(), entry.line.to_owned());
        self.all.push(Seen { labels, source, number, mark, numbers, ns: entry.ts.ns.unwrap(), text, piece });
    }
}

/// The records of a request.
pub(crate) fn seen(body: &[u8]) -> Vec<Seen> {
    let headers = Headers { content_type: Some("application/x-protobuf"), content_encoding: None };
    let mut reading = Reading::default();
    let limits = Limits { decompressed: 64 << 20 };
    let report = unwrap(body, Route::Loki, headers, &limits).unwrap().visit(&mut reading).unwrap();
    assert_eq!(report.rejected.total(), 0);
    reading.all
}

/// What a receiver keeps: each number once, and no hole that it is not told of.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    next: BTreeMap<String, u64>,
    pub(crate) all: Vec<Seen>,
}

impl Kept {
    /// Takes a request.
    pub(crate) fn take(&mut self, body: &[u8]) {
        for one in seen(body) {
            let next = self.next.entry(one.source.clone()).or_insert(one.number);
            if one.number < *next {
                continue;
            }
            assert_eq!(one.number, *next, "records of {} are missing", one.source);
            *next = one.number + one.numbers;
            self.all.push(one);
        }
    }
}
