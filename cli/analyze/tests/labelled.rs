//! Scores on generated labelled lines: grouping accuracy, its F1 over groups,
//! parsing accuracy, F1 over templates, as defined by Loghub-2.0 (Jiang et al. 2024).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use logtap_analyze::pattern::key;
use logtap_analyze::pattern::merge::{self, Masked};
use logtap_testkit::labelled;

fn mined(lines: &[(String, String)]) -> Vec<String> {
    let mut keys: BTreeMap<u64, (Box<[u8]>, u8, key::Digest)> = BTreeMap::new();
    let hashes: Vec<u64> = lines
        .iter()
        .map(|(line, _)| {
            let digest = key::digest(line.as_bytes());
            let known = keys.entry(digest.hash).or_insert_with(|| (key::build(line.as_bytes()), 0, digest));
            for at in 0..key::MAX_SOFT {
                known.1 |= u8::from(known.2.soft[at] != digest.soft[at]) << at;
            }
            digest.hash
        })
        .collect();
    let masked: Vec<Masked<'_>> = keys.values().map(|(key, varied, _)| Masked { key, varied: *varied }).collect();
    let found: BTreeMap<u64, String> = keys.keys().copied().zip(merge::templates(&masked)).collect();
    hashes.into_iter().map(|hash| found[&hash].clone()).collect()
}

/// Neighbouring values without a separator are one.
fn norm(template: &str) -> String {
    let mut template = template.to_owned();
    while template.contains("<*><*>") {
        template = template.replace("<*><*>", "<*>");
    }
    template
}

fn groups<'t>(of: impl Iterator<Item = &'t str>) -> BTreeMap<&'t str, BTreeSet<usize>> {
    let mut groups: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, name) in of.enumerate() {
        groups.entry(name).or_default().insert(at);
    }
    groups
}

fn scores(lines: &[(String, String)], found: &[String]) -> [f64; 4] {
    let truth = groups(lines.iter().map(|one| one.1.as_str()));
    let guess = groups(found.iter().map(String::as_str));
    let by_members: BTreeMap<&BTreeSet<usize>, &str> = truth.iter().map(|(name, members)| (members, *name)).collect();
    let right: Vec<(&str, &str, usize)> =
        guess.iter().filter_map(|(name, members)| Some((*name, *by_members.get(members)?, members.len()))).collect();
    let f1 = |right: usize| 2.0 * right as f64 / (truth.len() + guess.len()) as f64;
    let all = lines.len() as f64;
    let lines_right = right.iter().map(|one| one.2).sum::<usize>() as f64 / all;
    let templates = right.iter().filter(|one| norm(one.0) == norm(one.1)).count();
    let parsed = lines.iter().zip(found).filter(|((_, truth), found)| norm(truth) == norm(found)).count() as f64 / all;
    [lines_right, f1(right.len()), parsed, f1(templates)]
}

#[test]
fn scores_on_generated_lines() {
    let mut sums = [0.0; 4];
    let systems: Vec<&str> = labelled::systems().collect();
    for system in &systems {
        let lines = labelled::lines(system, 5, 2000);
        let found = scores(&lines, &mined(&lines));
        println!("{system:<10} GA {:.3} FGA {:.3} PA {:.3} FTA {:.3}", found[0], found[1], found[2], found[3]);
        sums.iter_mut().zip(found).for_each(|(sum, one)| *sum += one / systems.len() as f64);
    }
    println!("{:<10} GA {:.3} FGA {:.3} PA {:.3} FTA {:.3}", "mean", sums[0], sums[1], sums[2], sums[3]);
    for (score, bound) in sums.iter().zip([0.88, 0.88, 0.60, 0.55]) {
        assert!(*score >= bound, "{sums:?}");
    }
}
