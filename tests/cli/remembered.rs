//! What `open` keeps of a capture for the next time: the view that was left and its marks, in the state
//! directory and nowhere else.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::terminal::Terminal;
use crate::world::{capture, logtap};

/// Opens the capture, types keys, leaves it; what was on the screen before it was left.
fn look(state: &Path, dir: &Path, flags: &[&str], keys: &[&str]) -> String {
    let mut command: Command = logtap();
    command.env("TERM", "xterm-256color").env("XDG_STATE_HOME", state).arg("open").arg(dir).args(flags);
    let mut terminal = Terminal::start(&command, 120, 30);
    terminal.wait_for("REPLAY");
    for keys in keys {
        terminal.keys(keys);
        std::thread::sleep(Duration::from_millis(250));
    }
    std::thread::sleep(Duration::from_millis(250));
    let text = terminal.text();
    terminal.keys("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
    text
}

/// The rows of lines, without head and foot.
fn rows(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).filter(|row| row.contains("line ")).collect()
}

fn listing(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap_or_default())).collect();
    all.sort();
    all
}

#[test]
fn a_view_that_was_left_is_shown_again_and_says_so() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = capture(folder.path());
    let before = listing(&dir);
    let left = look(state.path(), &dir, &[], &["5j", "ma", "3j", "/line\r"]);
    let again = look(state.path(), &dir, &[], &[]);
    assert!(again.contains("as it was left"), "{again}");
    assert!(!rows(&left).is_empty());
    assert_eq!(rows(&again), rows(&left));
    let fresh = look(state.path(), &dir, &["--fresh"], &[]);
    assert!(!fresh.contains("as it was left"), "{fresh}");
    let flagged = look(state.path(), &dir, &["--level=error"], &[]);
    assert!(!flagged.contains("as it was left"), "flags are a view of their own: {flagged}");
    assert_eq!(listing(&dir), before, "nothing is written into the capture");
}

#[test]
fn marks_lead_to_their_lines_in_the_next_view() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = capture(folder.path());
    let cursor = |flags: &[&str], keys: &[&str]| look(state.path(), &dir, flags, keys);
    let marked = cursor(&["--detail"], &["7j", "mx"]);
    let back = cursor(&["--fresh", "--detail"], &["gg", "'x"]);
    let detail = |text: &str| text.lines().filter(|row| row.contains(" = ")).map(str::to_owned).collect::<Vec<_>>();
    assert!(!detail(&marked).is_empty(), "{marked}");
    assert_eq!(detail(&back), detail(&marked));
    let none = cursor(&["--fresh"], &["'y"]);
    assert!(none.contains("no mark y"), "{none}");
}

#[test]
fn what_is_kept_is_the_users_own_and_damage_to_it_costs_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = capture(folder.path());
    look(state.path(), &dir, &[], &["5j"]);
    let views = state.path().join("logtap/views");
    let kept = std::fs::read_dir(&views).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&views).unwrap().permissions().mode() & 0o777, 0o700);
    for damage in
        ["", "{", "{\"version\":2,\"view\":[],\"marks\":{}}", "{\"version\":1,\"view\":[\"--nonsense\"],\"marks\":{}}"]
    {
        std::fs::write(&kept, damage).unwrap();
        let text = look(state.path(), &dir, &[], &[]);
        assert!(!text.contains("as it was left"), "{damage}: {text}");
    }
    std::fs::remove_dir_all(state.path().join("logtap")).unwrap();
    std::fs::write(state.path().join("logtap"), "in the way").unwrap();
    look(state.path(), &dir, &[], &["j"]);
}
