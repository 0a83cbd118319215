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
//! permutation test (`noise.rs`), one-sided, at a chance of 0.4 %: with twelve questions, noise alone is
//! called a difference once in twenty runs. The same test has to find nothing between two apps without a
//! forwarder, and has to find an app that is stopped for 5 % of the time. Slots in which less than 30 %
//! of the machine were idle do not count; where too few pairs are left, there is no verdict, and the test
//! fails and says so.
//!
//! By hand, in a cluster that has the forwarder's image:
//! `tests/cluster/in FOLDER cargo test -p logtap-cluster-tests --test harmless -- --ignored --nocapture`;
//! the long form has more and longer slots, and source `node` too.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![expect(clippy::print_stdout, reason = "the figures are what the run is for")]

#[path = "harmless/stage.rs"]
mod stage;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use logtap_cluster_tests::noise::{Difference, difference};
use stage::{App, Measured, Stage};

/// The chance at which a difference is one.
const CHANCE: f64 = 0.004;
/// Least share of the machine that has to be idle, percent.
const IDLE: f64 = 30.0;
/// Pairs of which a difference can be found at that chance at all.
const PAIRS: usize = 8;
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

/// How much worse `other` is than the app without a forwarder beside it; `None` where the machine was too
/// busy. `first` is the first of that one's slots that are paired with it.
fn compare(all: &BTreeMap<App, Vec<Measured>>, first: usize, other: App) -> Option<Vec<Difference>> {
    let of_plain = all[&App::Plain].iter().skip(first);
    let pairs: Vec<(&Measured, &Measured)> =
        of_plain.zip(&all[&other]).filter(|(a, b)| a.idle >= IDLE && b.idle >= IDLE).collect();
    let left = pairs.len();
    if left < PAIRS {
        let idle = median(all[&other].iter().map(|one| one.idle).collect());
        let all = all[&other].len();
        println!("{other:?}: no verdict: {idle:.0} % of the machine were idle, {left} pairs are left of {all}");
    }
    if left == 0 {
        return None;
    }
    let idle = median(pairs.iter().map(|(_, b)| b.idle).collect());
    let differences = FIGURES.iter().map(|(name, more_is_better, figure)| {
        let values: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (figure(a), figure(b))).collect();
        let turned = |(a, b): &(f64, f64)| if *more_is_better { (*b, *a) } else { (*a, *b) };
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
    });
    let differences = differences.collect();
    (left >= PAIRS).then_some(differences)
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

fn harmless(source: &str, pairs: usize, slot: Duration, pauses: Range<u64>) {
    let stage = Stage::new(source, slots(pairs, slot, pauses), slot);
    let all = stage.measure();
    let mut wrong = Vec::new();
    for (number, other) in OTHERS.into_iter().enumerate() {
        let is_worse = other == App::Stopped;
        let Some(found) = compare(&all, number * pairs, other) else {
            wrong.push(format!("{other:?}: no verdict, the machine was too busy"));
            continue;
        };
        let called: Vec<&str> =
            FIGURES.iter().zip(&found).filter(|(_, one)| one.chance <= CHANCE).map(|((name, ..), _)| *name).collect();
        if called.is_empty() == is_worse {
            wrong.push(format!("{other:?}: called worse in {called:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is not so yet, or could not be shown yet: with 45 % of the machine idle an app whose receiver was
/// away had a mean latency of 201 in place of 188 microseconds, which was no noise; whether the machine's
/// other work or the forwarder did that takes a machine on which nothing else runs.
mod waiting {
    use super::*;

    #[test]
    #[ignore = "with a slow or full receiver an app's latency, 99 %, was larger by 0.1 ms of 0.28"]
    fn an_app_is_as_fast_with_a_forwarder_as_without() {
        harmless("api", 10, Duration::from_millis(1200), 300..600);
    }

    #[test]
    #[ignore = "with a slow or full receiver an app's latency, 99 %, was larger by 0.1 ms of 0.28; takes 25 minutes"]
    fn an_app_is_as_fast_with_a_forwarder_as_without_in_long_slots() {
        for source in ["api", "node"] {
            harmless(source, 20, Duration::from_secs(2), 500..1500);
        }
    }
}
