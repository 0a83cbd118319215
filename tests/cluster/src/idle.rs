//! How much of the machine is idle, from moment to moment.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, SystemTime};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A watch over the whole machine.
#[derive(Debug)]
pub struct Idle {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Moment>>,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    at: SystemTime,
    idle: u64,
    all: u64,
}

/// What was seen.
#[derive(Debug)]
pub struct Watched(Vec<Moment>);

impl Idle {
    /// Begins to watch.
    ///
    /// # Panics
    /// When there can be no thread.
    #[must_use]
    pub fn watch() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let work = move || {
            let mut all = Vec::new();
            while !told.load(Ordering::Relaxed) {
                all.push(moment());
                sleep(LOOK);
            }
            all
        };
        Self { over, thread: Builder::new().name("idle".to_owned()).spawn(work).expect("a thread") }
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the thread did.
    #[must_use]
    pub fn end(self) -> Watched {
        self.over.store(true, Ordering::Relaxed);
        Watched(self.thread.join().expect("the machine can be watched"))
    }
}

impl Watched {
    /// The share of the machine that was idle between two moments, in percent.
    #[must_use]
    pub fn share(&self, from: SystemTime, to: SystemTime) -> f64 {
        let mut inside = self.0.iter().filter(|one| one.at >= from && one.at <= to);
        let Some(first) = inside.next() else { return 0.0 };
        let last = inside.next_back().unwrap_or(first);
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let share = (last.idle - first.idle) as f64 * 100.0 / (last.all - first.all).max(1) as f64;
        share
    }
}

/// `/proc/stat` begins with hundredths of a second: user, nice, system, idle, waiting for disks,
/// interrupts of two kinds, and what the hypervisor kept for itself.
fn moment() -> Moment {
    let text = fs::read_to_string("/proc/stat").expect("the kernel tells");
    let first = text.lines().next().unwrap_or_default();
    let all: Vec<u64> = first.split_whitespace().skip(1).take(8).filter_map(|one| one.parse().ok()).collect();
    Moment { at: SystemTime::now(), idle: all[3] + all[4], all: all.iter().sum() }
}
