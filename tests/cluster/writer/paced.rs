//! An app that works at a fixed rate and measures itself: in each of its slots of time it does a little
//! work, writes a line, and notes how long after the moment at which that was due it was done.
//!
//!   writer paced FILE FIRST START WRITING PER_SECOND WORK SLOTS
//!
//! FILE gets a line for each slot: when it began, lines, and nanoseconds: mean, median, 99th percentile
//! and most of the latency, median of the work with its write. FIRST lines are written at once before
//! all else. A slot takes WRITING milliseconds: PER_SECOND lines a second, WORK steps for each. SLOTS
//! says when they begin, with commas: milliseconds after START, which is in milliseconds since 1970.

use std::hint::black_box;
use std::io::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Bytes of a line.
const LENGTH: usize = 300;

pub(crate) fn run(arguments: &[String]) {
    let [file, first, start, writing, per_second, work, slots] = arguments else { panic!("see paced.rs") };
    let number = |text: &String| -> u64 { text.parse().expect("see paced.rs") };
    let (start, work) = (number(start), number(work));
    let interval = Duration::from_secs(1) / u32::try_from(number(per_second)).expect("a rate");
    let writing = Duration::from_millis(number(writing));
    let (mut text, mut state) = (Vec::with_capacity(LENGTH + 32), 0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..number(first) {
        line(&mut state, &mut text);
    }
    for slot in slots.split(',').map(|text| text.parse::<u64>().expect("see paced.rs")) {
        let due = UNIX_EPOCH + Duration::from_millis(start + slot);
        sleep(due.duration_since(SystemTime::now()).unwrap_or_default());
        let began = Instant::now();
        let (mut latencies, mut costs) = (Vec::new(), Vec::new());
        for count in 0.. {
            let due = began + interval * count;
            if due - began >= writing {
                break;
            }
            sleep(due.saturating_duration_since(Instant::now()));
            let woke = Instant::now();
            for _ in 0..work {
                black_box(super::random(&mut state));
            }
            line(&mut state, &mut text);
            let done = Instant::now();
            latencies.push(nanos(done - due));
            costs.push(nanos(done - woke));
            // What cannot be kept up with is not made up for in the next slot.
            if began.elapsed() > writing {
                break;
            }
        }
        let lines = latencies.len();
        let mean = latencies.iter().sum::<u64>() / lines as u64;
        latencies.sort_unstable();
        costs.sort_unstable();
        let (median, high, most) = (latencies[lines / 2], latencies[lines * 99 / 100], latencies[lines - 1]);
        let told = format!("{slot} {lines} {mean} {median} {high} {most} {}\n", costs[lines / 2]);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
        file.and_then(|mut file| file.write_all(told.as_bytes())).expect("the folder is open to all");
    }
    // The pod stays as it is until it is deleted.
    loop {
        sleep(Duration::from_secs(3600));
    }
}

/// One write, as loggers do.
fn line(state: &mut u64, text: &mut Vec<u8>) {
    text.clear();
    while text.len() < LENGTH {
        write!(text, "{:016x}", super::random(state)).expect("a vector takes every write");
    }
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).expect("somebody reads");
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
