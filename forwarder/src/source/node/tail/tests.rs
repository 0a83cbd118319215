//! A tail beside a kubelet that rotates, packs, removes and restarts at any moment, and killed at any
//! moment: every line once and in order, and what was removed unread inside a gap.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::figures::Figures;
use crate::journal::Journal;
use crate::report::Report;
use crate::seen::Kept;

const PIECE: usize = 1 << 14;

/// What runtime and kubelet do to one container's files.
struct Kubelet {
    dir: tempfile::TempDir,
    file: File,
    life: u64,
    clock: i64,
    stamps: Vec<(u64, u64)>,
    keep: usize,
    /// Text of whole lines, and lines that go on: text and whether a piece was written.
    written: Vec<String>,
    open: [Option<String>; 2],
}

impl Kubelet {
    fn new(keep: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("0.log")).unwrap();
        Self { dir, file, life: 0, clock: 0, stamps: Vec::new(), keep, written: Vec::new(), open: [None, None] }
    }

    /// One line of the file.
    fn put(&mut self, std: usize, text: &str, partial: bool) {
        self.clock += 1;
        let time = jiff::Timestamp::from_nanosecond(1_790_000_000_000_000_000 + i128::from(self.clock)).unwrap();
        let (std_name, tag) = (["stdout", "stderr"][std], if partial { "P" } else { "F" });
        self.file.write_all(format!("{time} {std_name} {tag} {text}\n").as_bytes()).unwrap();
        let whole = self.open[std].take().unwrap_or_default() + text;
        if partial {
            self.open[std] = Some(whole);
        } else {
            self.written.push(whole);
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(format!("{}.log", self.life))
    }

    /// Puts the file aside; whether the next one is there already is another step.
    fn put_aside(&mut self) {
        for (life, stamp) in self.stamps.clone() {
            let from = self.dir.path().join(format!("{life}.log.20260101-{stamp:06}"));
            if life == self.life && from.exists() {
                let to = from.with_file_name(format!("{}.gz", from.file_name().unwrap().to_str().unwrap()));
                let mut packed = GzEncoder::new(File::create(&to).unwrap(), Compression::fast());
                packed.write_all(&fs::read(&from).unwrap()).unwrap();
                packed.finish().unwrap();
                fs::remove_file(&from).unwrap();
            }
        }
        while self.stamps.iter().filter(|(life, _)| *life == self.life).count() >= self.keep {
            let at = self.stamps.iter().position(|(life, _)| *life == self.life).unwrap();
            let (life, stamp) = self.stamps.remove(at);
            let base = format!("{life}.log.20260101-{stamp:06}");
            for name in [base.clone(), format!("{base}.gz")] {
                fs::remove_file(self.dir.path().join(name)).unwrap_or_default();
            }
        }
        let stamp = self.clock.unsigned_abs();
        self.clock += 1;
        self.stamps.push((self.life, stamp));
        fs::rename(self.path(), self.dir.path().join(format!("{}.log.20260101-{stamp:06}", self.life))).unwrap();
    }

    fn reopen(&mut self) {
        self.file = OpenOptions::new().create(true).append(true).open(self.path()).unwrap();
    }

    /// The container is started again. Lines that go on end there.
    fn restart(&mut self) {
        for std in 0..2 {
            self.written.extend(self.open[std].take());
        }
        self.life += 1;
        self.reopen();
    }

    fn tail(&self, intake: &Intake) -> Tail {
        Tail::new(self.dir.path().to_owned(), "app".to_owned(), Duration::ZERO, intake)
    }
}

fn intake(state: &Path) -> Intake {
    let journal = Journal::open(state, "boot".to_owned(), 64 << 20, Rc::new(Report::default()));
    Intake::new(journal, Vec::new(), Rc::new(Figures::default()))
}

/// Takes what waits, as a receiver does.
fn deliver(intake: &Intake, kept: &mut Kept, most: usize) {
    for ready in intake.waiting_requests(most) {
        kept.take(&ready.body);
        intake.acknowledge(&ready);
    }
}

/// Lines as they were, from the pieces that were kept; marks as they are.
fn whole(kept: &Kept) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), std::collections::BTreeMap::<Option<String>, String>::new());
    for one in &kept.all {
        let mark = one.mark.clone();
        let begun = open.entry(one.labels.get("stream").cloned()).or_default();
        begun.push_str(&one.text);
        if one.piece.as_ref().is_none_or(|piece| !piece.ends_with('+')) {
            let text = std::mem::take(begun);
            all.push(mark.unwrap_or(text));
        }
    }
    all
}

#[test]
fn every_line_once_whatever_happens_between_any_two_steps() {
    let mut lines = 0;
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut kubelet = Kubelet::new(1000);
        let state = tempfile::tempdir().unwrap();
        let mut intake_now = intake(state.path());
        let mut tail = kubelet.tail(&intake_now);
        let (mut kept, mut number, mut aside) = (Kept::default(), 0, false);
        for _ in 0..400 {
            match random.u32(..100) {
                0..40 => {
                    let std = random.usize(..2);
                    number += 1;
                    let fill = if random.u8(..10) == 0 { PIECE } else { random.usize(..200) };
                    let partial = fill == PIECE || random.u8(..20) == 0;
                    kubelet.put(std, &format!("<{number} {}>", "é".repeat(fill / 2)), partial);
                }
                40..75 => drop(tail.step(&intake_now).unwrap()),
                75..80 if aside => {
                    kubelet.reopen();
                    aside = false;
                }
                75..79 => {
                    kubelet.put_aside();
                    aside = true;
                }
                80..83 if !aside => kubelet.restart(),
                83..88 => intake_now.flush(),
                88..94 => deliver(&intake_now, &mut kept, random.usize(..3)),
                94..97 => {
                    drop(tail);
                    intake_now = intake(state.path());
                    tail = kubelet.tail(&intake_now);
                }
                _ => tail.look().unwrap(),
            }
        }
        if aside {
            kubelet.reopen();
        }
        while tail.step(&intake_now).unwrap() == Step::More {}
        tail.finish(&intake_now);
        intake_now.flush();
        deliver(&intake_now, &mut kept, usize::MAX);
        for std in 0..2 {
            kubelet.written.extend(kubelet.open[std].take());
        }
        kubelet.written.extend((number > 0).then(|| "end".to_owned()));
        let (mut got, mut expected) = (whole(&kept), kubelet.written);
        lines += expected.len();
        // Both outputs are in order; between them a long line counts where its end is.
        assert_eq!(got.len(), expected.len(), "seed {seed}");
        if got != expected {
            got.sort();
            expected.sort();
            assert_eq!(got, expected, "seed {seed}");
            panic!("seed {seed}: out of order");
        }
    }
    assert!(lines > 10_000);
}

#[test]
fn what_is_removed_unread_is_a_gap_with_its_count() {
    for killed in [false, true] {
        let mut kubelet = Kubelet::new(3);
        let state = tempfile::tempdir().unwrap();
        let mut intake_now = intake(state.path());
        let mut tail = kubelet.tail(&intake_now);
        for file in 0..8 {
            for line in 0..10 {
                kubelet.put(0, &format!("{file}.{line}"), line == 4);
            }
            if file == 0 {
                while tail.step(&intake_now).unwrap() == Step::More {}
                intake_now.flush();
            }
            if killed && file == 4 {
                intake_now = intake(state.path());
                tail = kubelet.tail(&intake_now);
            }
            if !killed {
                tail.look().unwrap();
            }
            if file < 7 {
                kubelet.put_aside();
                kubelet.reopen();
            }
        }
        while tail.step(&intake_now).unwrap() == Step::More {}
        intake_now.flush();
        let mut kept = Kept::default();
        deliver(&intake_now, &mut kept, usize::MAX);
        let got = whole(&kept);
        let gaps: Vec<&String> = got.iter().filter(|text| text.starts_with("gap")).collect();
        // Ten lines of a file make nine of the container. Files 1 to 3 were removed.
        let count = if killed { "None" } else { "Some(27)" };
        let ns = |clock: i64| 1_790_000_000_000_000_000 + clock;
        assert_eq!(gaps, [&format!("gap {count} rotated {} {}", ns(10), ns(45))]);
        let mut expected = kubelet.written.clone();
        expected.drain(9..36);
        expected.insert(9, gaps[0].clone());
        assert_eq!(got, expected);
    }
}

#[test]
fn lives_that_are_removed_unread_are_a_gap() {
    let mut kubelet = Kubelet::new(3);
    let state = tempfile::tempdir().unwrap();
    let intake = intake(state.path());
    let mut tail = kubelet.tail(&intake);
    kubelet.put(0, "life 0", false);
    while tail.step(&intake).unwrap() == Step::More {}
    for life in 1..4 {
        kubelet.restart();
        kubelet.put(0, &format!("life {life}"), false);
    }
    for life in 0..2 {
        fs::remove_file(kubelet.dir.path().join(format!("{life}.log"))).unwrap();
    }
    while tail.step(&intake).unwrap() == Step::More {}
    intake.flush();
    let mut kept = Kept::default();
    deliver(&intake, &mut kept, usize::MAX);
    let gap = "gap None restarts 1790000000000000001 1790000000000000003";
    assert_eq!(whole(&kept), ["life 0", gap, "life 2", "life 3"]);
}

#[test]
fn a_line_of_50_mebibytes_passes_in_pieces() {
    let mut kubelet = Kubelet::new(3);
    let state = tempfile::tempdir().unwrap();
    let intake = intake(state.path());
    let mut tail = kubelet.tail(&intake);
    let mut kept = Kept::default();
    let piece = "€".repeat(PIECE / 3);
    for at in 0..50 * 64 {
        // Cut inside a character, as runtimes do.
        let text = [&piece[at % 3 * 3..], "x"].concat();
        kubelet.put(0, &text, true);
        tail.step(&intake).unwrap();
        deliver(&intake, &mut kept, 1);
    }
    kubelet.put(0, "", false);
    while tail.step(&intake).unwrap() == Step::More {}
    intake.flush();
    deliver(&intake, &mut kept, usize::MAX);
    assert!(kept.all.len() >= 199 && kept.all.iter().all(|one| one.text.len() <= 256 << 10));
    assert_eq!(whole(&kept), kubelet.written);
}

#[test]
fn odd_files_lose_nothing() {
    let kubelet = Kubelet::new(3);
    let state = tempfile::tempdir().unwrap();
    let intake = intake(state.path());
    let mut tail = kubelet.tail(&intake);
    let mut content = b"no form at all\n2026-09-21T14:13:20Z stdout F good\n\0\0\0\n".to_vec();
    content.extend(vec![b'y'; CHUNK + 7]);
    fs::write(kubelet.path(), content).unwrap();
    while tail.step(&intake).unwrap() == Step::More {}
    tail.finish(&intake);
    intake.flush();
    let mut kept = Kept::default();
    deliver(&intake, &mut kept, usize::MAX);
    let got = whole(&kept);
    assert_eq!(got[..2], ["no form at all", "good"]);
    assert_eq!(got[3..5].iter().map(String::len).sum::<usize>(), CHUNK + 7);
    assert_eq!((got[5].as_str(), intake.figures.odd.get()), ("end", 4));
}
