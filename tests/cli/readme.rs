//! Whoever comes from 1.x types what its README printed: each of those lines, through a shell, in a
//! directory with what it names.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use logtap_testkit::capture::Capture;
use logtap_testkit::process::Recv;
use logtap_testkit::readme::{LINES, Needs, OTHERWISE, SUBSTITUTIONS};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::recv::hook::Hook;
use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::Outcome;

/// What the README's curl sends, and one line with personal data.
const PUSHED: &str = r#"{"streams":[{"stream":{"app":"test"},"values":[["1234567890000000000","hello world"],["1234567890000000001","mail ann@example.com from 10.1.2.3, order ORD-77"]]}]}"#;

/// A directory with all that the lines name.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["capture", "before", "after", "baseline", "current", "a", "b"] {
            write(&folder.path().join(name), matches!(name, "after" | "current"));
        }
        std::fs::write(
            folder.path().join("patterns.yaml"),
            "- name: order\n  pattern: 'ORD-\\d+'\n  replacement: '[order]'\n",
        )
        .unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The line as a shell runs it.
    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        let beside = Path::new(env!("CARGO_BIN_EXE_logtap")).parent().unwrap();
        shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", beside.display())).env("TERM", "xterm-256color");
        shell.env("LOGTAP_RECV_ADDR", "127.0.0.1:0").env("HOME", self.folder.path());
        shell.current_dir(self.folder.path()).arg("-c").arg(line);
        shell
    }

    fn run(&self, line: &str) -> Outcome {
        self.shell(line).output().unwrap().into()
    }

    /// Runs a line that succeeds and prints JSON.
    fn json(&self, line: &str) -> Value {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{line}: {}", ran.out))
    }
}

/// Twenty minutes of three apps; broken ones fail at 10:40.
fn write(dir: &Path, broken: bool) {
    std::fs::create_dir(dir).unwrap();
    let mut lines = String::new();
    for second in 0..1200_usize {
        let (minute, app) = (30 + second / 60, ["gateway", "worker", "web"][second % 3]);
        let text = match second {
            300 => "order ORD-12345 accepted",
            301 => "order ORD-12345 tracking-id-abc123 sent",
            302 => "error: timeout of tracking-id-abc123",
            400 => "container OOMKilled",
            403 | 406 => "OOMKilled again",
            500 => "panic: index out of range",
            600..720 if broken && second % 2 == 0 => "level=error panic: connection refused by db",
            _ => "level=info request served",
        };
        lines += &format!(
            "{{\"ts\":\"2026-01-15T10:{minute:02}:{:02}.000000000Z\",\"labels\":{{\"app\":\"{app}\",\"pod\":\"{app}-0\"}},\"msg\":\"{text}\"}}\n",
            second % 60
        );
    }
    std::fs::write(dir.join("2026-01-15T103000-000.jsonl"), lines).unwrap();
    let metadata = r#"{"version":1,"format":"jsonl","started":"2026-01-15T10:30:00Z","stopped":"2026-01-15T10:50:00Z","total_lines":1200}"#;
    std::fs::write(dir.join("metadata.json"), metadata).unwrap();
}

/// Runs a receiver as the line says, sends what the README's curl sends, and gives back what was stored.
fn received(desk: &Desk, line: &str, scheme: &str) -> Vec<String> {
    std::fs::remove_dir_all(desk.path("capture")).unwrap();
    let mut recv = Recv::spawn(desk.shell(&format!("exec {line}"))).unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "-X", "POST", "-H", "Content-Type: application/json", "-d", PUSHED]);
    curl.arg("--cacert").arg(desk.path("cert.pem"));
    let sent = curl.arg(format!("{scheme}://localhost:{}/loki/api/v1/push", recv.addr().port())).output().unwrap();
    assert!(sent.status.success(), "{line}: {}", String::from_utf8_lossy(&sent.stderr));
    assert!(recv.stop(Duration::from_secs(30)).unwrap().success(), "{line}: {}", recv.stderr());
    Capture::read(&desk.path("capture")).unwrap().records.into_iter().map(|record| record.msg).collect()
}

/// What the view shows, after which `q` ends it.
fn shown(desk: &Desk, line: &str, wanted: impl Fn(&str) -> bool) {
    let mut terminal =
        Terminal::start(&desk.shell(&format!("cd {} && exec {line}", desk.folder.path().display())), 120, 30);
    until(&format!("{line} shows it"), || wanted(&terminal.text()));
    terminal.keys("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0, "{line}");
}

fn recv_line(desk: &Desk, line: &str) {
    let hook = Hook::start(&[]);
    let typed = line.replace("--listen :3100", "--listen 127.0.0.1:0").replace("http://hook", &hook.url());
    let stored = received(desk, &typed, if line.contains("--tls-cert") { "https" } else { "http" });
    assert_eq!(stored[0], "hello world", "{line}");
    let redacted = match line.split_once("--redact") {
        None => "mail ann@example.com from 10.1.2.3, order ORD-77",
        Some((_, rest)) if rest.starts_with("=email,jwt") => "mail [REDACTED:email] from 10.1.2.3, order ORD-77",
        Some((_, rest)) if rest.contains("patterns.yaml") => "mail [REDACTED:email] from [REDACTED:ip], order [order]",
        Some(_) => "mail [REDACTED:email] from [REDACTED:ip], order ORD-77",
    };
    assert_eq!(stored[1], redacted, "{line}");
    if line.contains("http://hook") {
        let events = hook.events();
        assert!(events.starts_with(&["start".to_owned()]) && events.ends_with(&["stop".to_owned()]), "{events:?}");
        let first = &hook.posted()[0];
        match line.contains("bearer:") {
            true => assert_eq!(first.header("authorization"), Some("Bearer my-token")),
            false => assert!(first.header("x-logtap-signature").is_some_and(|one| one.starts_with("sha256="))),
        }
    }
}

/// Runs the line and looks for what the README promises of it; false if nobody knows what that is.
fn is_checked(desk: &Desk, line: &str) -> bool {
    let typed = line.replace("<dir>", "./capture").replace("<pattern>", "error");
    let ran = || desk.run(&typed);
    let count = |text: &str, what: &str| text.lines().filter(|line| line.contains(what)).count();
    match line {
        _ if line.starts_with("logtap recv") => recv_line(desk, line),
        "logtap version" => assert!(ran().out.starts_with("logtap 2.")),
        "logtap open ./capture" => shown(desk, line, |text| text.contains("REPLAY") && text.contains("request served")),
        "logtap open ./capture --speed 10x" => shown(desk, line, |text| text.contains("10x")),
        "logtap open ./capture --from 10:32 --to 10:45 --label app=gateway" => {
            shown(desk, line, |text| {
                text.contains("261 lines pass")
                    && text.lines().filter(|row| row.contains("INFO")).all(|row| row.contains("gateway"))
            });
        }
        "logtap inspect <dir> --json" => {
            let found = desk.json(&typed);
            assert_eq!((&found["total_lines"], &found["files"]), (&1200.into(), &1.into()));
            assert!(found["labels"]["app"].is_array() && !found["timeline"].as_array().unwrap().is_empty());
        }
        "logtap triage <dir> --json" => {
            let found: Value = serde_json::from_str(&ran().out).unwrap();
            assert!(found["changes"].is_array() && found["verdict"].is_string());
            let broken = desk.run("logtap triage ./current --json");
            assert_eq!(broken.code, 6);
            assert!(broken.out.contains("\"severity\":\"error\""));
        }
        "logtap grep <pattern> <dir> --format text" => {
            assert!(ran().out.contains("2026-01-15T10:35:02.000Z [web/web-0] error: timeout"), "{}", ran().out);
        }
        "logtap inspect ./capture" => assert!(ran().out.contains("1200") || ran().out.contains("1,200")),
        "logtap triage ./capture --out ./triage" | "logtap triage ./capture --out ./triage --jobs 8" => {
            assert!([0, 6].contains(&ran().code));
            for name in ["summary.md", "timeline.csv", "top_errors.txt", "top_talkers.txt", "windows.json"] {
                assert!(desk.path("triage").join(name).is_file(), "{line}: {name}");
            }
        }
        "logtap watch <dir>" => assert_eq!(ran().out.lines().count(), 10),
        "logtap catalog" => assert_eq!(count(&ran().out, "2026-01-15T10:30:00Z"), 7, "{}", ran().out),
        "logtap report <dir>" => assert!(ran().out.starts_with("<!doctype html>"), "{}", &ran().out[..80]),
        "logtap export ./capture --format parquet --out capture.parquet" => {
            let ran = ran();
            if cfg!(feature = "parquet") {
                assert!(ran.code == 0 && std::fs::read(desk.path("capture.parquet")).unwrap().starts_with(b"PAR1"));
            } else {
                assert!(ran.code == 2 && ran.err.contains("parquet"), "{}", ran.err);
            }
        }
        "logtap export ./capture --format csv --grep \"error|timeout\" --out errors.csv" => {
            assert_eq!(ran().code, 0);
            let csv = std::fs::read_to_string(desk.path("errors.csv")).unwrap();
            assert_eq!((csv.lines().count(), count(&csv, "tracking-id-abc123")), (2, 1), "{csv}");
        }
        "logtap grep \"error|timeout\" ./capture" => assert_eq!(ran().out.lines().count(), 1),
        "logtap grep \"ORD-12345\" ./capture --format text" => assert_eq!(count(&ran().out, "ORD-12345"), 2),
        "logtap grep \"tracking-id-abc123\" ./capture --sort" => {
            let out = ran().out;
            assert!(out.lines().count() == 2 && out.find("10:35:01") < out.find("10:35:02"), "{out}");
            let json = desk.run(&format!("{typed} --json")).out;
            assert!(json.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && json.lines().count() == 2);
        }
        "logtap grep \"OOMKilled\" ./capture --label app=worker --count" => {
            assert_eq!(ran().out, "./capture/2026-01-15T103000-000.jsonl:3\n");
        }
        "logtap grep \"panic\" ./capture -C 3" => assert_eq!(ran().out.lines().count(), 7),
        "logtap diff ./before ./after --json" | "logtap diff ./baseline ./current --baseline --json" => {
            assert_eq!(desk.json(&typed)["verdict"], "regression");
        }
        "logtap slice ./capture --label app=web --out ./slice --json" => assert_eq!(desk.json(&typed)["lines"], 400),
        "logtap merge ./a ./b --out ./merged --json" => assert_eq!(desk.json(&typed)["lines"], 2400),
        "logtap snapshot ./capture --output capture.tar.zst --json" => {
            assert_eq!(desk.json(&typed)["operation"], "pack");
            assert_eq!(desk.run("logtap grep ORD-12345 capture.tar.zst").out.lines().count(), 2);
        }
        _ => return false,
    }
    true
}

#[test]
fn lines_of_1_x_do_what_they_promised() {
    let here: Vec<&str> = LINES.iter().filter(|(_, needs)| *needs == Needs::Nothing).map(|(line, _)| *line).collect();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for part in here.chunks(here.len().div_ceil(cores)) {
            scope.spawn(move || {
                for line in part {
                    assert!(is_checked(&Desk::new(), line), "nobody knows what {line:?} is to do");
                }
            });
        }
    });
}

#[test]
fn the_table_says_what_is_not_as_printed() {
    let lines: BTreeSet<&str> = LINES.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines.len(), LINES.len(), "each once");
    assert!(OTHERWISE.iter().all(|(line, _)| lines.contains(line)));
    let stand_in = |name: &str| lines.iter().any(|line| line.contains(name)) || name.contains("3100");
    assert!(SUBSTITUTIONS.iter().all(|(name, _)| stand_in(name)));
}

/// Flags of 1.x that its README does not show.
#[test]
fn other_flags_of_1_x() {
    let desk = Desk::new();
    for (line, code) in [
        ("logtap diff baseline current --baseline --ci --fail-on regression --json", 6),
        ("logtap diff baseline before --baseline --ci", 0),
        ("logtap slice capture --label app=web,pod=web-0 --out both --json", 0),
        ("logtap slice capture --label app=web --label pod=worker-0 --out none --json", 0),
    ] {
        let ran = desk.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.err);
    }
    let lines = |name: &str| Capture::read(&desk.path(name)).unwrap().records.len();
    assert_eq!((lines("both"), lines("none")), (400, 0));
    assert_eq!(
        desk.run("logtap grep -c '' capture --label 'app=web,pod=worker-0'").out,
        "capture/2026-01-15T103000-000.jsonl:0\n"
    );
    let refused = desk.run("logtap merge a b --out m --clock-correct");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--clock-correct is gone") && !desk.path("m").exists(), "{}", refused.err);
}
