//! The sending side, modelled: two sources, a journal that survives a kill,
//! one request at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use logtap_capture::chunk::{Chunk, ChunkBuilder};
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::lost::meta;
use logtap_capture::sequence::{Kind, Sources};

const SOURCES: [&str; 2] = ["0f/app", "0f/side"];

/// One record of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    source: usize,
    number: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The container's line of this index.
    Line(u64),
    /// A gap of so many lines that takes so many numbers.
    Gap { lost: u64, numbers: u64 },
}

/// What goes over the network: records of one journal entry.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    entry: usize,
    /// Whether nothing of the entry follows.
    is_last: bool,
    records: Vec<Record>,
}

#[derive(Debug, Default)]
pub(crate) struct Sender {
    journal: Vec<Vec<Record>>,
    /// Entries acknowledged, as far as the journal knows.
    acknowledged: usize,
    /// The first half of the oldest entry is acknowledged; forgotten by a kill.
    half: bool,
    /// Next number and next line of each source.
    numbers: [u64; 2],
    lines: [u64; 2],
    /// Entries that went to another receiver.
    elsewhere: Vec<usize>,
    /// Entries that were sent here at least once: their fate is this receiver's alone.
    tried: std::collections::BTreeSet<usize>,
}

fn labels(source: usize, mark: Option<&str>) -> Labels {
    let pod = ("container".to_owned(), SOURCES[source].to_owned());
    Arc::new(LabelSet::new(mark.map(|mark| ("logtap".to_owned(), mark.to_owned())).into_iter().chain([pod])))
}

impl Request {
    pub(crate) fn chunk(&self) -> Chunk {
        let mut builder = ChunkBuilder::default();
        let names = SOURCES.map(Arc::<str>::from);
        for record in &self.records {
            let source = &names[record.source];
            let ts = record.number as i64;
            match record.what {
                What::Line(line) => {
                    builder.number(source, record.number);
                    let noise = crate::support::noise(line, 40);
                    let text = format!("id={}.{line} {noise}", record.source);
                    builder.push(&labels(record.source, None), ts, ts, &text, &[("k", "\",\"msg\":\"")]);
                }
                What::Gap { lost, numbers } => {
                    builder.number_mark(source, record.number, numbers, Kind::Gap);
                    let pairs = [(meta::LOST, lost.to_string()), (meta::REASON, "overflow".to_owned())];
                    builder.push(&labels(record.source, Some("gap")), ts, ts, "lost", &pairs);
                }
            }
        }
        builder.finish()
    }
}

impl Sender {
    fn record(&mut self, source: usize, what: What) -> Record {
        self.numbers[source] += 1;
        Record { source, number: self.numbers[source], what }
    }

    pub(crate) fn read(&mut self, counts: [u64; 2]) {
        let mut entry = Vec::new();
        for (source, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                self.lines[source] += 1;
                let line = What::Line(self.lines[source]);
                entry.push(self.record(source, line));
            }
        }
        if !entry.is_empty() {
            self.journal.push(entry);
        }
    }

    pub(crate) fn overflow(&mut self, lost: u64) {
        self.lines[0] += lost;
        let gap = self.record(0, What::Gap { lost, numbers: 1 });
        self.journal.push(vec![gap]);
    }

    pub(crate) fn send(&mut self, halves: bool) -> Vec<Request> {
        let entry = self.acknowledged;
        let Some(records) = self.journal.get(entry) else { return Vec::new() };
        self.tried.insert(entry);
        let middle = records.len().div_ceil(2);
        let part = |records: &[Record], is_last| Request { entry, is_last, records: records.to_vec() };
        match (halves && records.len() > 1, self.half) {
            (true, false) => vec![part(&records[..middle], false)],
            (true, true) => vec![part(&records[middle..], true)],
            (false, _) => vec![part(records, true)],
        }
    }

    pub(crate) fn answered(&mut self, request: &Request) {
        if request.entry == self.acknowledged {
            self.half = !request.is_last;
            self.acknowledged += usize::from(request.is_last);
        }
    }

    fn is_unsent(&self) -> bool {
        self.acknowledged < self.journal.len() && !self.tried.contains(&self.acknowledged)
    }

    pub(crate) fn elsewhere(&mut self) {
        if self.is_unsent() {
            self.elsewhere.push(self.acknowledged);
            self.acknowledged += 1;
        }
    }

    pub(crate) fn refused(&mut self) {
        if self.is_unsent() {
            let mut marks: Vec<Record> = Vec::new();
            for record in &self.journal[self.acknowledged] {
                let (lost, numbers) = match record.what {
                    What::Line(_) => (1, 1),
                    What::Gap { lost, numbers } => (lost, numbers),
                };
                match marks.last_mut() {
                    Some(Record { source, what: What::Gap { lost: sum, numbers: taken }, .. })
                        if *source == record.source =>
                    {
                        *sum += lost;
                        *taken += numbers;
                    }
                    _ => marks.push(Record { what: What::Gap { lost, numbers }, ..*record }),
                }
            }
            self.journal[self.acknowledged] = marks;
        }
    }

    pub(crate) fn killed(&mut self, forgets_ack: bool) {
        self.half = false;
        if forgets_ack && self.acknowledged > 0 && self.elsewhere.last() != Some(&(self.acknowledged - 1)) {
            self.acknowledged -= 1;
        }
    }

    /// Compares the capture with what was read.
    pub(crate) fn check(&self, stored: &[serde_json::Value], sources: &Sources) {
        for (source, name) in SOURCES.iter().enumerate() {
            let here = self.journal.iter().enumerate().filter(|(entry, _)| !self.elsewhere.contains(entry));
            let records: Vec<&Record> =
                here.flat_map(|(_, records)| records).filter(|record| record.source == source).collect();
            let lines = stored.iter().filter(|line| line["labels"]["container"] == *name);
            let (marks, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line["labels"]["logtap"] == "gap");
            let ids: Vec<String> =
                lines.iter().map(|line| line["msg"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect();
            let expected: Vec<String> = records
                .iter()
                .filter_map(|record| match record.what {
                    What::Line(line) => Some(format!("id={source}.{line}")),
                    What::Gap { .. } => None,
                })
                .collect();
            assert_eq!(ids, expected, "each line once, in order");

            let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
            for mark in marks {
                let meta = &mark["meta"];
                *lost.entry(meta["reason"].as_str().unwrap()).or_default() +=
                    meta["lost"].as_str().unwrap().parse::<u64>().unwrap();
            }
            let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
            let mut next = None;
            for record in &records {
                let numbers = if let What::Gap { lost, numbers } = record.what {
                    *expected.entry("overflow").or_default() += lost;
                    numbers
                } else {
                    1
                };
                if let Some(next) = next.filter(|next| record.number > *next) {
                    *expected.entry("not_received").or_default() += record.number - next;
                }
                next = Some(record.number + numbers);
            }
            assert_eq!(lost, expected, "what is missing is inside a mark");
            assert_eq!(sources.get(name).map(|known| known.next), next, "the files alone tell what comes next");
        }
    }
}
