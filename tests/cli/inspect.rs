//! The summary of captures: ours, of 1.x, crashed, in use.

use serde_json::Value;

use crate::oracle;
use crate::world::{self, Maker, fixture, ok, run};

fn inspect(dir: &str, more: &[&str]) -> Value {
    let outcome = run(&[&["inspect", dir, "--json"], more].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    serde_json::from_str(&outcome.out).unwrap()
}

#[test]
fn ours() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let all = oracle::all(&dir);
    let report = inspect(dir.to_str().unwrap(), &[]);
    assert_eq!((&report["state"], &report["total_lines"]), (&"stopped".into(), &all.len().into()));
    assert_eq!(report["total_bytes"], all.iter().map(|line| line.text.len() + 1).sum::<usize>());
    assert_eq!(report["data_from"], all.iter().map(oracle::Stored::ts).min().unwrap());
    assert_eq!(report["data_to"], all.iter().map(oracle::Stored::ts).max().unwrap());
    let api = report["labels"]["app"].as_array().unwrap().iter().find(|count| count["value"] == "api").unwrap();
    assert_eq!(api["lines"], all.iter().filter(|line| line.label("app") == "api").count());
    let sum: u64 = report["timeline"].as_array().unwrap().iter().map(|bucket| bucket["lines"].as_u64().unwrap()).sum();
    assert_eq!(sum, all.len() as u64);
    assert_eq!(
        report["levels"]["error"],
        all.iter().filter(|line| line.value["msg"].as_str().unwrap().starts_with("ERROR")).count()
    );
    assert_eq!(report["bucket_width"], "10s");
    assert!(report["integrity"]["unsealed"].as_array().unwrap().is_empty());
    assert!(ok(&["inspect", dir.to_str().unwrap()]).contains("6000 in "));
}

#[test]
fn of_1x() {
    for (name, lines, files) in [
        ("rotated", 12000, 7),
        ("killed", 5600, 3),
        ("offset", 1600, 1),
        ("redacted", 2400, 1),
        ("sliced", 12000, 7),
        ("merged", 14400, 8),
    ] {
        let report = inspect(&fixture(name), &[]);
        assert_eq!((&report["total_lines"], &report["files"]), (&lines.into(), &files.into()), "{name}");
        assert_eq!(report["integrity"]["rejected_lines"], 0);
    }
    assert_eq!(inspect(&fixture("offset"), &[])["data_from"], "2026-01-01T00:00:00.000000117Z");
}

#[test]
fn repair_after_a_crash_and_not_while_in_use() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("capture");
    let path = dir.to_str().unwrap();
    let mut maker = Maker::open(&dir, 1 << 30);
    maker.write(300);
    assert_eq!(inspect(path, &[])["state"], "live");
    let refused = run(&["inspect", path, "--repair"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("in use"), "{}", refused.err);

    // The crash: the directory as it stands, without its lock and with a torn end.
    let crashed = temp.path().join("crashed");
    std::fs::create_dir(&crashed).unwrap();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, crashed.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::remove_file(crashed.join(".logtap.lock")).unwrap();
    let file = world::data_files(&crashed).pop().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 3]).unwrap();
    let path = crashed.to_str().unwrap();
    let before = inspect(path, &[]);
    assert_eq!((&before["state"], &before["total_lines"]), (&"crashed".into(), &300.into()));
    let catalog: Value = serde_json::from_str(&ok(&["catalog", temp.path().to_str().unwrap(), "--json"])).unwrap();
    let states: Vec<_> =
        catalog.as_array().unwrap().iter().map(|one| (one["active"].clone(), one["crashed"].clone())).collect();
    assert_eq!(states, [(true.into(), false.into()), (false.into(), true.into())]);
    let after = inspect(path, &["--repair"]);
    assert_eq!((&after["state"], &after["total_lines"]), (&"stopped".into(), &300.into()));
    assert_eq!(after["repaired"]["resealed"][0]["lines"], 300);
    assert!(after["integrity"]["unsealed"].as_array().unwrap().is_empty());
    maker.close();
}

#[test]
fn repair_leaves_the_end_of_a_stopped_capture_where_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let ours = world::capture(temp.path());
    for (name, was_stopped) in [("", true), ("rotated", true), ("killed", false)] {
        let dir = if name.is_empty() { ours.clone() } else { temp.path().join(name) };
        if !name.is_empty() {
            std::fs::create_dir(&dir).unwrap();
            for file in std::fs::read_dir(fixture(name)).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), dir.join(file.file_name())).unwrap();
            }
        }
        let stopped = || logtap_testkit::capture::metadata(&dir).unwrap().stopped.unwrap();
        let before = stopped();
        ok_quietly(&["inspect", dir.to_str().unwrap(), "--repair", "--json"]);
        assert_eq!(stopped() == before, was_stopped, "{name}: {before} became {}", stopped());
        assert!(logtap_testkit::capture::metadata(&dir).unwrap().is_stopped());
        let after = stopped();
        ok_quietly(&["inspect", dir.to_str().unwrap(), "--repair", "--json"]);
        assert_eq!(stopped(), after, "{name}: a second repair");
    }
}

fn ok_quietly(args: &[&str]) {
    let outcome = run(args);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
}
