//! Captures to carry, a reader that shares no code with the project, and a disk that fails at a chosen step.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part; a failed step is a failed test"
)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use logtap_capture::audit::Event;
use logtap_capture::chunk::ChunkBuilder;
use logtap_capture::disk::{Disk, DiskFile, RealDisk};
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::reader::Capture;
use logtap_capture::session::{Fsync, Options, Session, Tally};
use logtap_capture::time::SECOND;
use logtap_carry::filter::{Filter, Words};
use logtap_carry::{Control, Source};
use serde_json::Value;

/// 2026-01-15T10:32:00Z
pub const START: i64 = 1_768_473_120_000_000_000;
pub const NO_META: [(&str, &str); 0] = [];

pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    Arc::new(LabelSet::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))))
}

/// Writes a capture of what `fill` puts into a builder, called with 0, 1, … until it returns false. A file
/// is closed at 8 kB.
pub fn capture(dir: &Path, mut fill: impl FnMut(usize, &mut ChunkBuilder) -> bool) -> PathBuf {
    let options = Options { max_file: 8_000, fsync: Fsync::Never, background: false, ..Options::default() };
    let (session, mut writer, _) = Session::open(dir, options, Arc::new(RealDisk)).unwrap();
    for n in 0.. {
        let mut builder = ChunkBuilder::default();
        let more = fill(n, &mut builder);
        writer.append(&[&builder.finish()]).unwrap();
        session.tick();
        if !more {
            break;
        }
    }
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
    dir.to_owned()
}

/// Lines of three services over ten minutes, with odd texts, metadata, late receipt and numbers of a sender,
/// and a gap mark in the fourth and in the last minute; the last speaks of the sixth.
pub fn varied(dir: &Path) -> PathBuf {
    let sets = ["api", "db", "web"].map(|app| labels(&[("app", app), ("pod", &format!("{app}-0"))]));
    let gap = Arc::new(LabelSet::gap());
    let source: Arc<str> = "5f/app".into();
    capture(dir, |minute, builder| {
        for n in 0..200_i64 {
            let ts = START + minute as i64 * 60 * SECOND + n * 300_000_000 - (n % 7) * SECOND;
            let set = &sets[n as usize % 3];
            let noise = noise((minute as u64) << 32 | n as u64, 60);
            let (message, rx) = match n % 6 {
                0 => (format!("ERROR n={n} refused \"x\" \\ \t=1+1 {noise}"), ts),
                1 => (format!("level=warn n={n} ünïcödé ☃ two\nlines {noise}"), ts + 30 * SECOND),
                2 => (format!("{{\"level\":\"info\",\"n\":{n},\"id\":\"{noise}\"}}"), ts),
                _ => (format!("level=debug n={n} {noise}"), ts),
            };
            match n % 5 {
                0 => builder.push(set, ts, rx, &message, &[("trace_id", &noise[..16]), ("k\"", "v\n")]),
                _ => builder.push(set, ts, rx, &message, &NO_META),
            }
            if n % 4 < 2 {
                builder.number(&source, minute as u64 * 200 + n as u64);
            }
        }
        let at = |minute: i64| START + minute * 60 * SECOND;
        if minute == 3 {
            let (text, meta) = logtap_capture::lost::describe(Some(7), "not_received", at(3), at(4));
            let set = labels(&[("logtap", "gap"), ("app", "db")]);
            builder.push(&set, at(3), at(3), &text, &meta);
        }
        if minute == 9 {
            let text = format!(
                "dropped 5 lines (overload) between {} and {}",
                logtap_capture::time::format(at(5)),
                logtap_capture::time::format(at(6))
            );
            builder.push(&gap, at(10), at(10), &text, &NO_META);
        }
        minute < 9
    })
}

pub fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    text.truncate(length);
    text
}

/// A capture's lines by `zstd`, `cat` and `serde_json`, in order of writing.
pub fn decode(dir: &Path) -> Vec<Value> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut lines = Vec::new();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "index.jsonl" || name.starts_with("audit") {
            continue;
        }
        let text = if name.ends_with(".jsonl.zst") {
            let output = Command::new("zstd").args(["-dcq", "--"]).arg(&path).output().unwrap();
            assert!(output.status.success(), "zstd refuses {}", path.display());
            output.stdout
        } else if name.ends_with(".jsonl") {
            std::fs::read(&path).unwrap()
        } else {
            continue;
        };
        let rows = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.extend(rows.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
    }
    lines
}

/// A line without what only a receiver needs.
pub fn carried(line: &Value) -> Value {
    let mut line = line.clone();
    line.as_object_mut().unwrap().remove("seq");
    line
}

pub fn is_gap(line: &Value) -> bool {
    line["labels"]["logtap"] == "gap"
}

pub fn ts(line: &Value) -> &str {
    line["ts"].as_str().unwrap()
}

pub fn open(dir: &Path) -> Source {
    Source::open(Capture::open(dir).unwrap()).unwrap()
}

pub fn filter(words: Words) -> Filter {
    Filter::new(words).unwrap()
}

pub static NEVER: AtomicBool = AtomicBool::new(false);

pub fn control() -> Control<'static> {
    Control { cancelled: &NEVER, progress: &|_| (), threads: 2, tool: "test" }
}

/// Every file below and what is in it.
pub fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(dir).unwrap().to_owned();
        if path.is_dir() {
            all.extend(contents(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
        } else {
            all.insert(name, std::fs::read(&path).unwrap());
        }
    }
    all
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The process is killed before it; nothing happens any more.
    Killed,
    /// The process is killed halfway through a write.
    KilledHalfway,
    /// From then on the disk is full; everything but writing and creating works.
    Full,
}

/// A disk that fails at operation number `at`.
#[derive(Debug, Clone)]
pub struct FailingDisk {
    pub count: Arc<AtomicU64>,
    pub at: u64,
    pub failure: Failure,
}

impl FailingDisk {
    pub fn new(at: u64, failure: Failure) -> Self {
        Self { count: Arc::default(), at, failure }
    }

    /// Whether to do the operation, and how much of it.
    fn step(&self, needs_room: bool) -> Result<(), (io::Error, bool)> {
        let now = self.count.fetch_add(1, Ordering::SeqCst);
        match self.failure {
            _ if now < self.at => Ok(()),
            Failure::Full if needs_room => Err((io::ErrorKind::StorageFull.into(), true)),
            Failure::Full => Ok(()),
            Failure::Killed => Err((io::Error::other("killed"), false)),
            Failure::KilledHalfway => Err((io::Error::other("killed"), now == self.at)),
        }
    }
}

impl Disk for FailingDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.step(true).map_err(|(error, _)| error)?;
        Ok(Arc::new(FailingFile { file: RealDisk.create_new(path)?, disk: self.clone() }))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FailingFile { file: RealDisk.open(path)?, disk: self.clone() }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(false).map_err(|(error, _)| error)?;
        RealDisk.rename(from, to)
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.step(false).map_err(|(error, _)| error)?;
        RealDisk.unlink(path)
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.step(false).map_err(|(error, _)| error)
    }
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn DiskFile>,
    disk: FailingDisk,
}

impl DiskFile for FailingFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self.disk.step(true) {
            Ok(()) => self.file.write_all_at(bytes, offset),
            Err((error, half)) => {
                if half {
                    self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
                }
                Err(error)
            }
        }
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.step(false).map_err(|(error, _)| error)?;
        self.file.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.disk.step(false).map_err(|(error, _)| error)
    }
    fn reserve(&self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }
}

/// A directory in memory where there is one.
pub fn tempdir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
