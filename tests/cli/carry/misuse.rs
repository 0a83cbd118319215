//! The misuse cases, one line each. After each of them everything that was there before is byte for byte as
//! it was, and nothing else has come.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::world::{self, Maker, contents, logtap};

/// A folder with a capture, one derived from it, an archive, foreign things and one that a receiver writes.
fn stage(root: &Path) -> Maker {
    world::capture(root);
    std::fs::rename(root.join("capture"), root.join("cap")).unwrap();
    for args in [
        vec!["slice", "cap", "--label", "app=api", "-o", "derived"],
        vec!["slice", "cap", "--label", "app=db", "-o", "noted"],
        vec!["snapshot", "cap", "-o", "cap.tar.zst"],
        vec!["export", "cap", "--format", "csv", "-o", "cap.csv"],
    ] {
        assert!(logtap().current_dir(root).args(&args).output().unwrap().status.success(), "{args:?}");
    }
    std::fs::write(root.join("noted/notes.txt"), "mine").unwrap();
    std::fs::create_dir(root.join("project")).unwrap();
    std::fs::write(root.join("project/main.rs"), "mine").unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::write(root.join("mine.txt"), "mine").unwrap();
    std::fs::write(root.join("mine.tar.zst"), "no archive").unwrap();
    symlink("cap", root.join("link")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("project", root.join("to-project")).unwrap();
    std::fs::create_dir(root.join("corrupt")).unwrap();
    std::fs::write(root.join("corrupt/metadata.json"), "{\"version\":1,").unwrap();
    let mut live = Maker::open(&root.join("live"), 60_000);
    live.write(10);
    // Its figures reach the disk by themselves, once.
    let settled = || {
        std::fs::read_to_string(root.join("live/metadata.json")).is_ok_and(|text| text.contains("\"total_lines\": 10,"))
    };
    while !settled() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    live
}

/// Arguments, exit code, and what the message has in it.
const CASES: [(&str, u8, &str); 60] = [
    ("slice cap -o cap", 2, "source"),
    ("slice cap -o cap/", 2, "source"),
    ("slice cap/ -o ./cap", 2, "source"),
    ("slice cap -o link", 2, "source"),
    ("slice link -o cap", 2, "source"),
    ("slice cap -o project/../cap", 2, "source"),
    ("slice cap -o cap/part", 2, "source"),
    ("slice link -o cap/part", 2, "source"),
    ("slice cap -o cap --force", 2, "source"),
    ("slice cap -o link --force", 2, "source"),
    ("slice cap -o cap --grep nowhere-to-be-seen", 2, "source"),
    ("slice cap -o project", 2, "exists"),
    ("slice cap -o project --force", 2, "not replaced"),
    ("slice cap -o to-project", 2, "exists"),
    ("slice cap -o to-project --grep nowhere-to-be-seen", 2, "exists"),
    ("slice cap -o derived", 2, "exists"),
    ("slice cap -o noted --force", 2, "notes.txt"),
    ("slice derived -o cap --force", 2, "a receiver wrote it"),
    ("slice cap -o mine.txt", 2, "exists"),
    ("slice cap -o mine.txt --force", 2, "exists"),
    ("slice cap -o mine.txt/part", 3, "no directory"),
    ("slice cap -o dangling", 2, "exists"),
    ("slice cap -o nowhere/part", 3, "no directory"),
    ("slice cap -o live", 5, "in use by a receiver"),
    ("slice cap -o live --force", 5, "in use by a receiver"),
    ("slice nowhere -o out", 3, "does not exist"),
    ("slice project -o out", 3, "not a capture"),
    ("slice empty -o out", 3, "not a capture"),
    ("slice corrupt -o out", 1, "damaged"),
    ("slice mine.txt -o out", 2, "no capture"),
    ("slice mine.tar.zst -o out", 2, "no archive"),
    ("slice cap -o out --from soon", 2, "soon"),
    ("slice cap -o out --from 10:40 --to 10:32", 2, "later"),
    ("slice cap -o out --grep (", 2, "pattern"),
    ("slice cap -o out --label nonsense", 2, "nonsense"),
    ("slice cap -o out --level loud", 2, "loud"),
    ("slice cap -o /proc/out", 3, "/proc"),
    ("slice cap", 2, "--out"),
    ("merge cap derived -o cap", 2, "source"),
    ("merge cap derived -o derived --force", 2, "source"),
    ("merge cap derived -o derived/x", 2, "source"),
    ("merge cap link -o out", 2, "named twice"),
    ("merge cap ./cap/ -o out", 2, "named twice"),
    ("merge cap nowhere -o out", 3, "nowhere"),
    ("merge cap project -o out", 3, "not a capture"),
    ("merge cap derived -o live", 5, "in use by a receiver"),
    ("merge cap derived -o project", 2, "exists"),
    ("export cap --format csv -o cap/x.csv", 2, "source"),
    ("export cap --format csv -o cap", 2, "source"),
    ("export cap --format csv -o mine.txt", 2, "exists"),
    ("export cap --format csv -o mine.txt --force", 2, "not replaced"),
    ("export cap --format jsonl -o cap.csv --force", 2, "not replaced"),
    ("export cap --format csv -o nowhere/x.csv", 3, "no directory"),
    ("export cap --format jsonl -o out --raw", 2, "--raw"),
    ("export cap --format xml -o out", 2, "xml"),
    ("snapshot cap -o cap/x.tar.zst", 2, "source"),
    ("snapshot cap -o mine.tar.zst --force", 2, "not replaced"),
    ("snapshot --extract cap.tar.zst -o cap", 2, "exists"),
    ("snapshot --extract mine.tar.zst -o out", 2, "not unpacked"),
    ("snapshot --extract nowhere.tar.zst -o out", 3, "nowhere"),
];

/// All files but the one that the live capture's receiver writes of its own accord.
fn staged(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = contents(root);
    files.retain(|path, _| !path.ends_with("live/metadata.json") && !path.ends_with("live/metadata.json.tmp"));
    files
}

#[test]
fn nothing_is_destroyed() {
    let temp = tempfile::tempdir().unwrap();
    let live = stage(temp.path());
    let before = staged(temp.path());
    let mut wrong = Vec::new();
    for (line, code, words) in CASES {
        let args: Vec<&str> = line.split(' ').collect();
        let output = logtap().current_dir(temp.path()).args(&args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.code() != Some(code.into()) || !said.contains(words) {
            wrong.push(format!("{line}: {:?} {said}", output.status.code()));
        }
        assert!(staged(temp.path()) == before, "{line} changed something: {said}");
    }
    assert_eq!(wrong, [""; 0]);
    live.close();
}

/// What may be replaced is, and everything else stays.
#[test]
fn force_replaces_what_can_be_made_again() {
    let temp = tempfile::tempdir().unwrap();
    let live = stage(temp.path());
    let before = staged(temp.path());
    for line in [
        "slice cap -o derived --force",
        "export cap --format csv -o cap.csv --force --level error",
        "snapshot derived -o cap.tar.zst --force",
        "slice cap -o empty",
    ] {
        let output = logtap().current_dir(temp.path()).args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut after = staged(temp.path());
    let replaced = ["derived", "cap.csv", "cap.tar.zst", "empty"].map(|name| temp.path().join(name));
    let same = |path: &PathBuf| !replaced.iter().any(|one| path.starts_with(one));
    let mut kept = before;
    kept.retain(|path, _| same(path));
    after.retain(|path, _| same(path));
    let is_other = |path: &&PathBuf| after.get(*path) != kept.get(*path);
    let changed: Vec<&PathBuf> = kept.keys().chain(after.keys()).filter(is_other).collect();
    assert_eq!(changed, [""; 0].map(Path::new));
    live.close();
}

/// A disk that is full midway: exit code 1, nothing half.
#[test]
fn a_full_disk_leaves_nothing_half() {
    let temp = tempfile::tempdir().unwrap();
    let live = stage(temp.path());
    let small = temp.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "logtap-test"])
        .arg(&small)
        .status()
        .unwrap();
    assert!(mounted.success(), "cannot mount a tmpfs, run this test as root");
    let mut wrong = Vec::new();
    for line in [
        "slice cap -o small/out",
        "merge cap derived -o small/out",
        "export cap --format csv -o small/out.csv",
        "export cap --format jsonl -o small/out.jsonl",
        "snapshot cap -o small/out.tar.zst",
        "snapshot --extract cap.tar.zst -o small/out",
    ] {
        let output = logtap().current_dir(temp.path()).args(line.split(' ')).output().unwrap();
        let left = std::fs::read_dir(&small).unwrap().count();
        if (output.status.code(), left) != (Some(1), 0) {
            wrong.push(format!(
                "{line}: {:?}, {left} left, {}",
                output.status.code(),
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    assert!(std::process::Command::new("umount").arg("-l").arg(&small).status().unwrap().success());
    assert_eq!(wrong, [""; 0]);
    live.close();
}
