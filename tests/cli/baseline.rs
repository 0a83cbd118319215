//! `open --baseline`: from the list of what changed to the first bad line, in
//! generated incidents where both runs carry errors of their own.
//! `LOGTAP_SEEDS=50` for the long form.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logtap_testkit::generate::Rng;
use logtap_testkit::incident::{Fault, Incident, Plant, SERVICES};

use crate::terminal::Terminal;
use crate::world::logtap;

/// What goes wrong in the second run, and where it begins.
fn plants(rng: &mut Rng) -> Vec<Plant> {
    let fault = |rng: &mut Rng| match rng.below(10) {
        0..=4 => Fault::New(0.5 + rng.unit() * 1.5),
        5..=7 => Fault::Error(0.1 + rng.unit() * 0.2, 4.0 + rng.unit() * 4.0),
        _ => Fault::Rise(8, 8.0 + rng.unit() * 8.0),
    };
    let (first, begin) = (rng.below(12) as usize, 240 + rng.below(360) as u32);
    let end = begin + 120 + rng.below(180) as u32;
    let mut plants = vec![Plant { service: first, fault: fault(rng), from: begin, to: end }];
    for nth in 1..3 {
        let from = begin + 15 + rng.below(60) as u32;
        plants.push(Plant { service: (first + nth * 5) % SERVICES.len(), fault: fault(rng), from, to: end });
    }
    plants
}

/// Text that a fault's lines hold.
fn sign(fault: Fault) -> &'static str {
    match fault {
        Fault::New(_) => "is broken: checksum",
        Fault::Error(..) => "gave up on",
        _ => "slow answer for|cannot reach peer for",
    }
}

/// The same background as the second run, without the faults.
fn before(plants: &[Plant]) -> Vec<Plant> {
    let calm = |plant: &Plant| match plant.fault {
        Fault::Error(rate, _) => Some(Plant { fault: Fault::Error(rate, 1.0), ..*plant }),
        _ => None,
    };
    plants.iter().filter_map(calm).collect()
}

fn write(dir: &Path, lines: &[u8]) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), lines).unwrap();
    let metadata =
        r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","stopped":"2026-11-20T10:15:00Z"}"#;
    std::fs::write(dir.join("metadata.json"), metadata).unwrap();
}

/// Both runs, and the message of the first line that a fault wrote.
fn runs(folder: &Path, seed: u64) -> (PathBuf, PathBuf, String) {
    let mut rng = Rng::new(seed);
    let faults = plants(&mut rng);
    let (old, new) = (folder.join("before"), folder.join("after"));
    let calm = Incident { plants: before(&faults), ..Incident::quiet(seed * 2 + 1, (2.0, 3.0)) };
    write(&old, &calm.lines());
    let mut first = None;
    let incident = Incident { plants: faults.clone(), ..Incident::quiet(seed * 2 + 2, (2.0, 3.5)) };
    let lines = incident.lines_with(|second, service, line, out| {
        let text = std::str::from_utf8(line).unwrap();
        let bad = |plant: &Plant| {
            plant.service == service
                && (plant.from..plant.to).contains(&second)
                && sign(plant.fault).split('|').any(|sign| text.contains(sign))
                && text.contains("\"ERROR ")
        };
        if first.is_none() && faults.iter().any(bad) {
            first = text.split("\"msg\":\"").nth(1).map(|rest| rest.trim_end().trim_end_matches("\"}").to_owned());
        }
        out.extend_from_slice(line);
    });
    write(&new, &lines);
    (old, new, first.unwrap())
}

/// The screen once it has not changed for a while.
fn settled(terminal: &Terminal) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    let (mut text, mut since) = (terminal.text(), Instant::now());
    while since.elapsed() < Duration::from_millis(150) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
        let now = terminal.text();
        if now != text || now.contains("looking for") || now.contains("reading…") {
            (text, since) = (now, Instant::now());
        }
    }
    text
}

#[test]
fn two_keys_lead_to_the_first_bad_line() {
    let seeds: u64 = std::env::var("LOGTAP_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let (mut own, mut among, mut control) = (0, 0, 0);
    for seed in 1..=seeds {
        let folder = tempfile::tempdir().unwrap();
        let (old, new, bad) = runs(folder.path(), seed);
        let mut command = logtap();
        command.env("TERM", "xterm-256color").arg("open").arg(&new).arg("--baseline").arg(&old);
        let mut terminal = Terminal::start(&command, 200, 60);
        terminal.wait_for("against before: ");
        let until = Instant::now() + Duration::from_secs(30);
        while terminal.text().contains("comparing…") || terminal.text().contains("counting…") {
            assert!(Instant::now() < until, "{}", terminal.text());
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut shows = |keys: &str| {
            terminal.keys(keys);
            settled(&terminal).contains(&bad)
        };
        control += u64::from(shows("e"));
        among += u64::from(shows("c\r"));
        let found = shows("c+");
        own += u64::from(found);
        if !found {
            println!("seed {seed}: {bad:?} is not on the screen:\n{}", terminal.text());
        }
        terminal.keys("q");
        assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    }
    println!("first bad line on the screen in {own} of {seeds} with c +, {among} with c Enter, {control} with e alone");
    assert!(own * 5 >= seeds * 4, "{own} of {seeds}");
    assert!(control * 5 < seeds * 4, "next error alone would do: {control} of {seeds}");
}
