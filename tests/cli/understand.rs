//! `patterns` and `triage` on whole captures: the same answer whatever the
//! threads and the order of files, hostile text, and the way of a newcomer.

use std::path::Path;
use std::process::Command;

use logtap_testkit::incident::{Fault, Incident, Plant};
use serde_json::Value;

use crate::page;
use crate::world::{lines, ok, run};

/// Changes a line: its second, service and text, and where it goes.
type Spoil = fn(u32, usize, &[u8], &mut Vec<u8>);

fn incident() -> Incident {
    let mut incident = Incident::quiet(7, (3.0, 3.0));
    incident.plants.push(Plant { service: 4, fault: Fault::New(1.5), from: 400, to: 560 });
    incident.plants.push(Plant { service: 3, fault: Fault::New(1.5), from: 430, to: 560 });
    incident
}

/// Writes lines as a capture of plain files, `parts` of them, named so that they sort by `order`.
fn capture(dir: &Path, all: &[u8], parts: usize, order: impl Fn(usize) -> usize) {
    let all: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
    for (at, part) in all.chunks(all.len().div_ceil(parts)).enumerate() {
        let name = format!("2026-11-20T10000{}-000.jsonl", order(at));
        std::fs::write(dir.join(name), part.concat()).unwrap();
    }
    let metadata =
        r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","stopped":"2026-11-20T10:15:00Z"}"#;
    std::fs::write(dir.join("metadata.json"), metadata).unwrap();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_same_answer_whatever_threads_and_files() {
    let made = incident().lines();
    let mut answers = Vec::new();
    for (parts, reversed) in [(1, false), (4, false), (4, true)] {
        let temp = tempfile::tempdir().unwrap();
        capture(temp.path(), &made, parts, |at| if reversed { 9 - at } else { at });
        let dir = temp.path().to_str().unwrap();
        for jobs in ["1", "2", "2"] {
            let triage = run(&["triage", dir, "--json", "--jobs", jobs]);
            assert_eq!(triage.code, 6, "{}", triage.err);
            assert!(!triage.out.contains(dir), "no path in the answer");
            answers.push((ok(&["patterns", dir, "--json", "--jobs", jobs]), triage.out));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let report: Value = serde_json::from_str(&answers[0].1).unwrap();
    assert_eq!(report["origins"][0]["service"], "payment");
    assert_eq!(report["cascades"][0]["services"], serde_json::json!(["payment", "checkout"]));
    assert_eq!(report["certainty"]["degree"], "high");
}

#[test]
fn commands_that_triage_prints_lead_to_the_first_error() {
    let temp = tempfile::tempdir().unwrap();
    capture(temp.path(), &incident().lines(), 2, |at| at);
    let dir = temp.path().to_str().unwrap();
    let screen = run(&["triage", dir]);
    assert_eq!(screen.code, 6, "{}", screen.err);
    let printed: Vec<&str> =
        lines(&screen.out).into_iter().map(str::trim).filter(|line| line.starts_with("logtap ")).collect();
    assert!((1..=3).contains(&printed.len()), "{}", screen.out);
    let found = printed.iter().any(|line| {
        let program = env!("CARGO_BIN_EXE_logtap");
        let script = line.replacen("logtap", program, 1);
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().contains("ledger of payment is broken")
    });
    assert!(found, "{printed:?}");
}

#[test]
fn what_is_wrong_with_the_data_lowers_the_certainty() {
    let spoilt: [(&str, Spoil); 3] = [
        ("duplicated", |second, _, line, out| {
            let times = if second % 10 == 0 { 2 } else { 1 };
            (0..times).for_each(|_| out.extend_from_slice(line));
        }),
        ("delayed", |second, _, line, out| {
            let text = std::str::from_utf8(line).unwrap();
            if second % 5 == 0 {
                let rx = ",\"rx\":\"2026-11-20T11:00:00.000000000Z\"}\n";
                out.extend_from_slice(text.trim_end().strip_suffix('}').unwrap().as_bytes());
                out.extend_from_slice(rx.as_bytes());
            } else {
                out.extend_from_slice(line);
            }
        }),
        ("skew", |_, service, line, out| {
            let text = std::str::from_utf8(line).unwrap();
            // The clock of one service is an hour behind.
            out.extend_from_slice(
                if service == 2 { text.replacen("T10:", "T09:", 1) } else { text.to_owned() }.as_bytes(),
            );
        }),
    ];
    for (what, spoil) in spoilt {
        let temp = tempfile::tempdir().unwrap();
        capture(temp.path(), &incident().lines_with(spoil), 1, |at| at);
        let answer = run(&["triage", temp.path().to_str().unwrap(), "--json"]);
        let report: Value = serde_json::from_str(&answer.out).unwrap();
        assert_ne!(report["certainty"]["degree"], "high", "{what}");
        assert!(report["certainty"]["causes"].to_string().contains(what), "{what}: {}", report["certainty"]);
    }
    let temp = tempfile::tempdir().unwrap();
    capture(temp.path(), &incident().lines(), 1, |at| at);
    let metadata = r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","dropped":{"queue_full":900}}"#;
    std::fs::write(temp.path().join("metadata.json"), metadata).unwrap();
    let answer = run(&["triage", temp.path().to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&answer.out).unwrap();
    assert!(report["certainty"]["causes"].to_string().contains("dropped"), "{}", report["certainty"]);
    assert_ne!(report["certainty"]["degree"], "high");
}

#[test]
fn a_poor_baseline_lowers_the_certainty_too() {
    let good = tempfile::tempdir().unwrap();
    capture(good.path(), &incident().lines(), 1, |at| at);
    let good = good.path().to_str().unwrap();
    let of = |made: Vec<u8>| {
        let temp = tempfile::tempdir().unwrap();
        capture(temp.path(), &made, 1, |at| at);
        let dir = temp.path().to_str().unwrap();
        let triage: Value = serde_json::from_str(&run(&["triage", good, "--baseline", dir, "--json"]).out).unwrap();
        let diff: Value = serde_json::from_str(&ok(&["diff", dir, good, "--json"])).unwrap();
        (triage["certainty"].clone(), diff["warnings"].to_string())
    };
    let quiet = Incident::quiet(31, (3.0, 3.0));
    let (certainty, warnings) = of(quiet.lines());
    assert_eq!((certainty["degree"].as_str(), warnings.as_str()), (Some("high"), "[]"), "{certainty}");
    let keep = |wanted: fn(u32) -> bool| {
        quiet.lines_with(move |second, _, line, out| {
            if wanted(second) {
                out.extend_from_slice(line)
            }
        })
    };
    let (certainty, _) = of(keep(|second| second % 100 > 15));
    assert_eq!(certainty["degree"], "medium", "{certainty}");
    assert!(certainty["causes"].to_string().contains("the baseline: data has holes"), "{certainty}");
    let (certainty, warnings) = of(keep(|second| second < 100));
    assert_eq!(certainty["degree"], "low", "{certainty}");
    assert!(certainty["causes"].to_string().contains("thin") && certainty["causes"].to_string().contains("small"));
    assert!(warnings.contains("small") && warnings.contains("differ in coverage"), "{warnings}");
    let twice = quiet.lines_with(|second, _, line, out| {
        (0..=u32::from(second % 10 == 0)).for_each(|_| out.extend_from_slice(line));
    });
    let (certainty, warnings) = of(twice);
    assert!(certainty["causes"].to_string().contains("the baseline: data is duplicated"), "{certainty}");
    assert!(warnings.contains("duplicated"), "{warnings}");
}

#[test]
fn hostile_text_is_bounded_and_escaped() {
    let temp = tempfile::tempdir().unwrap();
    let hostile = "ERROR <script>alert(1)</script> \u{1b}[31m =cmd|' /C calc'!A0 \u{202e}txt.exe";
    let mut all = String::new();
    for at in 0..40_000 {
        // Every line a pattern of its own: a word made of its number.
        let word: String = format!("{at:06}").bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
        let text =
            if at % 50 == 0 && at > 30_000 { hostile.to_owned() } else { format!("{word} is {word} and {word}{word}") };
        let text = serde_json::to_string(&text).unwrap();
        all += &format!(
            "{{\"ts\":\"2026-11-20T10:{:02}:{:02}Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":{text}}}\n",
            at / 60 / 60,
            at / 60 % 60
        );
    }
    let long = format!(
        "{{\"ts\":\"2026-11-20T10:10:00Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"{}\"}}\n",
        "x1 ".repeat(7 << 20)
    );
    capture(temp.path(), (all + &long).as_bytes(), 1, |at| at);
    let dir = temp.path().to_str().unwrap();
    let patterns: Value = serde_json::from_str(&ok(&["patterns", dir, "--json"])).unwrap();
    assert_eq!(patterns["total_lines"], 40_001);
    assert!(patterns["unmined_lines"].as_u64().unwrap() > 0, "what is not kept is counted");
    let assigned = ok(&["patterns", dir, "--assign"]);
    assert_eq!(lines(&assigned).len(), 40_001);
    assert!(lines(&assigned).iter().all(|template| *template != "<*>"), "what is not kept has a template of its own");
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("incident");
    let answer = run(&["triage", dir, "--out", out.to_str().unwrap()]);
    assert!([0, 6].contains(&answer.code), "{}", answer.err);
    for text in
        ["summary.md", "top_errors.txt", "sequence.txt"].map(|name| read(&out.join(name))).iter().chain([&answer.out])
    {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
    assert!(answer.out.contains("more patterns than are kept"), "{}", answer.out);
    let page = read(&out.join("report.html"));
    page::sealed(&page);
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("\\u{202e}txt.exe") && page.contains("\\x1b[31m"));
    for name in ["summary.md", "timeline.csv", "top_errors.txt", "top_talkers.txt", "sequence.txt", "windows.json"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let again = run(&["triage", dir, "--out", out.to_str().unwrap()]);
    assert_eq!(again.code, 2, "nothing is overwritten");
}

/// Eighty thousand messages of their own, and `planted` ones in their midst that come now and then.
fn many(planted: &[(&str, usize)]) -> Vec<u8> {
    let mut all = String::new();
    for at in 0..80_000_usize {
        let word: String = format!("{at:06}").bytes().map(|digit| char::from(b'a' + digit - b'0')).collect();
        let text = match planted.iter().find(|(_, every)| at % every == every - 1) {
            Some((text, _)) => (*text).to_owned(),
            None => format!("{word} is {word} and {word}{word}"),
        };
        let (minute, second) = (at / 60 % 60, at % 60);
        all += &format!(
            "{{\"ts\":\"2026-11-20T10:{minute:02}:{second:02}Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"{text}\"}}\n"
        );
    }
    all.into_bytes()
}

#[test]
fn of_too_many_patterns_those_that_come_often_are_kept() {
    // Of different lengths, so that none is a variant of another.
    let planted: Vec<(String, usize)> =
        (0..12).map(|at| (format!("ERROR{} end", " more".repeat(at)), 997 + at * 2)).collect();
    let planted: Vec<(&str, usize)> = planted.iter().map(|(text, every)| (text.as_str(), *every)).collect();
    let made = String::from_utf8(many(&planted)).unwrap();
    let mut answers = Vec::new();
    for (parts, reversed, jobs) in [(1, false, "1"), (4, true, "2")] {
        let temp = tempfile::tempdir().unwrap();
        capture(temp.path(), made.as_bytes(), parts, |at| if reversed { 9 - at } else { at });
        let dir = temp.path().to_str().unwrap();
        answers.push(ok(&["patterns", dir, "--json", "--jobs", jobs]));
    }
    assert_eq!(answers[0], answers[1], "whatever the threads and the order of files");
    let report: Value = serde_json::from_str(&answers[0]).unwrap();
    assert!(report["unmined_lines"].as_u64().unwrap() > 40_000);
    for (text, _) in planted {
        let count = report["patterns"].as_array().unwrap().iter().find(|one| one["template"] == text);
        let truth = made.lines().filter(|line| line.contains(&format!("\"{text}\"")));
        assert_eq!(count.map(|one| &one["count"]), Some(&Value::from(truth.count())), "{text}");
    }
}

#[test]
fn new_errors_among_too_many_patterns_are_found_by_diff() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let errors: Vec<String> = (0..5).map(|at| format!("ERROR never{} before", " ever".repeat(at))).collect();
    let ever = [("ERROR as it always was", 499)];
    let new = errors.iter().enumerate().map(|(at, text)| (text.as_str(), 503 + at * 2));
    capture(before.path(), &many(&ever), 1, |at| at);
    capture(after.path(), &many(&ever.into_iter().chain(new).collect::<Vec<_>>()), 1, |at| at);
    let answer = ok(&["diff", before.path().to_str().unwrap(), after.path().to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&answer).unwrap();
    let mut named: Vec<&str> =
        report["changes"].as_array().unwrap().iter().map(|one| one["template"].as_str().unwrap()).collect();
    named.sort_unstable_by_key(|template| template.len());
    assert_eq!(named, errors);
}

#[test]
fn every_line_gets_the_template_of_its_head() {
    let temp = tempfile::tempdir().unwrap();
    let messages = [
        "ERROR order 7 failed",
        "java.lang.IllegalStateException: no stock",
        "\tat java.util.Objects.check(Objects.java:1)",
        "\tat shop.Stock.take(Stock.java:42)",
        "INFO next",
        "  indented text",
    ];
    let all: String = messages
        .iter()
        .map(|text| {
            format!(
                "{{\"ts\":\"2026-11-20T10:00:00Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":{}}}\n",
                serde_json::to_string(text).unwrap()
            )
        })
        .collect();
    capture(temp.path(), all.as_bytes(), 1, |at| at);
    let dir = temp.path().to_str().unwrap();
    let head = "ERROR order <*> failed";
    assert_eq!(lines(&ok(&["patterns", dir, "--assign"])), [head, head, head, head, "INFO next", "indented text"]);
    let patterns: Value = serde_json::from_str(&ok(&["patterns", dir, "--json"])).unwrap();
    let of_head = patterns["patterns"].as_array().unwrap().iter().find(|one| one["template"] == head).unwrap().clone();
    assert_eq!(of_head["folded"], 3);
    assert_eq!(of_head["traces"][0]["exception"], "java.lang.IllegalStateException");
    assert_eq!(of_head["traces"][0]["frame"], "shop.Stock.take(Stock.java:42)");
}

#[test]
fn a_diff_names_what_was_planted_and_nothing_else() {
    let of = |incident: &Incident| {
        let temp = tempfile::tempdir().unwrap();
        capture(temp.path(), &incident.lines(), 1, |at| at);
        temp
    };
    let old = of(&Incident::quiet(21, (6.0, 6.0)));
    let busier = of(&Incident::quiet(22, (9.0, 9.0)));
    let (old, busier) = (old.path().to_str().unwrap(), busier.path().to_str().unwrap());
    let same: Value = serde_json::from_str(&ok(&["diff", old, busier, "--json"])).unwrap();
    assert_eq!(same["verdict"], "no regression", "{}", same["changes"]);
    assert_eq!(same["changes"], serde_json::json!([]));

    let mut worse = Incident::quiet(23, (9.0, 9.0));
    let plant = |service, fault| Plant { service, fault, from: 0, to: 900 };
    worse.plants = vec![plant(1, Fault::New(0.2)), plant(5, Fault::Rise(6, 2.0)), plant(9, Fault::Vanish(1))];
    let worse = of(&worse);
    let worse = worse.path().to_str().unwrap();
    let found: Value = serde_json::from_str(&ok(&["diff", old, worse, "--json"])).unwrap();
    assert_eq!(found["verdict"], "regression");
    let mut named: Vec<String> = found["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["service"].as_str().unwrap()))
        .collect();
    named.sort();
    assert_eq!(named, ["new auth", "rose stock", "vanished ship"]);

    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), "max_new_error_patterns: 0\n").unwrap();
    let judged = run(&["diff", old, worse, "--rules", rules.path().to_str().unwrap(), "--format", "junit"]);
    assert_eq!(judged.code, 6, "{}", judged.err);
    assert!(judged.out.contains("failures=\"1\"") && judged.out.contains("ledger of auth"), "{}", judged.out);
    assert!(ok(&["diff", old, worse, "--format", "markdown"]).contains("| error new | auth |"));
    std::fs::write(rules.path(), "max_new_errors: 0\n").unwrap();
    assert_eq!(run(&["diff", old, worse, "--rules", rules.path().to_str().unwrap()]).code, 2);
}

#[test]
fn a_report_is_one_file_that_asks_nobody() {
    let temp = tempfile::tempdir().unwrap();
    capture(temp.path(), &incident().lines(), 1, |at| at);
    let dir = temp.path().to_str().unwrap();
    let page = ok(&["report", dir]);
    page::sealed(&page);
    for told in ["likely origin: payment", "Blast radius", "2 of 12 services", "First error per service", "logtap grep"]
    {
        assert!(page.contains(told), "{told}");
    }
    assert!(ok(&["report", dir, "--format", "markdown"]).contains("Likely origins"));
    assert_eq!(ok(&["report", dir, "--json"]), run(&["triage", dir, "--json"]).out);
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("report.html");
    assert_eq!(ok(&["report", dir, "--out", out.to_str().unwrap()]), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), page);
    assert_eq!(run(&["report", dir, "--out", out.to_str().unwrap()]).code, 2, "nothing is overwritten");
}
