//! What a forwarder costs the app beside it: an app that works at a fixed rate measures its own
//! throughput and latency with a forwarder and without, in turn, while the receiver is well, slow, away
//! or full.
//!
//! One test at a time.
//! Only on a cluster of its own.
//!
//! The apps with and without a forwarder work in slots of time, one after the other. Two neighbouring
//! slots are a pair, one with and one without; which of them comes first, and how long the pause is, is
//! drawn for each pair, so that nothing that the machine does every second or two meets one side more
//! often. Whether the app with a forwarder is worse is asked of all pairs by an exact sign-flip
//! permutation test (`noise.rs`), one-sided, at a chance of 0.1 %. With fifteen questions noise alone is
//! called a difference once in seventy runs, so what is called is asked again of new slots, and is one
//! when it is called twice. The same test has to find nothing between two apps without a forwarder, and
//! has to find an app that is stopped for 5 % of the time. Slots in which less than 30 %
//! of the machine were idle do not count; where too few pairs are left, there is no verdict, and the test
//! fails and says so.
//!
//! Source `node` is compared with an app whose log nobody reads. Source `api` is compared with one whose
//! log is followed by `kubectl logs -f`: for each line that it hands to a follower, the kubelet asks the
//! runtime whether the container still runs, which costs both of them more than all else together, and
//! is the same whoever follows.
//!
//! By hand, in a cluster that has the forwarder's image:
//! `tests/cluster/in FOLDER cargo test -p logtap-cluster-tests --test harmless -- --ignored --nocapture`;
//! the long form has more and longer slots, and source `node` too.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

#[path = "harmless/stage.rs"]
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use logtap_cluster_tests::noise::{Difference, difference};
use stage::{App, Measured, Stage};

/// The chance at which a difference is one.
const CHANCE: f64 = 0.001;
/// Least share of the machine that has to be idle, percent.
const IDLE: f64 = 30.0;
/// Pairs of which a difference can be found at that chance at all.
const PAIRS: usize = 10;
/// What is compared with an app without a forwarder.
const OTHERS: [App; 6] = [App::AlsoPlain, App::Stopped, App::Well, App::Slow, App::Away, App::Full];

/// What is compared: how it is called, and whether more is better.
type Figure = (&'static str, bool, fn(&Measured) -> f64);

const FIGURES: [Figure; 3] = [
    ("lines", true, |one| one.lines),
    ("mean latency", false, |one| one.mean),
    ("latency, 99 %", false, |one| one.high),
];

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// How much worse `other` is in each figure than the app without a forwarder beside it. `first` is the
/// first of that one's slots that are paired with it.
fn compare(all: &BTreeMap<App, Vec<Measured>>, first: usize, other: App) -> [Difference; 3] {
    let of_plain = all[&App::Plain].iter().skip(first);
    let pairs: Vec<(&Measured, &Measured)> =
        of_plain.zip(&all[&other]).filter(|(a, b)| a.idle >= IDLE && b.idle >= IDLE).collect();
    let found: Vec<f64> = all[&other].iter().map(|one| one.idle).collect();
    assert!(pairs.len() >= PAIRS, "{other:?}: no verdict, the machine was too busy: {found:.0?} % idle");
    let idle = median(pairs.iter().map(|(_, b)| b.idle).collect());
    FIGURES.map(|(name, more_is_better, figure)| {
        let values: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (figure(a), figure(b))).collect();
        let turned = |(a, b): &(f64, f64)| if more_is_better { (*b, *a) } else { (*a, *b) };
        let found = difference(&values.iter().map(turned).collect::<Vec<_>>());
        let side = |pick: fn(&(f64, f64)) -> f64| median(values.iter().map(pick).collect());
        println!(
            "{other:?}, {name}: {:.1} to {:.1}, worse by {:.2} %, chance {:.4}, {} pairs, {idle:.0} % idle",
            side(|two| two.0),
            side(|two| two.1),
            found.percent,
            found.chance,
            found.pairs,
        );
        found
    })
}

/// When each app works, in milliseconds after the beginning: pairs of slots, one beside each of the
/// others in turn, with pauses of that range.
fn slots(pairs: usize, slot: Duration, pauses: Range<u64>) -> BTreeMap<App, Vec<u64>> {
    let slot = u64::try_from(slot.as_millis()).unwrap();
    let (mut slots, mut now) = (BTreeMap::<App, Vec<u64>>::new(), 0);
    for other in OTHERS {
        for _ in 0..pairs {
            let order = if fastrand::bool() { [App::Plain, other] } else { [other, App::Plain] };
            for app in order {
                slots.entry(app).or_default().push(now);
                now += slot + fastrand::u64(pauses.clone());
            }
        }
    }
    slots
}

/// In which figures each app is worse.
fn called(source: &str, pairs: usize, slot: Duration, pauses: Range<u64>) -> BTreeSet<(App, &'static str)> {
    let all = Stage::new(source, slots(pairs, slot, pauses), slot).measure();
    let mut called = BTreeSet::new();
    for (number, other) in OTHERS.into_iter().enumerate() {
        let found = compare(&all, number * pairs, other);
        let worse = FIGURES.iter().zip(found).filter(|(_, one)| one.chance <= CHANCE);
        called.extend(worse.map(|((name, ..), _)| (other, *name)));
    }
    called
}

fn harmless(source: &str, pairs: usize, slot: Duration, pauses: Range<u64>) {
    let mut worse = called(source, pairs, slot, pauses.clone());
    let planted = |(app, _): &(App, &str)| *app == App::Stopped;
    assert!(worse.iter().any(planted), "the app that was stopped was found: {worse:?}");
    worse.retain(|one| !planted(one));
    if !worse.is_empty() {
        println!("called worse, and asked again: {worse:?}");
        let again = called(source, pairs, slot, pauses);
        worse.retain(|one| again.contains(one));
    }
    assert!(worse.is_empty(), "called worse twice: {worse:?}");
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn an_app_is_as_fast_as_without_a_forwarder_from_source_node() {
    harmless("node", 12, Duration::from_millis(600), 200..400);
}

#[test]
#[ignore = "needs a cluster: tests/run cluster"]
fn an_app_is_as_fast_as_with_any_other_reader_from_source_api() {
    harmless("api", 12, Duration::from_millis(600), 200..400);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "twelve minutes: LOGTAP_CLUSTER=long tests/run cluster"]
    fn an_app_is_as_fast_from_source_node_in_long_slots() {
        harmless("node", 20, Duration::from_secs(2), 500..1500);
    }

    #[test]
    #[ignore = "twelve minutes: LOGTAP_CLUSTER=long tests/run cluster"]
    fn an_app_is_as_fast_from_source_api_in_long_slots() {
        harmless("api", 20, Duration::from_secs(2), 500..1500);
    }
}
