//! Lines around matches come from the same stream, across frames and files.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle;
use crate::world::{self, ok};

/// Stored lines with what context says of them, by brute force, as a set.
fn expected(
    all: &[oracle::Stored],
    regex: &regex::Regex,
    before: usize,
    after: usize,
) -> BTreeSet<(usize, &'static str)> {
    let mut streams: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, line) in all.iter().enumerate() {
        streams.entry(line.value["labels"].to_string()).or_default().push(at);
    }
    let mut found = BTreeSet::new();
    for stream in streams.values() {
        let hits: Vec<usize> = (0..stream.len()).filter(|at| all[stream[*at]].matches(regex)).collect();
        for (at, &line) in stream.iter().enumerate() {
            if hits.contains(&at) {
                found.insert((line, ""));
            } else if hits.iter().any(|hit| *hit < at && at - hit <= after) {
                found.insert((line, "after"));
            } else if hits.iter().any(|hit| *hit > at && hit - at <= before) {
                found.insert((line, "before"));
            }
        }
    }
    found
}

#[test]
fn the_same_as_by_brute_force() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let all = oracle::all(&dir);
    let by_n: BTreeMap<&str, usize> =
        all.iter().enumerate().map(|(at, line)| (line.value["msg"].as_str().unwrap(), at)).collect();
    for (pattern, before, after) in
        [("n=1[0-9]+00 ", 3, 0), ("refused", 0, 2), ("n=\\d*99 ", 5, 400), ("api", 1, 1), ("n=3000 ", 2500, 2500)]
    {
        let output = ok(&[
            "grep",
            "--json",
            pattern,
            dir.to_str().unwrap(),
            "-B",
            &before.to_string(),
            "-A",
            &after.to_string(),
        ]);
        let mut seen = BTreeSet::new();
        for line in output.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let place = match value["context"].as_str() {
                Some("before") => "before",
                Some("after") => "after",
                _ => "",
            };
            assert!(seen.insert((by_n[value["msg"].as_str().unwrap()], place)), "printed twice: {line}");
        }
        assert!(seen == expected(&all, &regex::Regex::new(pattern).unwrap(), before, after), "{pattern}");
    }
}

#[test]
fn context_in_text_has_a_mark() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let output = ok(&["grep", "n=3000\\b", dir.to_str().unwrap(), "-C", "1"]);
    let marks: Vec<char> = output.lines().map(|line| line.chars().nth(24).unwrap()).collect();
    assert_eq!(marks, ['-', ' ', '-']);
}
