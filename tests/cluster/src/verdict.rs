//! A capture beside the truth: what is missing, what is twice, what is out of order, and whether the
//! gap marks tell it as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::observer::{True, Truth, digest};

/// What a forwarder puts beside a piece of a long line: its number, and `+` where more follow.
const PIECE: &str = "logtap_piece";

/// What a capture has of one container.
#[derive(Debug, Default)]
pub struct Captured {
    lines: Vec<u64>,
    /// Places of lines that come next after a gap.
    after_gaps: HashSet<usize>,
    gaps: Vec<Gap>,
    /// Whether the forwarder said that there will be no more.
    pub ended: bool,
    /// Pieces of a line whose end did not come yet, by output.
    open: BTreeMap<String, String>,
}

/// Lines that a mark calls lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Time of the last line before, as written.
    pub from: String,
    /// Time of the first line after.
    pub to: String,
    /// Why.
    pub reason: String,
    /// How many, or `unknown`.
    pub lost: String,
}

/// Bytes that the runtime may have at hand: containerd copies 32 KiB at a time, and reads them through a buffer
/// of 4 KiB. 23 lines within 7.5 ms were seen at 5 MB/s.
const AT_HAND: u64 = 40 << 10;

/// Lines that are missing, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Time of the last line before, as written.
    pub from: String,
    /// Time of the first line after.
    pub to: String,
    /// How many.
    pub lines: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Whether it ends where a file does.
    pub ends_a_file: bool,
    /// Whether a file ends in it, or amid one of its lines.
    pub crosses_files: bool,
}

impl Hole {
    /// Whether source `api` can have it without a mark: the runtime may write what it has at hand into the old
    /// file after the new one is there, and a kubelet that follows has gone over to the new one by then. Such
    /// lines, or a part of one, are in no stream, and nobody can tell.
    #[must_use]
    pub fn is_passed_over(&self) -> bool {
        self.crosses_files && (self.lines <= 2 || self.bytes <= AT_HAND)
    }
}

/// How a container's lines compare.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Lines that were written.
    pub written: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Lines that are not in the capture.
    pub missing: u64,
    /// Bytes of those.
    pub missing_bytes: u64,
    /// Lines that are in the capture more than once.
    pub doubled: u64,
    /// Lines that come after a later one.
    pub disordered: u64,
    /// Lines of the capture that nobody wrote.
    pub foreign: u64,
    /// Such lines that come next after a gap: the ends of longer lines that were put aside.
    pub fragments: u64,
    /// Lives of the container of which lines are missing.
    pub lives: BTreeSet<u64>,
    /// Stretches of missing lines.
    pub holes: Vec<Hole>,
    /// What marks say.
    pub gaps: Vec<Gap>,
    /// Those of them in which nothing is missing, between the last line of a file and the first of the next.
    pub empty: Vec<Gap>,
}

/// Reads a capture with `zstd`, file by file, by `pod/container`.
///
/// # Panics
/// When a line is no line of a capture.
#[must_use]
pub fn read(dir: &Path) -> BTreeMap<String, Captured> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).expect("a capture").flatten().map(|one| one.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".jsonl.zst"));
    files.sort();
    let mut all: BTreeMap<String, Captured> = BTreeMap::new();
    for file in files {
        let mut zstd =
            Command::new("zstd").arg("-dcq").arg(&file).stdout(Stdio::piped()).spawn().expect("zstd is there");
        let lines = BufReader::new(zstd.stdout.take().expect("it is piped"));
        for line in lines.split(b'\n') {
            let line: Value = serde_json::from_slice(&line.expect("zstd reads it")).expect("a line is an object");
            let label = |name: &str| line["labels"][name].as_str().unwrap_or_default();
            all.entry(format!("{}/{}", label("pod"), label("container"))).or_default().add(&line);
        }
        assert!(zstd.wait().expect("zstd ends").success(), "zstd reads {}", file.display());
    }
    all
}

impl Captured {
    fn add(&mut self, line: &Value) {
        let text = line["msg"].as_str().expect("a line has a text");
        let told = |name: &str| line["meta"][name].as_str().unwrap_or_default().to_owned();
        match line["labels"]["logtap"].as_str() {
            Some("gap") => {
                self.after_gaps.insert(self.lines.len());
                // What a line of several pieces has not got by now is in the gap.
                self.open.clear();
                self.gaps.push(Gap { from: told("from"), to: told("to"), reason: told("reason"), lost: told("lost") });
            }
            Some("end") => self.ended = true,
            _ => {
                let output = line["labels"]["stream"].as_str().unwrap_or_default();
                let whole = self.open.entry(output.to_owned()).or_default();
                whole.push_str(text);
                if !told(PIECE).ends_with('+') {
                    self.lines.push(digest(whole.as_bytes()));
                    whole.clear();
                }
            }
        }
    }

    /// How many whole lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// The digest of the last whole line.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.lines.last().copied()
    }

    /// Compares with what was written.
    #[must_use]
    pub fn against(&self, truth: &[True]) -> Verdict {
        let places: HashMap<u64, usize> = truth.iter().enumerate().map(|(at, line)| (line.digest, at)).collect();
        let mut verdict = Verdict {
            written: truth.len() as u64,
            bytes: truth.iter().map(|line| line.bytes as u64).sum(),
            gaps: self.gaps.clone(),
            empty: self.gaps.iter().filter(|gap| gap.is_empty(truth)).cloned().collect(),
            ..Verdict::default()
        };
        let (mut seen, mut last) = (vec![false; truth.len()], None);
        for (number, line) in self.lines.iter().enumerate() {
            let Some(&at) = places.get(line) else {
                let is_fragment = self.after_gaps.contains(&number);
                *if is_fragment { &mut verdict.fragments } else { &mut verdict.foreign } += 1;
                continue;
            };
            verdict.doubled += u64::from(std::mem::replace(&mut seen[at], true));
            verdict.disordered += u64::from(last.is_some_and(|last| at < last));
            last = Some(at);
        }
        let mut at = 0;
        while at < truth.len() {
            if seen[at] {
                at += 1;
                continue;
            }
            let until = (at..truth.len()).find(|later| seen[*later]).unwrap_or(truth.len());
            verdict.missing += (until - at) as u64;
            let bytes = truth[at..until].iter().map(|line| line.bytes as u64).sum();
            verdict.missing_bytes += bytes;
            verdict.lives.extend(truth[at..until].iter().map(|line| line.life));
            let (before, after) = (&truth[at.saturating_sub(1)], &truth[until.min(truth.len() - 1)]);
            verdict.holes.push(Hole {
                from: before.time.clone(),
                to: after.time.clone(),
                lines: (until - at) as u64,
                bytes,
                ends_a_file: truth[until - 1].file != after.file,
                crosses_files: before.file != after.file,
            });
            at = until;
        }
        verdict
    }
}

impl Gap {
    fn is_empty(&self, truth: &[True]) -> bool {
        fn digits(time: &str) -> &str {
            time.trim_end_matches('Z').trim_end_matches('0')
        }
        truth.windows(2).any(|two| {
            two[0].file != two[1].file
                && digits(&two[0].time) == digits(&self.from)
                && digits(&two[1].time) == digits(&self.to)
        })
    }
}

/// Compares every container that was written to.
#[must_use]
pub fn verdicts(truth: &Truth, captured: &BTreeMap<String, Captured>) -> BTreeMap<String, Verdict> {
    let nothing = Captured::default();
    truth.iter().map(|(name, lines)| (name.clone(), captured.get(name).unwrap_or(&nothing).against(lines))).collect()
}
