//! SKILL.md tells an agent what to type: its commands run in their order on a generated incident, end as
//! it says, and print what it names.

use std::path::{Path, PathBuf};
use std::process::Command;

use logtap_testkit::incident::{Fault, Incident, Plant};

use crate::help::commands;
use crate::world::Outcome;

fn skill() -> String {
    std::fs::read_to_string(PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../SKILL.md")).unwrap()
}

/// Lines of all blocks of commands: what is typed, and what the comment behind it says.
fn typed(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut all = Vec::new();
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => {
                let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
                all.push((command.trim().to_owned(), comment.to_owned()));
            }
            _ => {}
        }
    }
    all
}

/// Words between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn write(dir: &Path, plants: Vec<Plant>) {
    std::fs::create_dir(dir).unwrap();
    let lines = Incident { plants, ..Incident::quiet(7, (3.0, 3.0)) }.lines();
    std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), lines).unwrap();
    let metadata =
        r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","stopped":"2026-11-20T10:15:00Z"}"#;
    std::fs::write(dir.join("metadata.json"), metadata).unwrap();
}

#[test]
fn its_commands_do_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let plant = |service, from| Plant { service, fault: Fault::New(1.5), from, to: 560 };
    write(&folder.path().join("capture"), vec![plant(4, 400), plant(3, 430)]);
    write(&folder.path().join("yesterday"), Vec::new());
    let all = typed(&skill());
    assert!(all.len() > 15, "its commands are found");
    for (command, comment) in all {
        let beside = Path::new(env!("CARGO_BIN_EXE_logtap")).parent().unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", beside.display())).env("HOME", folder.path());
        let ran: Outcome = shell.current_dir(folder.path()).arg("-c").arg(&command).output().unwrap().into();
        let code = comment.split_once("ends with ").map_or(0, |(_, rest)| rest[..1].parse().unwrap());
        assert_eq!(ran.code, code, "{command}: {}", ran.err);
        for word in quoted(&comment) {
            assert!(ran.out.contains(word), "{command} does not print {word}: {:.500}", ran.out);
        }
    }
}

#[test]
fn it_is_as_skills_are() {
    let text = skill();
    assert!(text.lines().count() < 500);
    let (head, body) = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("name: logtap"));
    let description = lines.next().and_then(|line| line.strip_prefix("description: ")).unwrap();
    assert!(lines.next().is_none() && description.len() <= 1024 && description.contains("Use when"));
    assert!(!description.contains(": "), "it is plain YAML");
    let table: Vec<&str> = body
        .lines()
        .skip_while(|line| *line != "## Commands")
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| quoted(line.split('|').nth(1).unwrap()))
        .collect();
    for name in commands() {
        assert!(table.contains(&name.as_str()), "SKILL.md does not name {name}");
    }
    for name in table {
        assert!(commands().iter().any(|known| known == name), "SKILL.md names {name}, which is no command");
    }
}
