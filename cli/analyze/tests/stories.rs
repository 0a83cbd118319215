//! Against false stories: captures in which nothing is wrong, and captures in
//! which what is wrong was planted. The short form has all captures of the
//! false stories and 20 of each row of what is detected;
//! `LOGTAP_STORIES=full cargo test --release -p logtap-analyze --test stories -- --nocapture`
//! prints the table of 200.

#![allow(clippy::unwrap_used, reason = "tests")]

use logtap_analyze::mine::{Grid, Miner, Options};
use logtap_analyze::triage::change::Sides;
use logtap_analyze::triage::{self, Facts, Report, window};
use logtap_testkit::incident::{Fault, Incident, Plant, SERVICES};

const SECOND: i64 = 1_000_000_000;

fn triage(lines: &[u8], seconds: u32, start: i64) -> Report {
    let grid = Grid::over(start, start + i64::from(seconds) * SECOND - 1, 480);
    let options = Options { grid: Some(grid), ..Options::default() };
    let mine = |options: Options| {
        let mut miner = Miner::new(options);
        miner.lines(lines);
        let mut mined = miner.finish();
        mined.settle();
        mined
    };
    let whole = mine(options.clone());
    let read = whole.services.values().map(|service| service.lines).sum();
    let found = window::find(&whole).map(|found| (grid.start(found.from), grid.start(found.to + 1) - 1));
    let part = found.map(|(from, to)| {
        mine(Options { grid: Some(Grid::over(from, to, 480)), from: Some(from), to: Some(to), ..options })
    });
    let sides = part.as_ref().map(|inside| Sides { inside, other: &whole, within: true });
    triage::build(&whole, sides, found, &whole.templates(), &Facts { read, ..Facts::default() }, None)
}

fn of(incident: &Incident) -> Report {
    triage(&incident.lines(), incident.seconds, incident.start_ns)
}

/// A number from a seed, for places in captures.
fn draw(seed: u64, salt: u64, below: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt + 7).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 29).wrapping_mul(0x94d0_49bb_1331_11eb) % below
}

#[test]
fn nothing_wrong_is_no_finding() {
    let wrong = (0..200).filter(|seed| of(&Incident::quiet(*seed, (3.0, 3.0))).findings > 0).count();
    println!("findings in {wrong} of 200 captures without a fault");
    assert!(wrong <= 10, "{wrong} of 200");
}

#[test]
fn a_shared_ramp_is_no_cascade() {
    let (mut cascades, mut findings) = (0, 0);
    for seed in 0..200 {
        let report = of(&Incident::quiet(1000 + seed, (1.0, 6.0)));
        cascades += usize::from(!report.cascades.is_empty());
        findings += usize::from(report.findings > 0);
    }
    println!("under a ramp: cascades in {cascades}, findings in {findings} of 200 captures");
    assert!(cascades <= 10, "{cascades} of 200");
}

#[test]
fn bursts_are_no_finding() {
    let wrong = (0..200)
        .filter(|seed| of(&Incident { burst: 6, ..Incident::quiet(4000 + *seed, (3.0, 3.0)) }).findings > 0)
        .count();
    println!("findings in {wrong} of 200 captures without a fault whose lines come in bursts of 6");
    assert!(wrong <= 10, "{wrong} of 200");
}

#[test]
fn services_that_fail_by_themselves_are_no_cascade() {
    let mut cascades = 0;
    for seed in 0..200 {
        let mut incident = Incident::quiet(5000 + seed, (1.0, 6.0));
        for one in 0..3 {
            let service = (draw(seed, 9, 12) as usize + one * 4) % 12;
            for again in 0..4 {
                let from = 100 + draw(seed, 10 + 4 * one as u64 + again, 750) as u32;
                incident.plants.push(Plant { service, fault: Fault::New(1.0), from, to: from + 30 });
            }
        }
        cascades += usize::from(!of(&incident).cascades.is_empty());
    }
    println!(
        "three services that fail four times each, at times of their own, under a ramp: cascades in {cascades} of 200"
    );
    assert!(cascades <= 10, "{cascades} of 200");
}

#[test]
fn planted_cascades_are_found_in_order() {
    let captures = if is_full() { 200 } else { 100 };
    let mut found = 0;
    for seed in 0..captures {
        let mut incident = Incident::quiet(2000 + seed, (3.0, 3.0));
        let first = draw(seed, 0, 12) as usize;
        let chain = [first, (first + 1 + draw(seed, 1, 5) as usize) % 12, (first + 6 + draw(seed, 2, 5) as usize) % 12];
        let mut at = 250 + draw(seed, 3, 250) as u32;
        for (place, service) in chain.into_iter().enumerate() {
            incident.plants.push(Plant { service, fault: Fault::New(1.5), from: at, to: at + 120 });
            at += 10 + draw(seed, 4 + place as u64, 51) as u32;
        }
        let report = of(&incident);
        let names: Vec<&str> = chain.iter().map(|service| SERVICES[*service]).collect();
        let right = report.cascades.iter().any(|cascade| cascade.services == names);
        found += u64::from(right);
    }
    println!("planted cascades in the right order: {found} of {captures}");
    assert!(found * 100 >= captures * 95, "{found} of {captures}");
}

#[test]
fn a_service_that_falls_silent_is_told_and_a_job_that_ends_is_not() {
    let (mut told, mut jobs) = (0, 0);
    for seed in 0..20 {
        let incident = Incident::quiet(6000 + seed, (3.0, 3.0));
        let from = 200 + draw(seed, 0, 400) as u32;
        let keep = |silent: &dyn Fn(u32) -> bool| {
            let lines = incident.lines_with(|second, service, line, out| {
                if service != 2 || !silent(second) {
                    out.extend_from_slice(line);
                }
            });
            triage(&lines, incident.seconds, incident.start_ns)
        };
        let silent = keep(&|second| (from..from + 180).contains(&second));
        told += u32::from(silent.findings > 0 && silent.changes.iter().any(|change| change.service == SERVICES[2]));
        jobs += u32::from(
            keep(&|second| !(100..160).contains(&second) && !(from + 200..from + 260).contains(&second)).findings > 0,
        );
    }
    println!(
        "a silent service is told in {told} of 20; a job that runs twice for a minute makes a finding in {jobs} of 20"
    );
    assert!(told >= 19 && jobs <= 1, "{told} {jobs}");
}

fn is_full() -> bool {
    std::env::var("LOGTAP_STORIES").is_ok_and(|form| form == "full")
}

/// What is planted, and the share of captures (percent) in which it must be told.
const TABLE: [(&str, Fault, u32); 16] = [
    ("common error, 30 a minute, 2x", Fault::Error(0.5, 2.0), 80),
    ("common error, 30 a minute, 5x", Fault::Error(0.5, 5.0), 95),
    ("common warning, 30 a minute, 2x", Fault::Warning(0.5, 2.0), 80),
    ("common warning, 30 a minute, 5x", Fault::Warning(0.5, 5.0), 95),
    ("error, 6 a minute, 2x", Fault::Error(0.1, 2.0), 0),
    ("error, 6 a minute, 5x", Fault::Error(0.1, 5.0), 95),
    ("warning, 3 a minute, 2x", Fault::Rise(6, 2.0), 0),
    ("warning, 3 a minute, 5x", Fault::Rise(6, 5.0), 90),
    ("error, 1.6 a minute, 2x", Fault::Rise(8, 2.0), 0),
    ("error, 1.6 a minute, 5x", Fault::Rise(8, 5.0), 50),
    ("rare error, 1 in 3 minutes, 5x", Fault::Rise(9, 5.0), 0),
    ("rare error, 1 in 3 minutes, 20x", Fault::Rise(9, 20.0), 70),
    ("new error, 6 a minute", Fault::New(0.1), 90),
    ("new error, 30 a minute", Fault::New(0.5), 95),
    ("vanished, 49 a minute", Fault::Vanish(1), 95),
    ("vanished, 4 a minute", Fault::Vanish(5), 0),
];

#[test]
fn what_is_detected() {
    let captures = if is_full() { 200 } else { 20 };
    let mut wanting = Vec::new();
    println!("planted for three of fifteen minutes      told as a change of its service, of {captures}");
    for (name, fault, least) in TABLE {
        let mut found = 0;
        for seed in 0..captures {
            let mut incident = Incident::quiet(3000 + u64::from(seed), (3.0, 3.0));
            let service = draw(u64::from(seed), 0, 12) as usize;
            let from = 200 + draw(u64::from(seed), 1, 400) as u32;
            incident.plants.push(Plant { service, fault, from, to: from + 180 });
            let report = self::of(&incident);
            found += u32::from(report.changes.iter().any(|change| change.service == SERVICES[service]));
        }
        println!("{name:<40} {found}");
        if found * 100 < captures * least {
            wanting.push(format!("{name}: {found} of {captures}, at least {least} % wanted"));
        }
    }
    assert!(wanting.is_empty(), "{wanting:?}");
}
