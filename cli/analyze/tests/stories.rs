//! Against false stories: captures in which nothing is wrong, and captures in
//! which what is wrong was planted.

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
    triage::build(&whole, sides, found, &whole.templates(), &Facts { read, ..Facts::default() })
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
fn planted_cascades_are_found_in_order() {
    let captures = 100;
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
fn what_is_detected() {
    let kinds: [(&str, Fault); 7] = [
        ("common warning 2x", Fault::Rise(6, 2.0)),
        ("common warning 5x", Fault::Rise(6, 5.0)),
        ("common error 5x", Fault::Rise(8, 5.0)),
        ("rare error 5x", Fault::Rise(9, 5.0)),
        ("rare error 20x", Fault::Rise(9, 20.0)),
        ("new error", Fault::New(0.5)),
        ("vanished", Fault::Vanish(1)),
    ];
    let mut table = Vec::new();
    for (name, fault) in kinds {
        let mut found = 0;
        for seed in 0..20 {
            let mut incident = Incident::quiet(3000 + seed, (3.0, 3.0));
            let service = draw(seed, 0, 12) as usize;
            let from = 200 + draw(seed, 1, 400) as u32;
            incident.plants.push(Plant { service, fault, from, to: from + 180 });
            let report = self::of(&incident);
            found += u32::from(report.changes.iter().any(|change| change.service == SERVICES[service]));
        }
        println!("{name:<18} found in {found} of 20");
        table.push((name, found));
    }
    let of = |wanted: &str| table.iter().find(|one| one.0 == wanted).unwrap().1;
    assert!(of("new error") >= 19 && of("vanished") >= 19 && of("common warning 5x") >= 15);
    assert!(of("common error 5x") >= 5 && of("rare error 20x") >= 10);
}
