//! What goes, what stays, and what an interruption leaves.

use std::os::unix::fs::symlink;

use super::*;

/// A capture with a file of each kind.
fn capture(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    let metadata =
        r#"{"version":1,"format":"jsonl","started":"2026-01-15T10:00:00Z","stopped":"2026-01-15T11:00:00Z"}"#;
    fs::write(dir.join(name::METADATA), metadata).unwrap();
    for name in [
        "2026-01-15T100000-000.jsonl.zst",
        "2026-01-15T100000-001.jsonl.zst.tmp",
        "index.jsonl",
        "audit.jsonl",
        "audit-m001.jsonl",
        "SHA256SUMS",
        "statement.json",
        "statement.json.sig",
        "statement.json.minisig",
        "statement.json.sigstore.json",
        "manifest.sha256",
    ] {
        fs::write(dir.join(name), "12345").unwrap();
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_capture_goes_with_all_that_is_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    capture(&dir);
    let found = Discardable::look(&dir).unwrap();
    assert_eq!(found.last, crate::time::parse(b"2026-01-15T11:00:00Z").unwrap());
    assert_eq!(found.size, 55 + fs::metadata(dir.join(name::METADATA)).unwrap().len());
    found.discard().unwrap();
    assert_eq!(names(temp.path()), [""; 0]);
}

#[test]
fn what_is_not_the_captures_keeps_it() {
    for foreign in ["notes.txt", "2026-01-15T100000-000.jsonl.zst.bak", "metadata.json.old", ".hidden"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("run");
        capture(&dir);
        fs::write(dir.join(foreign), "").unwrap();
        let before = names(&dir);
        assert!(matches!(Discardable::look(&dir), Err(Kept::Foreign { file, .. }) if file == foreign), "{foreign}");
        // The same when it comes after the look.
        fs::remove_file(dir.join(foreign)).unwrap();
        let found = Discardable::look(&dir).unwrap();
        fs::write(dir.join(foreign), "").unwrap();
        assert!(matches!(found.discard(), Err(Kept::Changed(_))), "{foreign}");
        assert_eq!(names(&dir), before);
        assert_eq!(names(temp.path()), ["run"]);
    }
}

#[test]
fn links_and_directories_lead_nowhere() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, link) = (temp.path().join("run"), temp.path().join("link"));
    capture(&dir);
    symlink(&dir, &link).unwrap();
    assert!(matches!(Discardable::look(&link), Err(Kept::NoCapture(_))));
    // A directory with a data file's name, and a link with one.
    for make in [|path: &Path| fs::create_dir(path).unwrap(), |path: &Path| symlink("/etc/passwd", path).unwrap()] {
        let odd = dir.join("x.jsonl");
        make(&odd);
        assert!(matches!(Discardable::look(&dir), Err(Kept::Foreign { .. })));
        if odd.is_symlink() { fs::remove_file(&odd).unwrap() } else { fs::remove_dir(&odd).unwrap() }
    }
    // Another directory took its place.
    let found = Discardable::look(&dir).unwrap();
    fs::rename(&dir, temp.path().join("moved")).unwrap();
    capture(&dir);
    assert!(matches!(found.discard(), Err(Kept::Changed(_))));
    assert_eq!(names(temp.path()), ["link", "moved", "run"]);
    assert_eq!(names(&dir).len(), 12);
}

#[test]
fn foreign_and_damaged_metadata_is_no_capture() {
    let temp = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("other", r#"{"name":"a project"}"#),
        ("torn", r#"{"version":1,"for"#),
        ("new", r#"{"version":9,"format":"jsonl","started":""}"#),
    ] {
        let dir = temp.path().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(name::METADATA), text).unwrap();
        assert!(matches!(Discardable::look(&dir), Err(Kept::Unclear { .. })), "{name}");
    }
    let empty = temp.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(Discardable::look(&empty), Err(Kept::NoCapture(_))));
}

#[test]
fn a_capture_in_use_is_kept() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    capture(&dir);
    let found = Discardable::look(&dir).unwrap();
    let lock = Lock::take(&dir).unwrap();
    assert!(matches!(Discardable::look(&dir), Err(Kept::InUse(_))));
    assert!(matches!(found.discard(), Err(Kept::InUse(_))));
    drop(lock);
    assert_eq!(names(&dir).len(), 12);
    Discardable::look(&dir).unwrap().discard().unwrap();
}

#[test]
fn an_interrupted_deletion_is_gone_on_with() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join(".run.logtap-gc");
    capture(&dir);
    for gone in ["index.jsonl", "2026-01-15T100000-000.jsonl.zst"] {
        fs::remove_file(dir.join(gone)).unwrap();
    }
    assert!(is_remnant(&dir));
    Discardable::look(&dir).unwrap().discard().unwrap();
    // At the very last moment.
    fs::create_dir(&dir).unwrap();
    Discardable::look(&dir).unwrap().discard().unwrap();
    assert_eq!(names(temp.path()), [""; 0]);
}
