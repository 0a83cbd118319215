//! Every JSON output has a documented schema, and is as the schema says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use logtap_testkit::incident::{Fault, Incident, Plant};
use logtap_testkit::schema::{OF_COMMANDS, problems, values};
use serde_json::Value;

use crate::help::commands;
use crate::world::{self, fixture, logtap, run};

/// Commands that print something else whatever is asked for.
const NO_JSON: [(&str, &str); 4] = [
    ("recv", "shows a view, or says what it does on standard error"),
    ("open", "shows a view"),
    ("completion", "prints a script"),
    ("man", "prints a page"),
];

/// Commands whose real output the suites of tests/cluster hold against their schema.
const IN_CLUSTER: [&str; 8] = ["install", "uninstall", "tap", "untap", "check", "status", "deploy", "download"];

/// Commands whose real output `tests/remote` holds against its schema.
const IN_BUCKETS: [&str; 1] = ["upload"];

fn docs() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../docs/schema")
}

#[test]
fn every_command_has_a_schema_and_every_schema_is_listed() {
    let known: BTreeSet<String> =
        OF_COMMANDS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name != "doctor").collect();
    assert_eq!(known, commands().into_iter().collect(), "name what a new command prints in logtap_testkit::schema");
    let without: Vec<&str> =
        OF_COMMANDS.iter().filter(|(_, schemas)| schemas.is_empty()).map(|(name, _)| *name).collect();
    assert_eq!(without, NO_JSON.map(|(name, _)| name));
    let mut named: BTreeSet<&str> = OF_COMMANDS.iter().flat_map(|(_, schemas)| schemas.iter().copied()).collect();
    named.insert("error");
    let files: BTreeSet<String> = std::fs::read_dir(docs())
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".v1.json")?.to_owned()))
        .collect();
    assert_eq!(files, named.iter().map(|name| (*name).to_owned()).collect());
    let page = std::fs::read_to_string(docs().join("README.md")).unwrap();
    for name in named {
        assert!(page.contains(&format!("({name}.v1.json)")), "docs/schema/README.md does not list {name}");
    }
    assert_eq!(problems(&[]), "", "the schemas themselves");
}

/// A capture with an incident below `dir`, and one without.
fn incidents(dir: &Path) -> (String, String) {
    let plant = |service, from, to| Plant { service, fault: Fault::New(1.5), from, to };
    let make = |name: &str, plants| {
        let dir = dir.join(name);
        std::fs::create_dir(&dir).unwrap();
        let lines = Incident { plants, ..Incident::quiet(7, (3.0, 3.0)) }.lines();
        std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), lines).unwrap();
        dir.to_str().unwrap().to_owned()
    };
    (make("broken", vec![plant(4, 400, 560), plant(3, 430, 560)]), make("quiet", Vec::new()))
}

#[test]
fn outputs_are_as_their_schemas_say() {
    let temp = tempfile::tempdir().unwrap();
    let (broken, quiet) = incidents(temp.path());
    let whole = world::capture(temp.path()).to_str().unwrap().to_owned();
    let mut captures = vec![broken.clone(), quiet.clone(), whole.clone()];
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        captures.push(entry.unwrap().path().to_str().unwrap().to_owned());
    }
    let place = |name: &str| temp.path().join(name).to_str().unwrap().to_owned();
    let key = place("key");
    let made = std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
    assert!(made.unwrap().success());
    let public = format!("{key}.pub");
    let mut all: Vec<(&str, Value)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut take = |schema: Option<&'static str>, args: &[&str], codes: &[i32]| {
        let mut command = logtap();
        command.env("HOME", temp.path()).env("LOGTAP_RECV_WEBHOOKS", "https://example.com").args(args).arg("--json");
        let outcome: world::Outcome = command.output().unwrap().into();
        assert!(codes.contains(&outcome.code), "{args:?}: {} {}", outcome.code, outcome.err);
        let printed = values(args[0], &outcome.out);
        assert!(!printed.is_empty(), "{args:?} prints nothing");
        seen.insert(args[0].to_owned());
        all.extend(printed.into_iter().take(60).map(|(name, value)| (schema.unwrap_or(name), value)));
    };
    for capture in &captures {
        take(None, &["inspect", capture], &[0]);
        take(None, &["patterns", capture], &[0]);
        take(Some("assign"), &["patterns", capture, "--assign"], &[0]);
        take(None, &["triage", capture], &[0, 6]);
        take(None, &["report", capture], &[0]);
        take(None, &["diff", &quiet, capture], &[0]);
        take(None, &["grep", "", capture], &[0]);
        take(Some("grep-count"), &["grep", "", capture, "--count"], &[0]);
        take(None, &["catalog", capture], &[0]);
    }
    take(None, &["grep", "refused", &whole, "-C", "1"], &[0]);
    take(Some("grep-count"), &["grep", "", &whole, "--files-with-matches"], &[0]);
    take(None, &["watch", &whole], &[0]);
    take(None, &["slice", &whole, "--label", "app=api", "-o", &place("part")], &[0]);
    take(None, &["merge", &whole, &broken, "-o", &place("both")], &[0]);
    take(None, &["inspect", &place("both")], &[0]);
    take(None, &["catalog", "-r", temp.path().to_str().unwrap()], &[0]);
    take(None, &["export", &whole, "--format", "csv", "--out", &place("all.csv")], &[0]);
    take(None, &["snapshot", &whole, "-o", &place("pack.tar.zst")], &[0]);
    take(None, &["snapshot", "--extract", &place("pack.tar.zst"), "-o", &place("unpacked")], &[0]);
    take(None, &["sign", &whole, "--key", &key], &[0]);
    take(None, &["verify", &whole, "--key", &public], &[0]);
    std::fs::write(Path::new(&whole).join("added"), "x").unwrap();
    std::fs::write(Path::new(&whole).join("metadata.json"), "{}").unwrap();
    take(None, &["verify", &whole, "--key", &public], &[6]);
    std::fs::copy(
        Path::new(&broken).join("2026-11-20T100000-000.jsonl"),
        Path::new(&quiet).join("2026-11-20T100001-000.jsonl"),
    )
    .unwrap();
    take(None, &["inspect", &quiet, "--repair"], &[0]);
    take(None, &["gc", temp.path().to_str().unwrap(), "--max-total", "1", "--dry-run"], &[0]);
    take(None, &["init"], &[0]);
    take(None, &["config"], &[0]);
    std::fs::write(
        temp.path().join(".logtap/config.yaml"),
        "recv:\n  dir: x\n  nonsense: 1\ndefaults:\n  verbose: 1\n",
    )
    .unwrap();
    take(None, &["config"], &[0]);
    take(None, &["config", "validate"], &[6]);
    take(None, &["config", "path"], &[0]);
    take(None, &["version"], &[0]);
    for args in [&["inspect", "/nowhere"][..], &["nonsense"], &["grep", "(", "/"], &["recv", "--stop", "/nowhere"]] {
        let outcome = run(&[args, &["--json"]].concat());
        all.push(("error", serde_json::from_str(&outcome.err).unwrap()));
    }
    assert_eq!(problems(&all), "");
    for (command, _) in OF_COMMANDS {
        let elsewhere = IN_CLUSTER.contains(&command)
            || IN_BUCKETS.contains(&command)
            || NO_JSON.iter().any(|(name, _)| *name == command);
        assert!(command == "doctor" || elsewhere || seen.contains(command), "{command} was not looked at");
    }
}

/// The validator finds what it is there to find.
#[test]
fn what_is_not_documented_is_found() {
    let mut version: Value = serde_json::from_str(&run(&["version", "--json"]).out).unwrap();
    version["colour"] = "red".into();
    assert!(problems(&[("version", version.clone())]).contains("colour"));
    version.as_object_mut().unwrap().remove("os");
    assert!(problems(&[("version", version)]).contains("'os' is a required property"));
    let late = serde_json::json!({ "ts": "yesterday", "msg": "x" });
    assert!(problems(&[("line", late)]).contains("is not a 'date-time'"));
}
