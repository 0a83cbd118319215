//! Signatures of minisign's kind, with minisign as the other side.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{World, run};
use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::logtap;

/// Makes a pair of keys; with a password if there is one.
fn pair(world: &World, who: &str, password: &str) -> (PathBuf, PathBuf) {
    let (secret, public) = (world.at(&format!("{who}.key")), world.at(&format!("{who}.minisign.pub")));
    let mut minisign = Command::new("minisign");
    minisign.arg("-G").arg("-s").arg(&secret).arg("-p").arg(&public).stdin(Stdio::null());
    if password.is_empty() {
        let made = minisign.arg("-W").output().expect("tests/run tools installs minisign");
        assert!(made.status.success(), "{made:?}");
    } else {
        let mut terminal = Terminal::start(&minisign, 80, 24);
        terminal.wait_for("Password");
        terminal.keys(&format!("{password}\n"));
        until("it asks again", || terminal.text().matches("Password").count() > 1);
        terminal.keys(&format!("{password}\n"));
        assert_eq!(terminal.end(Duration::from_secs(30)), 0, "{}", terminal.text());
    }
    (secret, public)
}

fn sign(world: &World, key: &std::path::Path, more: &[&str]) -> (i32, String) {
    let words = ["sign", world.capture().to_str().unwrap(), "--format", "minisign", "--key", key.to_str().unwrap()]
        .map(str::to_owned);
    run(&[&words.each_ref().map(String::as_str)[..], more].concat())
}

fn verify(world: &World, key: &std::path::Path, more: &[&str]) -> (i32, String) {
    run(&[&["verify", world.capture().to_str().unwrap(), "--key", key.to_str().unwrap()], more].concat())
}

#[test]
fn what_was_signed_verifies_here_and_by_minisign() {
    let world = World::new();
    let (secret, public) = pair(&world, "mine", "");
    let (_, stranger) = pair(&world, "stranger", "");
    let (code, said) = sign(&world, &secret, &[]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = verify(&world, &public, &[]);
    assert!(code == 0 && said.contains("as minisign key "), "{said}");
    let theirs = |public: &std::path::Path| {
        let mut minisign = Command::new("minisign");
        minisign.args(["-V", "-H", "-m"]).arg(world.capture().join("statement.json")).arg("-p").arg(public);
        minisign.output().unwrap()
    };
    let good = theirs(&public);
    assert!(good.status.success() && String::from_utf8_lossy(&good.stdout).contains("capture@logtap.io"), "{good:?}");
    assert!(!theirs(&stranger).status.success());

    // Nobody whom the user did not name counts, and no key of another kind.
    let (code, said) = verify(&world, &stranger, &[]);
    assert!(code == 6 && said.contains("which is no key that you named"), "{said}");
    let (code, said) = world.verify(&[]);
    assert!(code == 6 && said.contains("which is no key that you named"), "{said}");
    let named =
        ["--allowed-signers", world.at("allowed").to_str().unwrap(), "--identity", "me@example.com"].map(str::to_owned);
    assert_eq!(verify(&world, &public, &named.each_ref().map(String::as_str)).0, 6, "that name did not sign");

    // A change shows, and so does a file more: also the signature of another kind.
    let added = world.capture().join("statement.json.sig");
    fs::write(&added, "x").unwrap();
    let (code, said) = verify(&world, &public, &[]);
    assert!(code == 6 && said.contains("extra    statement.json.sig"), "{said}");
    fs::remove_file(added).unwrap();
    let file = world.capture().join("2026-11-20T100001-000.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("line 1", "line 7")).unwrap();
    let (code, said) = verify(&world, &public, &[]);
    assert!(code == 6 && said.contains("changed  2026-11-20T100001-000.jsonl"), "{said}");
    fs::write(&file, text).unwrap();

    let signature = world.capture().join("statement.json.minisig");
    let whole = fs::read_to_string(&signature).unwrap();
    for broken in [
        String::new(),
        whole.replace("capture@", "caption@"),
        whole.lines().take(2).collect(),
        "a\nb\nc\nd\n".to_owned(),
    ] {
        fs::write(&signature, &broken).unwrap();
        assert_eq!(verify(&world, &public, &[]).0, 6, "{broken}");
    }
}

#[test]
fn a_capture_has_one_signature() {
    let world = World::new();
    let (secret, public) = pair(&world, "mine", "");
    assert_eq!(world.sign("me", &[]).0, 0);
    assert_eq!(sign(&world, &secret, &[]).0, 2, "it is signed already");
    assert_eq!(sign(&world, &secret, &["--force"]).0, 0);
    assert!(!world.capture().join("statement.json.sig").exists());
    assert_eq!((verify(&world, &public, &[]).0, world.verify(&[]).0), (0, 6));
    assert_eq!(world.sign("me", &["--force"]).0, 0);
    assert_eq!((verify(&world, &public, &[]).0, world.verify(&[]).0), (6, 0));
}

#[test]
fn a_key_with_a_password_is_asked_for_it() {
    let world = World::new();
    let (secret, public) = pair(&world, "mine", "long and secret");
    let mut command = logtap();
    command.arg("sign").arg(world.capture()).args(["--format", "minisign", "--key"]).arg(&secret);
    for (password, code) in [("wrong", 4), ("long and secret", 0)] {
        let mut terminal = Terminal::start(&command, 100, 24);
        terminal.wait_for("Password");
        terminal.keys(&format!("{password}\n"));
        assert_eq!(terminal.end(Duration::from_secs(60)), code, "{}", terminal.text());
        assert!(!terminal.text().contains(password), "it is not shown");
        assert_eq!(
            world.capture().join("statement.json").exists(),
            code == 0,
            "nothing is written before it is signed"
        );
    }
    assert_eq!(verify(&world, &public, &[]).0, 0);
}

#[test]
fn what_is_missing_is_named() {
    let world = World::new();
    let (secret, _) = pair(&world, "mine", "");
    assert_eq!(sign(&world, &world.at("nowhere"), &[]).0, 3);
    let dir = world.capture();
    let words = ["sign", dir.to_str().unwrap(), "--format", "minisign"];
    let (code, said) = run(&words);
    assert!(code == 2 && said.contains("minisign -G"), "{said}");
    let mut command = logtap();
    let without = command.args(words).arg("--key").arg(&secret).env("PATH", "/nonexistent").output().unwrap();
    let said = String::from_utf8(without.stderr).unwrap();
    assert!(without.status.code() == Some(3) && said.contains("install the package minisign"), "{said}");
    let (code, said) =
        run(&["sign", dir.to_str().unwrap(), "--format", "json", "--key", world.at("me").to_str().unwrap()]);
    assert!(code == 0 && said.starts_with("{\"version\":1"), "as --json: {said}");
}
