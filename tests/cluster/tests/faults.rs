//! Every line once, whatever is killed or cut between the container and the capture: numbered lines
//! of every shape, faults at random moments, and what an independent observer copied from the
//! kubelet's files as the truth.
//!
//! One test at a time.
//! Only on a cluster of its own.
//!
//! There are 20 faults, or `LOGTAP_FAULTS`; `LOGTAP_FAULTS_SEED` repeats a run's choices and
//! `LOGTAP_FAULTS_RATE` sets kB/s of a pod. By hand, in a cluster that has the forwarder's image:
//! `tests/cluster/in FOLDER cargo test -p logtap-cluster-tests --test faults -- --ignored --nocapture
//! --test-threads 1`.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

#[path = "faults/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use logtap_cluster_tests::verdict::{self, Hole, Verdict};
use world::{Fault, Plan, World};

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Numbers that repeat with their seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn time(text: &str) -> i128 {
    let zulu: jiff::Timestamp = text.parse().unwrap();
    zulu.as_nanosecond()
}

/// Whether two times are at most two seconds apart.
fn close(one: &str, other: &str) -> bool {
    (time(one) - time(other)).abs() <= 2_000_000_000
}

/// Prints what became of each container's lines.
fn table(verdicts: &BTreeMap<String, Verdict>) {
    println!("| container | lines | MB | missing | % | doubled | out of order | foreign | fragments | gaps |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, one) in verdicts {
        let share = one.missing as f64 * 100.0 / one.written.max(1) as f64;
        println!(
            "| {name} | {} | {:.1} | {} | {share:.2} | {} | {} | {} | {} | {} |",
            one.written,
            one.bytes as f64 / 1e6,
            one.missing,
            one.doubled,
            one.disordered,
            one.foreign,
            one.fragments,
            one.gaps.len(),
        );
    }
    for (name, one) in verdicts {
        for hole in &one.holes {
            println!("{name}: {} lines missing from {} to {}", hole.lines, hole.from, hole.to);
        }
        for gap in &one.gaps {
            println!("{name}: marked from {} to {}, {} ({})", gap.from, gap.to, gap.lost, gap.reason);
        }
    }
}

/// What becomes of each container's lines under so many faults of these kinds.
fn run(faults: u64, kinds: &[Fault], sources: &'static [&'static str]) -> BTreeMap<String, Verdict> {
    let seed = setting("LOGTAP_FAULTS_SEED", 0x10c7a9);
    let mut random = Random(seed);
    println!("sources {sources:?}: {faults} faults, seed {seed}");
    // About eight seconds each, and time for the last one to heal.
    let (rate, seconds) = (setting("LOGTAP_FAULTS_RATE", 1000), faults * 9 + 30);
    // Another limit takes a restart of the kubelet, which is a fault of its own.
    let restarts = kinds.contains(&Fault::Kubelet);
    let file = if restarts { "10Mi" } else { "1Mi" };
    let mut world = World::new(&Plan { sources, rate, seconds, spool: "64Mi", file });
    for number in 1..=faults {
        sleep(Duration::from_millis(2000 + random.below(4000)));
        if restarts && number == faults / 2 {
            world.limit_logs("1Mi");
        }
        let fault = kinds[random.below(kinds.len() as u64) as usize];
        let pause = Duration::from_millis(500 + random.below(5000));
        let in_flight = world.strike(fault, pause, &mut |limit| random.below(limit));
        println!("{number:>4} {} {fault:?} for {pause:?}: {in_flight} bytes in flight", jiff::Timestamp::now());
    }
    compare(world)
}

fn compare(world: World) -> BTreeMap<String, Verdict> {
    let pods = world.pods.len();
    let (truth, captured) = world.finish();
    let verdicts = verdict::verdicts(&truth, &captured);
    table(&verdicts);
    assert_eq!(verdicts.len(), pods);
    for (name, one) in &verdicts {
        assert!(one.written > 1000, "{name} wrote");
        assert_eq!((one.doubled, one.disordered), (0, 0), "{name}");
        assert!(captured[name].ended, "{name}: the forwarder said that it has everything");
    }
    verdicts
}

/// Every line is there.
#[track_caller]
fn assert_whole(name: &str, one: &Verdict) {
    let wrong = (one.missing, one.foreign, one.gaps.len(), one.fragments);
    assert_eq!(wrong, (0, 0, 0, 0), "{name}: {:?} {:?}", one.holes, one.gaps);
}

/// What is missing is what the API could not give any more, and marks say exactly that.
#[track_caller]
fn assert_marked(name: &str, one: &Verdict) {
    let told = |hole: &&Hole| one.gaps.iter().any(|gap| close(&gap.from, &hole.from) && close(&gap.to, &hole.to));
    for hole in one.holes.iter().filter(told) {
        assert!(hole.ends_a_file || hole.crosses_files, "{name}: {hole:?} is more than what was put aside");
    }
    let untold: Vec<&Hole> = one.holes.iter().filter(|hole| !told(hole)).collect();
    println!("{name}: passed over by the kubelet itself: {untold:?}");
    assert!(untold.iter().all(|hole| hole.is_passed_over()), "{name}: {untold:?} are in no mark of {:?}", one.gaps);
    assert!(one.foreign <= untold.len() as u64, "{name}: {} lines that nobody wrote", one.foreign);
    assert!(one.fragments <= one.gaps.len() as u64, "{name}: one end of a line after a gap");
    // Whether lines were written between two files the API does not tell, and the mark says no more.
    println!("{name}: marks between two files with nothing between them: {:?}", one.empty);
    for gap in one.gaps.iter().filter(|gap| !one.empty.contains(gap)) {
        let is_true = one.holes.iter().any(|hole| close(&gap.from, &hole.from) && close(&gap.to, &hole.to));
        assert!(is_true, "{name}: {gap:?} is in none of {:?}", one.holes);
    }
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn every_line_once_or_a_true_mark() {
    let verdicts = run(setting("LOGTAP_FAULTS", 20), &Fault::ALL, &["node", "api"]);
    for (name, one) in &verdicts {
        if name.starts_with("node") { assert_whole(name, one) } else { assert_marked(name, one) }
    }
}

/// Whatever happens on the way to the receiver costs the source `api` nothing.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn on_the_way_to_the_receiver_nothing_is_lost() {
    let verdicts = run(setting("LOGTAP_FAULTS", 20).div_ceil(4), &[Fault::Receiver, Fault::Network], &["api"]);
    for (name, one) in &verdicts {
        assert!(one.gaps.is_empty(), "{name}: {:?}", one.gaps);
        assert_marked(name, one);
    }
}

/// Reading stops when the spool is full, and starts again: what the kubelet put aside meanwhile is a gap.
#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn what_a_full_spool_costs_is_a_true_mark() {
    let plan = Plan { sources: &["api"], rate: 1000, seconds: 75, spool: "1Mi", file: "1Mi" };
    let mut world = World::new(&plan);
    sleep(Duration::from_secs(5));
    world.strike(Fault::Receiver, Duration::from_secs(40), &mut |_| 0);
    let verdicts = compare(world);
    for (name, one) in &verdicts {
        assert!(one.missing > 0, "{name}: the spool was not full for long enough");
        assert_marked(name, one);
    }
}
