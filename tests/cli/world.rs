//! Running the binary with nothing inherited, and captures to run it on.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::chunk::ChunkBuilder;
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::LabelSet;
use logtap_capture::session::{Fsync, Options, Session, Tally};
use logtap_capture::writer::Writer;

/// 2026-01-15T10:32:00Z
pub(crate) const START: i64 = 1_768_473_120_000_000_000;

pub(crate) fn logtap() -> Command {
    named(env!("CARGO_BIN_EXE_logtap"))
}

pub(crate) fn named(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    logtap().args(args).output().unwrap().into()
}

pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Outcome {
    let mut child =
        logtap().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder =
        std::thread::Builder::new().name("feeder".to_owned()).spawn(move || drop(stdin.write_all(&input))).unwrap();
    let outcome = child.wait_with_output().unwrap().into();
    feeder.join().unwrap();
    outcome
}

/// Runs and expects success and silence on stderr.
pub(crate) fn ok(args: &[&str]) -> String {
    let outcome = run(args);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{args:?}");
    outcome.out
}

pub(crate) fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

pub(crate) fn fixture(name: &str) -> String {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("../tests/fixtures/v1")
        .join(name)
        .display()
        .to_string()
}

/// Writes captures with varied lines of three services, several frames and files.
pub(crate) struct Maker {
    pub(crate) session: Session,
    pub(crate) writer: Writer,
    random: fastrand::Rng,
    n: u64,
}

impl Maker {
    pub(crate) fn open(dir: &Path, max_file: u64) -> Self {
        let options = Options { max_file, fsync: Fsync::Never, ..Options::default() };
        let (session, writer, _) = Session::open(dir, options, Arc::new(RealDisk)).unwrap();
        Self { session, writer, random: fastrand::Rng::with_seed(11), n: 0 }
    }

    /// Appends this many lines; their times are out of order by up to 2 s.
    pub(crate) fn write(&mut self, count: u64) {
        let sets = ["api", "db", "worker"].map(|app| {
            let pairs = [("app", app), ("pod", &format!("{app}-0"))];
            Arc::new(LabelSet::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))))
        });
        let mut builder = ChunkBuilder::default();
        for _ in 0..count {
            self.n += 1;
            let ts = START + self.n as i64 * 10_000_000 + self.random.i64(0..2_000_000_000);
            let message = self.message();
            builder.push(&sets[self.random.usize(0..3)], ts, ts, &message, &[("", ""); 0]);
        }
        self.writer.append(&[&builder.finish()]).unwrap();
    }

    fn message(&mut self) -> String {
        let (n, random) = (self.n, &mut self.random);
        let noise: String = (0..40).map(|_| random.alphanumeric()).collect();
        match random.u32(0..8) {
            0 => format!("ERROR n={n} Connection refused \"by peer\" \\ path=/a/b\tx {noise}"),
            1 => format!("n={n} ünïcödé ☃ Kelvin \u{212a}elvin task_taſk {noise}"),
            2 => format!("n={n} multi\nline {noise}\r\n end"),
            3 => format!("{{\"level\":\"warn\",\"n\":{n},\"msg\":\"slow timeout\",\"id\":\"{noise}\"}}"),
            _ => format!(
                "level=info n={n} status={} path=/cart took {}ms {noise}",
                random.u32(200..510),
                random.u32(1..3000)
            ),
        }
    }

    pub(crate) fn close(self) {
        self.session.close(self.writer, &Tally::default(), Event::new("stop")).unwrap();
    }
}

/// A closed capture of 6,000 lines in several files.
pub(crate) fn capture(dir: &Path) -> PathBuf {
    let dir = dir.join("capture");
    let mut maker = Maker::open(&dir, 60_000);
    for _ in 0..60 {
        maker.write(100);
    }
    maker.close();
    assert!(data_files(&dir).len() > 3, "rotated");
    dir
}

/// Data files in order.
pub(crate) fn data_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "zst"));
    files.sort();
    files
}

/// Every file below and what is in it; links as where they lead.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            all.insert(path.clone(), std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            all.extend(contents(&path));
            all.insert(path, Vec::new());
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}
