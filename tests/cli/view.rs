//! `open` and `recv` on a terminal: what is shown, how they end, and that nothing is lost for it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use logtap_testkit::capture::Capture;
use logtap_testkit::client::LokiClient;

use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::{Outcome, capture, logtap};

fn open(dir: &Path) -> Command {
    let mut command = logtap();
    command.env("TERM", "xterm-256color").arg("open").arg(dir);
    command
}

fn sample() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = capture(folder.path());
    (folder, dir)
}

/// A receiver with its view; the state directory is the folder's.
fn recv(folder: &Path, columns: u16, rows: u16) -> (Terminal, std::net::SocketAddr) {
    let mut command = logtap();
    command.env("TERM", "xterm-256color").env("XDG_STATE_HOME", folder.join("state"));
    command.args(["recv", "--listen", "127.0.0.1:0", "--dir"]).arg(folder.join("run"));
    let terminal = Terminal::start(&command, columns, rows);
    terminal.wait_for("on http://127.0.0.1:");
    let text = terminal.text();
    let port = text.split("127.0.0.1:").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect::<String>();
    (terminal, format!("127.0.0.1:{port}").parse().unwrap())
}

fn push(client: &mut LokiClient, n: usize) {
    let body = format!(
        r#"{{"streams":[{{"stream":{{"app":"api"}},"values":[["17900000000000{n:05}","level=info line {n}"]]}}]}}"#
    );
    let response = client.post("/loki/api/v1/push", &[("content-type", "application/json")], body.as_bytes()).unwrap();
    assert_eq!(response.status, 204);
}

fn stop(dir: &Path) -> Outcome {
    logtap().args(["recv", "--stop"]).arg(dir).output().unwrap().into()
}

fn lines(dir: &Path) -> usize {
    Capture::read(dir).unwrap().records.len()
}

#[test]
fn a_finished_capture_is_shown_and_left_without_a_trace() {
    let (_folder, dir) = sample();
    for (columns, rows) in [(200, 60), (80, 24), (40, 10)] {
        let mut command = open(&dir);
        command.arg("--level=info");
        let mut terminal = Terminal::start(&command, columns, rows);
        terminal.wait_for("REPLAY");
        terminal.keys("?");
        terminal.wait_for("next line");
        terminal.keys("x");
        terminal.keys(":");
        terminal.keys("\u{1b}");
        std::thread::sleep(Duration::from_millis(150));
        let before = terminal.written();
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(terminal.written(), before, "a paused replay draws nothing");
        // At the first line already: nothing to change, and an answer all the same.
        terminal.keys("k");
        until("the key is answered", || terminal.written() > before);
        assert_eq!(terminal.bytes()[before..], *b"\x1b[?2026h\x1b[?2026l");
        terminal.keys("q");
        assert_eq!(terminal.end(Duration::from_secs(5)), 0);
        let (_, alternate, hidden, paste, mouse) = terminal.modes();
        assert!(!alternate && !hidden && !paste && !mouse);
    }
}

#[test]
fn modes_are_given_back_however_it_ends() {
    let (_folder, dir) = sample();
    for signal in ["TERM", "INT", "HUP", "key"] {
        let mut terminal = Terminal::start(&open(&dir), 80, 24);
        terminal.wait_for("REPLAY");
        let raw = terminal.modes();
        assert!(raw.1 && raw.2 && raw.3 && !raw.4, "{raw:?}");
        terminal.keys("\u{1b}OQ");
        until("it has the mouse", || terminal.modes().4);
        if signal == "key" {
            terminal.keys("\u{3}");
        } else {
            Command::new("kill").args(["-s", signal, &terminal.pid().to_string()]).status().unwrap();
        }
        assert_eq!(terminal.end(Duration::from_secs(5)), 0, "{signal}");
        let fresh = Terminal::start(
            &{
                let mut one = Command::new("true");
                one.env("PATH", "/usr/bin:/bin");
                one
            },
            80,
            24,
        );
        assert_eq!(terminal.modes(), fresh.modes(), "{signal}");
    }
}

#[test]
fn a_suspended_view_comes_back() {
    let (_folder, dir) = sample();
    let mut terminal = Terminal::start(&open(&dir), 80, 24);
    terminal.wait_for("REPLAY");
    terminal.keys("\u{1b}OQ");
    until("it has the mouse", || terminal.modes().4);
    terminal.keys("\u{1a}");
    let state = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let pid = terminal.pid();
    until("it is stopped", || state(pid).contains(") T "));
    until("screen and mouse are left", || !terminal.modes().1 && !terminal.modes().4);
    Command::new("kill").args(["-s", "CONT", &pid.to_string()]).status().unwrap();
    until("it shows again", || terminal.modes().1 && terminal.modes().4 && terminal.text().contains("REPLAY"));
    terminal.keys("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
}

#[test]
fn without_a_terminal_it_says_what_else_reads() {
    let (_folder, dir) = sample();
    let outcome: Outcome = open(&dir).output().unwrap().into();
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("logtap grep"), "{}", outcome.err);
    let nowhere: Outcome = open(&dir.join("nowhere")).output().unwrap().into();
    assert_eq!(nowhere.code, 3);
}

#[test]
fn a_receiver_is_seen_left_found_again_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let (mut terminal, address) = recv(folder.path(), 120, 40);
    let mut client = LokiClient::new(address);
    (0..50).for_each(|n| push(&mut client, n));
    terminal.wait_for("line 49");
    terminal.wait_for("50 lines");
    terminal.keys("q");
    terminal.wait_for("detach");
    terminal.keys("d");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    assert!(terminal.text().contains("receiving goes on"));
    (50..80).for_each(|n| push(&mut client, n));
    let mut again = Terminal::start(&open(&dir), 120, 40);
    again.wait_for("line 79");
    again.wait_for("80 lines");
    again.keys("q");
    again.wait_for("stop receiving");
    again.keys("s");
    assert_eq!(again.end(Duration::from_secs(15)), 0);
    assert_eq!(lines(&dir), 80);
    let text = std::fs::read_to_string(dir.join("metadata.json")).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(metadata["total_lines"], 80, "the number that was on the screen");
    assert_eq!(stop(&dir).code, 3, "nobody writes to it any more");
    assert_eq!(stop(&folder.path().join("nowhere")).code, 3);
}

#[test]
fn whatever_becomes_of_the_view_no_line_is_lost() {
    for fate in ["HUP", "KILL", "STOP", "unread"] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let (mut terminal, address) = recv(folder.path(), 80, 24);
        let mut client = LokiClient::new(address);
        (0..20).for_each(|n| push(&mut client, n));
        if fate == "unread" {
            terminal.set_reading(false);
        } else {
            Command::new("kill").args(["-s", fate, &terminal.pid().to_string()]).status().unwrap();
        }
        for n in 20..600 {
            push(&mut client, n);
        }
        let begun = std::time::Instant::now();
        let outcome = stop(&dir);
        assert_eq!(outcome.code, 0, "{fate}: {}", outcome.err);
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(lines(&dir), 600, "{fate}");
        if fate == "unread" {
            assert_eq!(terminal.end(Duration::from_secs(5)), 0, "an unread terminal keeps nobody from ending");
        }
    }
}

#[test]
fn signals_to_the_view_stop_the_receiver() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut terminal, address) = recv(folder.path(), 80, 24);
        let mut client = LokiClient::new(address);
        (0..20).for_each(|n| push(&mut client, n));
        Command::new("kill").args(["-s", signal, &terminal.pid().to_string()]).status().unwrap();
        assert_eq!(terminal.end(Duration::from_secs(15)), 0);
        assert!(terminal.text().contains("received 20 lines"), "{}", terminal.text());
        assert_eq!(lines(&folder.path().join("run")), 20);
    }
}

#[test]
fn a_receiver_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = logtap();
    command.env("TERM", "xterm").env("XDG_STATE_HOME", folder.path().join("state"));
    command.args(["recv", "--dir"]).arg(folder.path().join("run"));
    command.args(["--listen", &taken.local_addr().unwrap().to_string()]);
    let mut terminal = Terminal::start(&command, 100, 24);
    assert_eq!(terminal.end(Duration::from_secs(10)), 5);
    assert!(terminal.text().contains("cannot listen on"), "{}", terminal.text());
}
