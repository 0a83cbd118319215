//! A signed capture in an archive is verified as it stands there.

use std::path::PathBuf;
use std::process::Command;

use super::{CHANGES, World, run};

impl World {
    /// The capture packed by a tool that knows nothing of captures.
    fn pack(&self, name: &str, flag: &str) -> PathBuf {
        let archive = self.at(name);
        let mut tar = Command::new("tar");
        tar.args([flag, "-cf"]).arg(&archive).arg("-C").arg(self.folder.path()).arg("capture");
        assert!(tar.status().unwrap().success());
        archive
    }

    fn verify_at(&self, archive: &std::path::Path, more: &[&str]) -> (i32, String) {
        let allowed = self.at("allowed");
        let words = ["verify", archive.to_str().unwrap(), "--allowed-signers", allowed.to_str().unwrap()];
        run(&[&words, more].concat())
    }

    fn packed(&self) -> Vec<PathBuf> {
        let ours = self.at("a.tar.zst");
        let (code, said) =
            run(&["snapshot", self.capture().to_str().unwrap(), "-o", ours.to_str().unwrap(), "--force"]);
        assert_eq!(code, 0, "{said}");
        vec![ours, self.pack("b.tar.zst", "--zstd"), self.pack("c.tar", "--format=pax")]
    }
}

#[test]
fn what_was_signed_verifies_in_an_archive() {
    let world = World::new();
    for archive in world.packed() {
        let (code, said) = world.verify_at(&archive, &[]);
        assert!(code == 6 && said.contains("is not signed"), "{said}");
    }
    world.sign("me", &[]);
    let (_, wanted) = world.verify(&["--json"]);
    let dir = world.capture().display().to_string();
    for archive in world.packed() {
        let (code, said) = world.verify_at(&archive, &["--json"]);
        assert_eq!((code, said), (0, wanted.replace(&dir, archive.to_str().unwrap())));
        let (code, said) = run(&["verify", archive.to_str().unwrap()]);
        assert!(code == 2 && said.contains("whose signature counts?"), "{said}");
        let other = world.at("other.pub");
        let (code, said) = run(&["verify", archive.to_str().unwrap(), "--key", other.to_str().unwrap()]);
        assert!(code == 6 && said.contains("which is no key that you named"), "{said}");
    }
}

#[test]
fn every_change_is_named_in_an_archive() {
    for (expected, change) in CHANGES {
        let world = World::new();
        world.sign("me", &[]);
        change(&world.capture());
        for archive in [world.pack("b.tar.zst", "--zstd"), world.pack("c.tar", "--format=pax")] {
            let (code, said) = world.verify_at(&archive, &[]);
            assert!(code == 6 && said.lines().any(|line| line == expected), "{expected}: {code} {said}");
        }
    }
    // What a snapshot leaves behind is missing, and nothing else.
    let world = World::new();
    std::fs::write(world.capture().join("audit.jsonl"), "{}\n").unwrap();
    world.sign("me", &[]);
    let (code, said) = world.verify_at(&world.packed()[0], &[]);
    assert!(
        code == 6 && said.contains("missing  audit.jsonl\n") && said.contains("leave audit.jsonl behind"),
        "{said}"
    );
    // A link in it is no part of a capture, wherever it leads.
    let world = World::new();
    world.sign("me", &[]);
    std::os::unix::fs::symlink("metadata.json", world.capture().join("more")).unwrap();
    let (code, said) = world.verify_at(&world.pack("c.tar", "--format=pax"), &[]);
    assert!(code == 6 && said.contains("is no file"), "{code} {said}");
}
