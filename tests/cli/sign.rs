//! `sign` and `verify`, with ssh-keygen as the other side.

mod archive;
mod minisign;
mod sigstore;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::logtap;

/// A capture, keys of two people, and the file that lets the first sign.
struct World {
    folder: TempDir,
}

fn keygen(arguments: &[&str], paths: &[&Path]) -> bool {
    let run = Command::new("ssh-keygen").args(arguments).args(paths).stdin(Stdio::null()).output();
    run.expect("ssh-keygen is installed").status.success()
}

impl World {
    fn new() -> Self {
        let world = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(world.capture()).unwrap();
        let line = |n: u32| {
            format!("{{\"ts\":\"2026-11-20T10:00:0{n}Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"line {n}\"}}\n")
        };
        for n in 0..3 {
            fs::write(world.capture().join(format!("2026-11-20T10000{n}-000.jsonl")), line(n)).unwrap();
        }
        let metadata = r#"{"version":1,"format":"jsonl","started":"2026-11-20T10:00:00Z","total_lines":3,"dropped":{"buffer_full":2}}"#;
        fs::write(world.capture().join("metadata.json"), metadata).unwrap();
        for who in ["me", "other"] {
            world.key(who, "ed25519", "");
        }
        world.allow("me");
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn capture(&self) -> PathBuf {
        self.at("capture")
    }

    fn key(&self, who: &str, kind: &str, passphrase: &str) {
        assert!(keygen(&["-q", "-t", kind, "-N", passphrase, "-C", who, "-f"], &[&self.at(who)]));
    }

    fn allow(&self, who: &str) {
        let public = fs::read_to_string(self.at(&format!("{who}.pub"))).unwrap();
        fs::write(self.at("allowed"), format!("{who}@example.com {public}")).unwrap();
    }

    fn sign(&self, who: &str, more: &[&str]) -> (i32, String) {
        let key = self.at(who);
        run(&[&["sign", self.capture().to_str().unwrap(), "--key", key.to_str().unwrap()], more].concat())
    }

    fn verify(&self, more: &[&str]) -> (i32, String) {
        let allowed = self.at("allowed");
        let capture = self.capture();
        let words = ["verify", capture.to_str().unwrap(), "--allowed-signers", allowed.to_str().unwrap()];
        run(&[&words, more].concat())
    }
}

/// Exit code and all that was printed.
fn run(words: &[&str]) -> (i32, String) {
    let done = logtap().args(words).env("HOME", "/nonexistent").stdin(Stdio::null()).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn what_was_signed_verifies_here_and_by_ssh_keygen() {
    let world = World::new();
    assert_eq!(world.sign("me", &[]).0, 0);
    let (code, said) = world.verify(&[]);
    assert!(code == 0 && said.contains("as me@example.com signed it"), "{said}");
    let check = |namespace: &str| {
        let statement = fs::File::open(world.capture().join("statement.json")).unwrap();
        Command::new("ssh-keygen")
            .args(["-Y", "verify", "-n", namespace, "-I", "me@example.com", "-f"])
            .arg(world.at("allowed"))
            .arg("-s")
            .arg(world.capture().join("statement.json.sig"))
            .stdin(statement)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(check("capture@logtap.io") && !check("file"));
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "manifest.sha256"])
        .current_dir(world.capture())
        .status();
    assert!(sums.unwrap().success());
    let statement: Value = serde_json::from_slice(&fs::read(world.capture().join("statement.json")).unwrap()).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["subject"].as_array().unwrap().len(), 5);
    assert_eq!(statement["predicate"]["lines"], 3);
    assert_eq!(statement["predicate"]["dropped"]["buffer_full"], 2);
}

#[test]
fn the_same_capture_gives_the_same_statement() {
    let world = World::new();
    world.sign("me", &[]);
    let before = fs::read(world.capture().join("statement.json")).unwrap();
    assert_eq!(world.sign("other", &["--force", "--jobs", "1"]).0, 0);
    assert_eq!(fs::read(world.capture().join("statement.json")).unwrap(), before);
}

#[test]
fn every_kind_of_key() {
    for (kind, passphrase) in [("ecdsa", ""), ("rsa", ""), ("ed25519", "secret")] {
        let world = World::new();
        world.key("mine", kind, passphrase);
        world.allow("mine");
        if !passphrase.is_empty() {
            // Without a terminal nobody can be asked.
            let (code, said) = world.sign("mine", &[]);
            assert!(code == 4 && said.contains("ssh-keygen does not sign"), "{code} {said}");
            assert!(!world.capture().join("manifest.sha256").exists(), "nothing is left");
            continue;
        }
        let (code, said) = world.sign("mine", &[]);
        assert_eq!(code, 0, "{kind}: {said}");
        let (code, said) = world.verify(&[]);
        assert_eq!(code, 0, "{kind}: {said}");
        let statement = world.capture().join("statement.json");
        let mut bytes = fs::read(&statement).unwrap();
        *bytes.last_mut().unwrap() = b' ';
        fs::write(&statement, bytes).unwrap();
        let (code, said) = world.verify(&[]);
        assert!(code == 6 && said.contains("one of them was changed"), "{kind}: {code} {said}");
    }
}

/// Does something to the capture in a directory.
type Change = fn(&Path);

/// What verify has to say, and after what.
const CHANGES: [(&str, Change); 8] = [
    ("extra    statement.json.more", |dir| fs::write(dir.join("statement.json.more"), "").unwrap()),
    ("extra    metadata.json.tmp", |dir| fs::write(dir.join("metadata.json.tmp"), "").unwrap()),
    ("missing  2026-11-20T100000-000.jsonl", |dir| fs::remove_file(dir.join("2026-11-20T100000-000.jsonl")).unwrap()),
    ("extra    2026-11-20T100009-000.jsonl", |dir| fs::write(dir.join("2026-11-20T100009-000.jsonl"), "").unwrap()),
    ("changed  2026-11-20T100000-000.jsonl", |dir| fs::write(dir.join("2026-11-20T100000-000.jsonl"), "{").unwrap()),
    ("changed  2026-11-20T100002-000.jsonl", |dir| {
        let [one, other, aside] =
            ["2026-11-20T100001-000.jsonl", "2026-11-20T100002-000.jsonl", "aside"].map(|name| dir.join(name));
        fs::rename(&one, &aside).unwrap();
        fs::rename(&other, &one).unwrap();
        fs::rename(&aside, &other).unwrap();
    }),
    ("changed  metadata.json", |dir| {
        fs::write(dir.join("metadata.json"), r#"{"version":1,"format":"jsonl","started":"x"}"#).unwrap()
    }),
    ("changed  manifest.sha256", |dir| fs::write(dir.join("manifest.sha256"), "").unwrap()),
];

#[test]
fn every_change_is_named() {
    let first = "2026-11-20T100000-000.jsonl";
    for (expected, change) in CHANGES {
        let world = World::new();
        world.sign("me", &[]);
        assert!(world.capture().join(first).exists());
        change(&world.capture());
        let (code, said) = world.verify(&[]);
        assert!(code == 6 && said.lines().any(|line| line == expected), "{expected}: {code} {said}");
        let (code, said) = world.verify(&["--json"]);
        assert!(code == 6 && said.contains("\"valid\":false"), "{said}");
    }
}

#[test]
fn a_signature_of_somebody_else_does_not_count() {
    let world = World::new();
    world.sign("me", &[]);
    fs::write(world.capture().join("2026-11-20T100000-000.jsonl"), "{}").unwrap();
    let (code, said) = world.sign("other", &[]);
    assert!(code == 2 && said.contains("signed already"), "{said}");
    assert_eq!(world.sign("other", &["--force"]).0, 0);
    let (code, said) = world.verify(&[]);
    assert!(code == 6 && said.contains("which is no key that you named"), "{said}");
    // The right person, under another name.
    world.allow("other");
    assert_eq!(world.verify(&["--identity", "other@example.com"]).0, 0);
    assert_eq!(world.verify(&["--identity", "me@example.com"]).0, 6);
}

#[test]
fn the_signature_of_another_capture_does_not_count() {
    let (world, donor) = (World::new(), World::new());
    fs::copy(world.at("me"), donor.at("me")).unwrap();
    fs::write(donor.capture().join("2026-11-20T100000-000.jsonl"), "{}").unwrap();
    donor.sign("me", &[]);
    for name in ["statement.json", "statement.json.sig", "manifest.sha256"] {
        fs::copy(donor.capture().join(name), world.capture().join(name)).unwrap();
    }
    let (code, said) = world.verify(&[]);
    assert!(code == 6 && said.contains("changed  2026-11-20T100000-000.jsonl"), "{said}");
    // A signature alone, of what is not there any more.
    for n in 0..3 {
        fs::remove_file(world.capture().join(format!("2026-11-20T10000{n}-000.jsonl"))).unwrap();
    }
    assert_eq!(world.verify(&[]).0, 6);
}

#[test]
fn nobody_is_trusted_unless_named() {
    let world = World::new();
    let capture = world.capture();
    let dir = capture.to_str().unwrap();
    world.sign("me", &[]);
    fs::copy(world.at("me.pub"), capture.join("me.pub")).unwrap();
    for words in [&["verify", dir][..], &["sign", dir, "--verify"]] {
        let (code, said) = run(words);
        assert!(code == 2 && said.contains("whose signature counts?"), "{said}");
    }
    fs::remove_file(capture.join("me.pub")).unwrap();
    let (code, said) = run(&["sign", dir, "--verify", "--key", world.at("me.pub").to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    fs::write(world.at("allowed"), "me@example.com ssh-ed25519 nonsense\n").unwrap();
    let (code, said) = world.verify(&[]);
    assert!(code == 2 && said.contains("allowed line 1 names nobody"), "{said}");
}

#[test]
fn what_cannot_be_signed() {
    let world = World::new();
    let me = world.at("me");
    let key = me.to_str().unwrap();
    let (empty, away) = (world.at("empty"), world.at("away"));
    fs::create_dir(&empty).unwrap();
    assert_eq!(run(&["sign", empty.to_str().unwrap(), "--key", key]).0, 2);
    assert_eq!(run(&["sign", away.to_str().unwrap(), "--key", key]).0, 3);
    assert_eq!(world.sign("no-such-key", &[]).0, 3);
    assert!(!world.capture().join("manifest.sha256").exists(), "nothing is left");
    let (code, said) = run(&["sign", world.capture().to_str().unwrap()]);
    assert!(code == 2 && said.contains("ssh-keygen -t ed25519"), "{said}");
    let (code, said) = world.verify(&[]);
    assert!(code == 6 && said.contains("is not signed"), "{said}");
    std::os::unix::fs::symlink("/etc/hostname", world.capture().join("link")).unwrap();
    let (code, said) = world.sign("me", &[]);
    assert!(code == 6 && said.contains("is no file"), "{said}");
    assert!(!world.capture().join("statement.json").exists());
}
