//! `kill -9` before every single call by which `sign` and `gc` change the file system; strace strikes.
//!
//! What was there before stays as it was, nothing half done passes for done, and a second run ends what the
//! first began.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Calls that change a file system, and those around them.
const CALLS: [&str; 15] = [
    "fallocate",
    "fchmod",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "pwrite64",
    "rename",
    "renameat2",
    "rmdir",
    "unlink",
    "unlinkat",
    "write",
];

/// Files by their names below a directory.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(dir: &Path) -> Files {
    let mut all = Files::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            all.extend(files(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes)));
        } else if name.as_os_str() != logtap_capture::name::LOCK {
            all.insert(name, fs::read(&path).unwrap());
        }
    }
    all
}

fn logtap(words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logtap"));
    let done = command.args(words).env("HOME", "/nonexistent").stdin(Stdio::null()).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Runs logtap under strace; true if it ended well.
fn traced(options: &[&str], words: &[&str]) -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_logtap")).args(words);
    command.env("HOME", "/nonexistent").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("strace is installed (tests/run tools)").success()
}

/// Kills a command at each of its steps, in a world made anew, and looks at what is left. Returns the kills.
fn at_each_step(make: impl Fn() -> TempDir, words: impl Fn(&Path) -> Vec<String>, look: impl Fn(&Path, &str)) -> usize {
    let run = |options: &[&str], world: &Path| {
        let words = words(world);
        traced(options, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (rehearsal, log) = (make(), tempfile::NamedTempFile::new().unwrap());
    let trace = format!("trace={}", CALLS.join(","));
    assert!(run(&["-o", log.path().to_str().unwrap(), "-e", &trace], rehearsal.path()), "it works without a kill");
    let log = fs::read_to_string(log.path()).unwrap();
    let mut kills = 0;
    for call in CALLS.iter().filter(|call| log.contains(&format!(" {call}("))) {
        for step in 1.. {
            let world = make();
            let strike = format!("inject={call}:signal=KILL:when={step}");
            if run(&["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &strike], world.path()) {
                break;
            }
            kills += 1;
            look(world.path(), &format!("{call} {step}"));
        }
    }
    kills
}

fn wanted() -> bool {
    let none = std::env::var("LOGTAP_KILLS").is_ok_and(|kills| kills == "0");
    if none {
        println!("NOT RUN: LOGTAP_KILLS is 0");
    }
    !none
}

fn capture(dir: &Path, stopped: &str) {
    fs::create_dir_all(dir).unwrap();
    for n in 0..3 {
        let line = format!("{{\"ts\":\"2026-01-20T10:00:0{n}Z\",\"labels\":{{\"app\":\"a\"}},\"msg\":\"line {n}\"}}\n");
        fs::write(dir.join(format!("2026-01-20T10000{n}-000.jsonl")), line).unwrap();
    }
    let metadata = format!(
        r#"{{"version":1,"format":"jsonl","started":"2026-01-20T10:00:00Z","stopped":"{stopped}","total_lines":3}}"#
    );
    fs::write(dir.join("metadata.json"), metadata).unwrap();
}

/// A capture, and for each of two people a key and a file that lets them alone sign.
fn signers() -> TempDir {
    let world = TempDir::new().unwrap();
    capture(&world.path().join("capture"), "2026-01-20T11:00:00Z");
    for who in ["me", "other"] {
        let key = world.path().join(who);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        fs::write(world.path().join(format!("{who}.allowed")), format!("{who}@example.com {public}")).unwrap();
    }
    world
}

fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().unwrap();
    for (name, bytes) in files(from) {
        fs::create_dir_all(to.path().join(&name).parent().unwrap()).unwrap();
        fs::write(to.path().join(&name), bytes).unwrap();
    }
    for key in ["me", "other"].map(|who| to.path().join(who)) {
        use std::os::unix::fs::PermissionsExt as _;
        if key.exists() {
            fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    to
}

fn sign(world: &Path, who: &str, more: &[&str]) -> Vec<String> {
    let (dir, key) = (world.join("capture"), world.join(who));
    let words = ["sign", dir.to_str().unwrap(), "--key", key.to_str().unwrap()];
    words.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn verifies(world: &Path, who: &str) -> bool {
    let (dir, allowed) = (world.join("capture"), world.join(format!("{who}.allowed")));
    logtap(&["verify", dir.to_str().unwrap(), "--allowed-signers", allowed.to_str().unwrap()]).0 == 0
}

fn again(words: &[String]) -> (i32, String) {
    logtap(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn sign_killed_at_every_step() {
    if !wanted() {
        return;
    }
    let fresh = signers();
    let before = files(&fresh.path().join("capture"));
    let done = copy(fresh.path());
    assert_eq!(again(&sign(done.path(), "me", &[])).0, 0);
    let whole = files(&done.path().join("capture"));
    let by_other = copy(fresh.path());
    assert_eq!(again(&sign(by_other.path(), "other", &[])).0, 0);
    let others = files(&by_other.path().join("capture"));
    for (start, more) in [(fresh.path(), &[][..]), (by_other.path(), &["--force"])] {
        let look = |world: &Path, at: &str| {
            let left = files(&world.join("capture"));
            for (name, bytes) in &before {
                assert!(left.get(name) == Some(bytes), "{at}: {} has changed", name.display());
            }
            assert!(!verifies(world, "me") || left == whole, "{at}: half signed, and verifies: {:?}", left.keys());
            assert!(!verifies(world, "other") || left == others, "{at}: the old signature holds for something else");
            let (code, said) = again(&sign(world, "me", more));
            assert!(code == 0 || (code == 2 && left == whole), "{at}: a second run ends with {code}: {said}");
            assert!(verifies(world, "me"), "{at}: the second run does not verify");
            assert!(files(&world.join("capture")) == whole, "{at}: something is left over");
        };
        let kills = at_each_step(|| copy(start), |world| sign(world, "me", more), look);
        println!("sign {more:?}: {kills} kills");
        assert!(kills > 10);
    }
}

#[test]
fn gc_killed_at_every_step() {
    if !wanted() {
        return;
    }
    let before = TempDir::new().unwrap();
    for (name, stopped) in
        [("old", "2026-02-01T00:00:00Z"), ("older", "2026-01-21T00:00:00Z"), ("new", "2199-01-01T00:00:00Z")]
    {
        capture(&before.path().join(name), stopped);
    }
    let whole = files(before.path());
    let words = |world: &Path| ["gc", world.to_str().unwrap(), "--max-age", "7d"].map(str::to_owned).to_vec();
    let look = |world: &Path, at: &str| {
        let left = files(world);
        for name in ["old", "older", "new"] {
            let of = |files: &Files| files.iter().filter(|(path, _)| path.starts_with(name)).count();
            let is_whole = whole
                .iter()
                .filter(|(path, _)| path.starts_with(name))
                .all(|(path, bytes)| left.get(path) == Some(bytes));
            assert!(
                is_whole || (name != "new" && of(&left) == 0 && !world.join(name).exists()),
                "{at}: {name} is half there"
            );
        }
        let (code, said) = again(&words(world));
        assert_eq!(code, 0, "{at}: {said}");
        let left: Vec<_> = fs::read_dir(world).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["new"], "{at}: a second run leaves more");
    };
    let kills = at_each_step(|| copy(before.path()), words, look);
    println!("gc: {kills} kills");
    assert!(kills > 10);
}
