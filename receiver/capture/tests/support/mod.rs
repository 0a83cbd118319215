//! Helpers of this crate's tests: chunks with numbered lines, an independent
//! reader, and a disk that dies at a chosen step.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses its part; a failed step is a failed test"
)]

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logtap_capture::chunk::{Chunk, ChunkBuilder};
use logtap_capture::disk::{Disk, DiskFile, RealDisk};
use logtap_capture::labels::{LabelSet, Labels};

pub fn labels(app: &str) -> Labels {
    Arc::new(LabelSet::new([("app".to_owned(), app.to_owned())]))
}

/// Deterministic noise that does not compress.
pub fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    text.truncate(length);
    text
}

/// Lines `id=<batch>.<n>` with `pad` bytes of noise each.
pub fn batch(batch: u64, lines: u64, pad: usize) -> Chunk {
    let labels = labels("api");
    let mut builder = ChunkBuilder::default();
    for n in 0..lines {
        let ts = (batch as i64 * 1000 + n as i64) * 1_000_000;
        builder.push(&labels, ts, ts, &format!("id={batch}.{n} {}", noise(batch * 1000 + n, pad)), &[("", ""); 0]);
    }
    builder.finish()
}

/// All lines of a capture by `zstdcat` and `cat`, which share no code with the crate.
pub fn independent_lines(dir: &Path) -> Vec<serde_json::Value> {
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut lines = Vec::new();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = if name.ends_with(".jsonl.zst") {
            let output = Command::new("zstd").args(["-dc", "--"]).arg(&path).stderr(Stdio::inherit()).output().unwrap();
            assert!(output.status.success(), "zstd refuses {}", path.display());
            output.stdout
        } else {
            continue;
        };
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            lines.push(
                serde_json::from_slice(line)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line))),
            );
        }
    }
    lines
}

/// How often each `id=…` occurs.
pub fn ids(lines: &[serde_json::Value]) -> BTreeMap<String, u64> {
    let mut ids = BTreeMap::new();
    for line in lines {
        let message = line["msg"].as_str().unwrap();
        if let Some(id) = message.strip_prefix("id=") {
            *ids.entry(id.split(' ').next().unwrap().to_owned()).or_default() += 1;
        }
    }
    ids
}

/// How the disk dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Before the operation.
    Before,
    /// After half of a write; before any other operation.
    Halfway,
    /// After the operation, whose result nobody learns.
    After,
}

/// A disk whose process is killed at operation number `at`: from then on nothing happens any more.
#[derive(Debug)]
pub struct MortalDisk {
    pub count: Arc<AtomicU64>,
    pub at: u64,
    pub death: Death,
}

impl MortalDisk {
    pub fn new(at: u64, death: Death) -> Self {
        Self { count: Arc::new(AtomicU64::new(0)), at, death }
    }

    fn step<T>(&self, run: impl FnOnce(bool) -> io::Result<T>) -> io::Result<T> {
        step(&self.count, self.at, self.death, run)
    }
}

fn dead() -> io::Error {
    io::Error::other("killed")
}

fn step<T>(count: &AtomicU64, at: u64, death: Death, run: impl FnOnce(bool) -> io::Result<T>) -> io::Result<T> {
    let now = count.fetch_add(1, Ordering::SeqCst);
    if now < at {
        return run(false);
    }
    if now > at {
        return Err(dead());
    }
    match death {
        Death::Before => {}
        Death::Halfway => drop(run(true)),
        Death::After => drop(run(false)),
    }
    Err(dead())
}

impl Disk for MortalDisk {
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.step(|half| if half { Err(dead()) } else { RealDisk.create_new(path) })?;
        Ok(Arc::new(MortalFile { file, count: self.count.clone(), at: self.at, death: self.death }))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path)?;
        Ok(Arc::new(MortalFile { file, count: self.count.clone(), at: self.at, death: self.death }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|half| if half { Ok(()) } else { RealDisk.rename(from, to) })
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.step(|half| if half { Ok(()) } else { RealDisk.unlink(path) })
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(|half| if half { Ok(()) } else { RealDisk.sync_dir(path) })
    }
}

#[derive(Debug)]
struct MortalFile {
    file: Arc<dyn DiskFile>,
    count: Arc<AtomicU64>,
    at: u64,
    death: Death,
}

impl DiskFile for MortalFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        step(&self.count, self.at, self.death, |half| {
            let length = if half { bytes.len() / 2 } else { bytes.len() };
            self.file.write_all_at(&bytes[..length], offset)
        })
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        step(&self.count, self.at, self.death, |half| if half { Ok(()) } else { self.file.truncate(length) })
    }
    fn sync(&self) -> io::Result<()> {
        // Nothing on the real disk depends on it while the machine stays up; tests of power loss use another disk.
        step(&self.count, self.at, self.death, |_| Ok(()))
    }
    fn reserve(&self, length: u64) -> io::Result<()> {
        self.file.reserve(length)
    }
}

pub fn read_all(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// A directory in memory where there is one: these tests sync thousands of times.
pub fn tempdir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}
