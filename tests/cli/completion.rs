//! Completions in the shells that people have, and manual pages in the programs that show them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::help::commands;
use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::{ok, run};

/// What is typed before Tab, and what Tab makes of it or lists: a command, a flag, a value, a command
/// within a command.
const TYPED: [(&str, &str); 5] = [
    ("logtap tria", "logtap triage"),
    ("logtap recv --on-f", "logtap recv --on-full"),
    ("logtap recv --on-full re", "logtap recv --on-full retry"),
    ("logtap export --format cs", "logtap export --format csv"),
    ("logtap config vali", "logtap config validate"),
];

/// A shell with the binary on its path and `set_up` run in it.
fn shell(program: &str, args: &[&str], set_up: &str) -> (tempfile::TempDir, Terminal) {
    assert!(Path::new(program).exists(), "tests/run tools installs {program}");
    let home = tempfile::tempdir().unwrap();
    let beside = Path::new(env!("CARGO_BIN_EXE_logtap")).parent().unwrap();
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:/usr/bin:/bin", beside.display())).env("HOME", home.path());
    command.env("TERM", "xterm").env("PS1", "ready> ").args(args);
    let mut terminal = Terminal::start(&command, 120, 40);
    terminal.wait_for("ready>");
    terminal.keys(&format!("{set_up} && clear && echo set $((40 + 2))\n"));
    terminal.wait_for("set 42");
    (home, terminal)
}

fn types(mut terminal: Terminal, clear: &str) {
    for (typed, completed) in TYPED {
        terminal.keys(clear);
        terminal.keys(typed);
        until(&format!("{typed:?} is there"), || terminal.text().contains(typed));
        terminal.keys("\t");
        until(&format!("{typed:?} becomes {completed:?}\n{}", terminal.text()), || terminal.text().contains(completed));
    }
    // Two Tabs list what there is.
    terminal.keys(clear);
    terminal.keys("logtap tap --no-\t\t");
    until("all of them are listed", || {
        let text = terminal.text();
        ["--no-rollback", "--no-probe", "--no-wait"].iter().all(|flag| text.contains(flag))
    });
    terminal.keys(&format!("{clear}exit\n"));
    terminal.end(Duration::from_secs(5));
}

#[test]
fn bash_completes() {
    let set_up = ". /usr/share/bash-completion/bash_completion && source <(logtap completion bash)";
    let (_home, terminal) = shell("/usr/bin/bash", &["--norc", "-i"], set_up);
    types(terminal, "\x15\x0c");
}

#[test]
fn zsh_completes() {
    let set_up = "autoload -Uz compinit && compinit -u -D && source <(logtap completion zsh)";
    let (_home, terminal) = shell("/usr/bin/zsh", &["-f", "-i"], set_up);
    types(terminal, "\x15\x0c");
}

/// fish tells what it would offer.
#[test]
fn fish_completes() {
    assert!(Path::new("/usr/bin/fish").exists(), "tests/run tools installs fish");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/fish/completions");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("logtap.fish"), ok(&["completion", "fish"])).unwrap();
    let offered = |typed: &str| {
        let beside = Path::new(env!("CARGO_BIN_EXE_logtap")).parent().unwrap();
        let mut fish = Command::new("/usr/bin/fish");
        fish.env_clear().env("HOME", home.path()).env("PATH", format!("{}:/usr/bin:/bin", beside.display()));
        let output = fish.args(["-c", &format!("complete -C '{typed}'")]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (typed, completed) in TYPED {
        let word = completed.split(' ').next_back().unwrap();
        assert_eq!(offered(typed), [word], "{typed}");
    }
    let all = offered("logtap ");
    assert!(commands().iter().all(|name| all.contains(name)), "{all:?}");
    assert_eq!(offered("logtap tap --no-").len(), 3);
}

#[test]
fn every_shell_gets_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = ok(&["completion", shell]);
        for name in commands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
        assert!(script.contains("on-full") && script.contains("allowed-signers"), "{shell}");
        for hidden in ["usual-namespace", "own-session", "clock-correct", "pin-images"] {
            assert!(!script.contains(hidden), "{shell} offers {hidden}, which the help does not show");
        }
    }
    assert_eq!(run(&["completion", "tcsh"]).code, 2);
}

#[test]
fn every_manual_page_is_accepted_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    ok(&["man", "--out", folder.path().to_str().unwrap()]);
    let mut wanted: Vec<String> = commands().iter().map(|name| format!("logtap-{name}.1")).collect();
    wanted.extend(
        ["logtap", "logtap-config-get", "logtap-config-path", "logtap-config-validate"].map(|n| format!("{n}.1")),
    );
    let mut pages: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    wanted.sort();
    pages.sort();
    assert_eq!(pages, wanted);
    for (program, args) in [("groff", &["-man", "-Tutf8", "-z", "-ww"][..]), ("mandoc", &["-Tlint", "-Werror"])] {
        let output = Command::new(program).args(args).args(&pages).current_dir(folder.path()).output();
        let output = output.unwrap_or_else(|_| panic!("tests/run tools installs {program}"));
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success() && said.is_empty(), "{program}: {said}");
    }
    // As a person reads them.
    let mut man = Command::new("man");
    man.env_clear().env("PATH", "/usr/bin:/bin").env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8");
    let shown = man.args(["--warnings", "-l"]).arg(folder.path().join("logtap-grep.1")).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("NAME\n") && text.contains("logtap-grep - Search messages"), "{text}");
    assert_eq!(String::from_utf8(shown.stderr).unwrap(), "");
    assert_eq!(ok(&["man", "grep"]).as_bytes(), std::fs::read(folder.path().join("logtap-grep.1")).unwrap());
    assert!(ok(&["man", "config", "get"]).contains("logtap\\-config\\-get"));
    assert_eq!(run(&["man", "nonsense"]).code, 2);
}
