//! The view as a guest of the terminal: one script of keys whatever the
//! terminal can show, and modes as they were whatever ends or stops the view.

use std::time::Duration;

use logtap_testkit::incident::{Fault, Incident, Plant};

use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::logtap;

fn capture() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let plants = vec![Plant { service: 4, fault: Fault::New(1.5), from: 400, to: 560 }];
    std::fs::create_dir_all(&dir).unwrap();
    let lines = Incident { plants, ..Incident::quiet(3, (0.5, 1.0)) }.lines();
    std::fs::write(dir.join("2026-11-20T100000-000.jsonl"), lines).unwrap();
    (folder, dir)
}

/// Keys, and what the terminal shows or says then.
const SCRIPT: [(&str, &str); 12] = [
    ("gg", "stored record 29134"),
    ("lapp=payment\r", "lines pass"),
    ("/ledger of payment\r", "is broken: checksum"),
    ("\r", "pod"),
    ("\x1b", "checksum"),
    ("w", "write to directory"),
    ("\x7f", "checksum"),
    ("?", "next line (5j: five lines)"),
    ("x", "checksum"),
    ("/!ledger\r", "hide"),
    ("c", "there is no baseline"),
    ("Y", "--hide=ledger"),
];

#[test]
fn one_script_of_keys_passes_on_every_terminal() {
    let (_folder, dir) = capture();
    let mut screens = Vec::new();
    for (name, variables, plain) in [
        ("mono", &[("TERM", "xterm"), ("NO_COLOR", "1")][..], false),
        ("sixteen", &[("TERM", "xterm")][..], false),
        ("truecolour", &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], false),
        ("plain", &[("TERM", "dumb")][..], true),
    ] {
        let mut command = logtap();
        command.envs(variables.iter().copied()).arg("open").arg(&dir);
        if plain {
            command.arg("--plain");
        }
        let mut terminal = Terminal::start(&command, 160, 50);
        until("everything is counted", || {
            let text = terminal.text();
            (plain && text.contains("lists the keys") || text.contains("q quit"))
                && !text.contains("counting…")
                && !text.contains("reading…")
        });
        for (keys, shown) in SCRIPT {
            let before = terminal.bytes().len();
            terminal.keys(keys);
            if keys == "\x1b" {
                // With the next key right behind it, it would be the Alt of that key.
                std::thread::sleep(Duration::from_millis(150));
            }
            let said = || match plain {
                // What was said before does not count, but for what has not changed since.
                true => {
                    let new = String::from_utf8_lossy(&terminal.bytes()[before..]).into_owned();
                    new.contains(shown)
                        || (matches!(keys, "x" | "\x1b" | "\x7f") && terminal.text().contains(shown))
                        || (keys == "/!ledger\r" && new.contains("lines pass"))
                }
                false => terminal.text().contains(shown),
            };
            until(&format!("{name}: {keys:?} shows {shown:?}\n{}", terminal.text()), said);
        }
        if plain {
            let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
            assert!(!bytes.contains("\x1b[H") && !bytes.contains("\x1b[?1049h") && !bytes.contains('│'), "{bytes:?}");
        } else {
            let done = || ["+ lines pass", "+ hits"].iter().all(|part| !terminal.text().contains(part));
            until("everything is counted", done);
            std::thread::sleep(Duration::from_millis(200));
            let first = screens.first().cloned().unwrap_or_else(|| terminal.text());
            until(&format!("{name} shows the text that mono shows"), || terminal.text() == first);
            screens.push(terminal.text());
        }
        terminal.keys("q");
        assert_eq!(terminal.end(Duration::from_secs(5)), 0, "{name}");
    }
}

/// Job control is the shell's: what it finds on the terminal after each stop and end is what it had left there.
#[test]
fn a_shell_finds_its_terminal_as_it_was() {
    let (_folder, dir) = capture();
    for plain in ["", " --plain"] {
        let mut command = std::process::Command::new("/bin/bash");
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("PS1", "ready> ");
        command.args(["--norc", "--noediting", "-i"]);
        let mut shell = Terminal::start(&command, 100, 30);
        shell.wait_for("ready>");
        let before = shell.modes();
        shell.keys(&format!("{} open{plain} '{}'; echo left $?\n", env!("CARGO_BIN_EXE_logtap"), dir.display()));
        let shown = if plain.is_empty() { "REPLAY" } else { "replay, paused" };
        shell.wait_for(shown);
        until("the terminal is the view's", || shell.modes().0 != before.0);
        for _ in 0..2 {
            shell.keys("\x1a");
            shell.wait_for("Stopped");
            until("the terminal is the shell's", || shell.modes() == before);
            shell.keys("clear; fg\n");
            until("it shows again", || shell.modes().0 != before.0 && shell.text().contains(shown));
        }
        shell.keys("q");
        until("the terminal is the shell's at the end", || shell.modes() == before);
        shell.keys("echo all $((40 + 2))\n");
        shell.wait_for("all 42");
        shell.keys("exit\n");
        assert_eq!(shell.end(Duration::from_secs(5)), 0);
    }
}
