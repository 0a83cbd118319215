//! A view is a command: random states copied with `Y` and run through shells
//! give identical screens. `LOGTAP_VIEWS=1000` for the long form.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use logtap_testkit::generate::Rng;
use logtap_testkit::incident::{Fault, Incident, Plant};

use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::logtap;

/// What is typed to come to a state; text of prompts ends with a carriage return.
const KEYS: [&str; 34] = [
    "j",
    "7j",
    "d",
    "u",
    "k",
    "G",
    "gg",
    "e",
    "E",
    "}",
    "{",
    "33%",
    "80%",
    "W",
    "i",
    "|",
    "\x1b[C",
    "\x1b[1;2C",
    "\r",
    "z",
    "Z",
    "T",
    "U",
    "F",
    "/gave up\r",
    "/!it's $(touch /tmp/x) `a` \\d\r",
    "/!a'b\"c \\\\ ; | & > $HOME ~ *\r",
    "/!\x1b[200~tab\there\x1b[201~\r",
    "&order|session|ledger\r",
    "lapp!=mail\r",
    "llevel=warn\r",
    "n",
    "]",
    "t10:07\r",
];

/// Text with a newline and an escape reaches a prompt as a paste.
const PASTED: &str = "!\x1b[200~line\none\x1b[201~\r";

fn write(dir: &Path) {
    let plants = vec![Plant { service: 4, fault: Fault::New(1.5), from: 400, to: 560 }];
    let lines = Incident { plants, ..Incident::quiet(3, (0.5, 1.0)) }.lines();
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), lines).unwrap();
}

/// Waits until everything is counted and nothing comes any more.
fn settle(terminal: &Terminal) {
    let until = Instant::now() + Duration::from_secs(20);
    let mut written = (terminal.written(), Instant::now());
    loop {
        assert!(Instant::now() < until, "it does not come to rest:\n{}", terminal.text());
        std::thread::sleep(Duration::from_millis(3));
        let text = terminal.text();
        let under_way = ["counting…", "reading…", "looking for", "+ lines pass", "+ hits"];
        if terminal.written() != written.0 || under_way.iter().any(|word| text.contains(word)) {
            written = (terminal.written(), Instant::now());
        } else if written.1.elapsed() > Duration::from_millis(70) && !text.is_empty() {
            return;
        }
    }
}

/// How often something was put into the clipboard.
fn copies(terminal: &Terminal) -> usize {
    terminal.bytes().windows(7).filter(|part| part == b"\x1b]52;c;").count()
}

/// What was put into the clipboard last.
fn copied(terminal: &Terminal) -> String {
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let encoded = text.rsplit_once("\x1b]52;c;").unwrap_or_else(|| panic!("nothing is copied:\n{}", terminal.text())).1;
    let encoded = encoded.split('\x07').next().unwrap();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap()
}

fn quit(mut terminal: Terminal) {
    terminal.keys("\x03");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
}

#[test]
fn views_come_back_through_shells() {
    let rounds: u64 = std::env::var("LOGTAP_VIEWS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("it's a run");
    write(&dir);
    let path = format!("{}:/usr/bin:/bin", Path::new(env!("CARGO_BIN_EXE_logtap")).parent().unwrap().display());
    let shells = ["sh", "fish"];
    let missing: Vec<&&str> = shells.iter().filter(|shell| !Path::new("/usr/bin").join(shell).exists()).collect();
    assert!(missing.is_empty(), "tests/run tools installs {missing:?}");
    let mut rng = Rng::new(11);
    for round in 0..rounds {
        let size = (40 + rng.below(160) as u16, 10 + rng.below(50) as u16);
        let mut command = logtap();
        command.env("TERM", "xterm-256color").env("TZ", "Europe/Berlin").arg("open").arg(&dir);
        let mut view = Terminal::start(&command, size.0, size.1);
        settle(&view);
        let mut typed = Vec::new();
        for _ in 0..rng.below(10) {
            let pasted = rng.below(20) == 0;
            let keys = if pasted { PASTED } else { KEYS[rng.below(KEYS.len() as u64) as usize] };
            typed.push(keys);
            view.keys(keys);
            settle(&view);
        }
        // What a slow machine has not answered yet is no part of the view: it has come when two copies are equal.
        let mut shown = String::new();
        loop {
            let before = copies(&view);
            view.keys("Y");
            until("the command is copied", || copies(&view) > before);
            settle(&view);
            if std::mem::replace(&mut shown, copied(&view)) == copied(&view) {
                break;
            }
        }
        // The message goes; a count that was begun is none of the view.
        view.keys("\x0c");
        until("the message goes", || !view.text().contains("copied: "));
        settle(&view);
        for shell in &shells {
            let mut again = Command::new(shell);
            again.env("TERM", "xterm-256color").env("TZ", "Europe/Berlin").env("PATH", &path);
            again.env("HOME", folder.path()).args(["-c", &shown]);
            let back = Terminal::start(&again, size.0, size.1);
            // Small screens do not say what is still being counted.
            let until = Instant::now() + Duration::from_secs(5);
            while back.cells() != view.cells() {
                let differ = || {
                    let (was, is) = (view.cells(), back.cells());
                    was.into_iter().zip(is).find(|(was, is)| was != is)
                };
                assert!(Instant::now() < until, "round {round}, {shell}, {typed:?}: {shown}\n{:?}", differ());
                std::thread::sleep(Duration::from_millis(5));
            }
            quit(back);
        }
        quit(view);
    }
    println!("{rounds} views came back through {shells:?}");
}
