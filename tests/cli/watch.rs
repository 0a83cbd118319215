//! Following captures.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::oracle;
use crate::world::{self, Maker, fixture, logtap, run};

#[test]
fn a_finished_capture_ends() {
    let temp = tempfile::tempdir().unwrap();
    let dir = world::capture(temp.path());
    let outcome = run(&["watch", dir.to_str().unwrap(), "--json", "-n", "20", "-e", "refused", "--label", "app!=db"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (0, "logtap: nobody writes to this capture\n"));
    let all = oracle::all(&dir);
    let wanted = |line: &&oracle::Stored| line.label("app") != "db" && line.text.contains("refused");
    let expected: Vec<&str> = all.iter().filter(wanted).map(|line| line.text.as_str()).collect();
    assert_eq!(world::lines(&outcome.out), expected[expected.len() - 20..]);
    assert_eq!(run(&["watch", &fixture("rotated"), "-n", "3000"]).out.lines().count(), 3000);
}

#[test]
fn a_live_capture_is_followed_to_its_end() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("capture");
    let mut maker = Maker::open(&dir, 40_000);
    maker.write(100);
    let mut child = logtap()
        .arg("watch")
        .arg(&dir)
        .args(["--json", "-n", "1000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen: Vec<String> = (&mut lines).take(100).map(Result::unwrap).collect();
    for _ in 0..40 {
        maker.write(50);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    maker.close();
    seen.extend(lines.map(Result::unwrap));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let expected: Vec<String> = oracle::all(&dir).into_iter().map(|line| line.text).collect();
    assert!(seen == expected, "{} lines seen, {} written", seen.len(), expected.len());
}
