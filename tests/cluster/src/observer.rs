//! Copies what the kubelet writes, as it writes it: the truth that captures are compared with. Opens
//! every file while it is there and keeps it open, so that putting aside, packing and deleting take
//! nothing away.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// Time between two looks. The kubelet puts files aside every ten seconds at most.
const LOOK: Duration = Duration::from_millis(50);

/// Most bytes of a line that a forwarder sends in one piece.
const RECORD: usize = 256 << 10;

/// A line as a container's runtime wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct True {
    /// A digest of its text, whose NULs and bytes that are no UTF-8 are replaced.
    pub digest: u64,
    /// Bytes of its text.
    pub bytes: usize,
    /// Time of its first piece, as written.
    pub time: String,
    /// In which of the container's files its last piece stands.
    pub file: usize,
    /// In which life of the container it ended: how often that was started before.
    pub life: u64,
}

/// Lines of each container, `pod/container`, in the order in which they ended.
pub type Truth = BTreeMap<String, Vec<True>>;

/// For how long each life of each container, `pod/container`, had a file, as far as it was seen.
pub type Lives = BTreeMap<String, BTreeMap<u64, Duration>>;

/// Watches the folder of pods' logs.
pub struct Observer {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Truth>>,
    thread: JoinHandle<Lives>,
}

/// A digest for comparing texts, of this program alone.
#[must_use]
pub fn digest(text: &[u8]) -> u64 {
    // FNV-1a, eight bytes at a time.
    text.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum: u64, part| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        (sum ^ u64::from_le_bytes(word) ^ (part.len() as u64) << 59).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    })
}

impl Observer {
    /// Watches pods of one namespace; `folder` is the kubelet's `/var/log/pods`.
    ///
    /// # Panics
    /// When there can be no thread.
    #[must_use]
    pub fn start(folder: PathBuf, namespace: &str) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Truth::new())));
        let prefix = format!("{namespace}_");
        let (told, mine) = (stop.clone(), seen.clone());
        let thread = std::thread::Builder::new()
            .name("observer".to_owned())
            .spawn(move || {
                let mut containers: BTreeMap<String, Copied> = BTreeMap::new();
                loop {
                    let last = told.load(Ordering::SeqCst);
                    look(&folder, &prefix, &mut containers);
                    for (name, copied) in &mut containers {
                        let mut lines = copied.read();
                        if last {
                            lines.extend(copied.rest());
                        }
                        mine.lock().expect("nobody panics with it").entry(name.clone()).or_default().extend(lines);
                    }
                    if last {
                        return containers.into_iter().map(|(name, copied)| (name, copied.lives())).collect();
                    }
                    sleep(LOOK);
                }
            })
            .expect("a thread can be started");
        Self { stop, seen, thread }
    }

    /// Records and bytes so far of all containers but forwarders: a line is one record, or one for every
    /// 256 KiB of it.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        let seen = self.seen.lock().expect("nobody panics with it");
        seen.values().flatten().fold((0, 0), |(records, bytes), line| {
            (records + line.bytes.div_ceil(RECORD).max(1) as u64, bytes + line.bytes as u64)
        })
    }

    /// Looks once more, and tells all.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn finish(self) -> Truth {
        self.finish_with_lives().0
    }

    /// Looks once more, and tells all, and which lives there were.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn finish_with_lives(self) -> (Truth, Lives) {
        self.stop.store(true, Ordering::SeqCst);
        let lives = self.thread.join().expect("the observer sees everything");
        let mut seen = self.seen.lock().expect("nobody panics with it");
        (std::mem::take(&mut *seen), lives)
    }

    /// Lines so far of one container, `pod/container`.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn lines_of(&self, container: &str) -> Vec<True> {
        self.seen.lock().expect("nobody panics with it").get(container).cloned().unwrap_or_default()
    }
}

/// One container's files, in the order in which they came.
#[derive(Default)]
struct Copied {
    files: Vec<Copy>,
    pieces: [(String, Vec<u8>); 2],
    /// When a file of each life was seen first and last.
    seen: BTreeMap<u64, (Instant, Instant)>,
}

/// One file of it.
struct Copy {
    inode: u64,
    life: u64,
    file: File,
    /// What has no end yet.
    rest: Vec<u8>,
}

fn look(folder: &Path, prefix: &str, containers: &mut BTreeMap<String, Copied>) {
    let names = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).map(|all| all.flatten().map(|one| one.path()).collect()).unwrap_or_default()
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for pod in names(folder).into_iter().filter(|pod| name(pod).starts_with(prefix)) {
        let pod_name = name(&pod).split('_').nth(1).unwrap_or_default().to_owned();
        for container in names(&pod) {
            if name(&container) == logtap_inject::vocabulary::sidecar::CONTAINER {
                continue;
            }
            let copied = containers.entry(format!("{pod_name}/{}", name(&container))).or_default();
            // Files put aside carry a time behind their name, so that they come before the one being written.
            let mut files: Vec<PathBuf> = names(&container)
                .into_iter()
                .filter(|file| name(file).contains(".log") && !name(file).ends_with("gz"))
                .collect();
            files.sort_by_key(|file| (name(file).len() < "0.log.2".len(), name(file)));
            for path in files.into_iter().filter(|file| !name(file).ends_with("tmp")) {
                let Some(life) = name(&path).split('.').next().and_then(|life| life.parse().ok()) else { continue };
                let Ok(file) = File::open(&path) else { continue };
                let inode = file.metadata().map_or(0, |data| data.ino());
                let now = Instant::now();
                copied.seen.entry(life).or_insert((now, now)).1 = now;
                if copied.files.iter().all(|known| known.inode != inode) {
                    copied.files.push(Copy { inode, life, file, rest: Vec::new() });
                }
            }
        }
    }
}

impl Copied {
    fn lives(self) -> BTreeMap<u64, Duration> {
        self.seen.into_iter().map(|(life, (first, last))| (life, last - first)).collect()
    }

    /// Lines that will never end.
    fn rest(&mut self) -> Vec<True> {
        let life = self.seen.last_key_value().map_or(0, |(life, _)| *life);
        let place = (self.files.len().saturating_sub(1), life);
        let open = self.pieces.iter_mut().filter(|(_, whole)| !whole.is_empty());
        open.map(|(began, whole)| ended(began, whole, place)).collect()
    }

    /// Lines that were ended since the last look.
    fn read(&mut self) -> Vec<True> {
        let mut lines = Vec::new();
        for (number, Copy { life, file, rest, .. }) in self.files.iter_mut().enumerate() {
            // What is read here is complete before the next file: the runtime writes to one at a time.
            file.read_to_end(rest).expect("the kubelet's files can be read");
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            for line in rest[..whole].split_inclusive(|byte| *byte == b'\n') {
                lines.extend(piece(&line[..line.len() - 1], (number, *life), &mut self.pieces));
            }
            rest.drain(..whole);
        }
        lines
    }
}

/// A line of a file: time, output, `P` or `F`, text. `place` is the file's number and the container's life.
fn piece(line: &[u8], place: (usize, u64), pieces: &mut [(String, Vec<u8>); 2]) -> Option<True> {
    let mut parts = line.splitn(4, |byte| *byte == b' ');
    let (time, output, tag, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (began, whole) = &mut pieces[usize::from(output == b"stderr")];
    if whole.is_empty() {
        *began = String::from_utf8_lossy(time).into_owned();
    }
    whole.extend_from_slice(text);
    if tag.first() == Some(&b'P') {
        return None;
    }
    Some(ended(began, whole, place))
}

/// What was written of a line, as a capture has it: no NUL, no bytes that are no UTF-8.
fn ended(began: &str, whole: &mut Vec<u8>, (file, life): (usize, u64)) -> True {
    let text = String::from_utf8_lossy(whole).replace('\0', "\u{FFFD}");
    let text = text.as_bytes();
    let line = True { digest: digest(text), bytes: whole.len(), time: began.to_owned(), file, life };
    whole.clear();
    line
}
