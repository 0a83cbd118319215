//! Every command takes an archive as it is: what it answers is what it answers for the directory. Those that
//! need a directory say so, and what is no archive of a capture is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::terminal::Terminal;
use crate::world::{self, Maker, contents, logtap, named};

/// Commands with `@` for the capture, `%` for a baseline and `#` for a result that does not exist yet.
const READERS: &[&str] = &[
    "inspect @",
    "inspect @ --json",
    "catalog @ --json",
    "grep refused @",
    "grep -c refused @",
    "grep --json slow @ --label app=api",
    "grep -C 2 slow @",
    "grep --sort n= @ --from -20s",
    "patterns @",
    "patterns @ --json",
    "patterns @ --assign",
    "triage @ --json",
    "triage @ --baseline % --json",
    "triage @ --out #",
    "diff % @",
    "diff @ % --json",
    "report @",
    "report @ --format markdown",
    "report @ --json",
    "report @ --out #",
    "slice @ --from 10:32:10 --to 10:32:40 --label app=db -o #",
    "merge @ % -o #",
    "export @ --format jsonl --out -",
    "export @ --format csv --out # --level error",
    "snapshot @ --output #",
];

/// The commands that change or follow a directory.
const REFUSED: &[&str] =
    &["watch @", "recv --dir @", "recv --stop @", "gc @ --max-age 1d", "sign @ --key k", "inspect @ --repair"];

/// Captures of every kind, and packed in every way.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        fs::rename(world::capture(world.folder.path()), world.at("closed")).unwrap();
        // Its last file is not sealed, and nothing says when it stopped.
        let mut maker = Maker::open(&world.at("grows"), 60_000);
        (0..25).for_each(|_| maker.write(100));
        copy(&world.at("grows"), &world.at("crashed"));
        maker.close();
        copy(Path::new(&world::fixture("rotated")), &world.at("of-1x"));
        for name in ["closed", "crashed", "of-1x", "grows"] {
            world.pack(name);
        }
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// By `snapshot`, and by tools that know nothing of captures.
    fn pack(&self, name: &str) {
        // An audit log stays behind, whoever packs.
        fs::remove_file(self.at(name).join("audit.jsonl")).unwrap_or_default();
        let ours = self.at(&format!("{name}.tar.zst"));
        let packed = logtap().arg("snapshot").arg(self.at(name)).arg("-o").arg(ours).output().unwrap();
        assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        for (flags, end) in [("--zstd", "foreign.tar.zst"), ("--format=pax", "plain.tar")] {
            let mut tar = Command::new("tar");
            tar.args([flags, "--exclude=.logtap.lock", "-cf"]).arg(self.at(&format!("{name}-{end}")));
            assert!(tar.arg("-C").arg(self.folder.path()).arg(name).status().unwrap().success());
        }
    }

    /// Exit code, output, messages and result of a command, without the paths of captures and results.
    fn answer(&self, line: &str, capture: &Path, baseline: &Path) -> (i32, String, String, String) {
        let result = self.at("result");
        let path = |word: &str| match word {
            "@" => capture.to_owned(),
            "%" => baseline.to_owned(),
            "#" => result.clone(),
            other => PathBuf::from(other),
        };
        let output = logtap().args(line.split(' ').map(path)).output().unwrap();
        let neutral = |bytes: Vec<u8>| {
            let mut text = String::from_utf8(bytes).unwrap();
            for (path, name) in [(capture, "@"), (baseline, "%")] {
                let path = path.to_str().unwrap();
                text = text.replace(path, name);
            }
            text
        };
        let made = if result.is_file() {
            neutral(fs::read(&result).unwrap_or_default().escape_ascii().to_string().into_bytes())
        } else if result.is_dir() {
            let files = contents(&result).into_iter();
            files
                .map(|(path, bytes)| {
                    format!("{} {}\n", path.display(), neutral(bytes.escape_ascii().to_string().into_bytes()))
                })
                .collect()
        } else {
            String::new()
        };
        fs::remove_dir_all(&result).or_else(|_| fs::remove_file(&result)).unwrap_or_default();
        (output.status.code().unwrap(), neutral(output.stdout), neutral(output.stderr), made)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for (path, bytes) in contents(from) {
        if path.file_name().unwrap() != ".logtap.lock" {
            fs::write(to.join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
}

#[test]
fn every_reader_answers_for_an_archive_as_for_the_directory() {
    let world = World::new();
    let before = contents(world.folder.path());
    for name in ["closed", "crashed", "of-1x"] {
        for line in READERS {
            let wanted = world.answer(line, &world.at(name), &world.at("grows"));
            assert!([0, 6].contains(&wanted.0), "{line}: {wanted:?}");
            for end in [".tar.zst", "-foreign.tar.zst", "-plain.tar"] {
                let baseline = world.at(&format!("grows{end}"));
                let found = world.answer(line, &world.at(&format!("{name}{end}")), &baseline);
                assert!(found == wanted, "{line} {name}{end}\n{}\n{}\n{}\n{}", found.1, wanted.1, found.2, wanted.2);
            }
        }
    }
    assert!(contents(world.folder.path()) == before, "nothing is written beside an archive");
}

#[test]
fn what_needs_a_directory_says_so_in_one_line() {
    let world = World::new();
    let before = contents(world.folder.path());
    for line in REFUSED {
        let archive = world.at("closed.tar.zst");
        let (code, out, said, _) = world.answer(line, &archive, &archive);
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {said}");
        assert!(
            said.contains("logtap snapshot --extract @ --output DIR") && said.lines().count() == 1,
            "{line}: {said}"
        );
    }
    assert!(contents(world.folder.path()) == before);
}

#[test]
fn the_view_of_an_archive_is_that_of_the_directory() {
    let world = World::new();
    let screen = |name: &str| {
        let mut command = logtap();
        command.env("TERM", "xterm-256color").arg("open").arg(world.at(name)).arg("--fresh");
        command.args(["--baseline", world.at(&name.replace("closed", "grows")).to_str().unwrap()]);
        let mut terminal = Terminal::start(&command, 120, 40);
        terminal.wait_for("nothing differs");
        for (keys, shown) in [("G", "10:33:01 UTC"), ("/refused\r", "746 hits"), ("c", "Enter where it began")] {
            terminal.keys(keys);
            terminal.wait_for(shown);
        }
        let text = terminal.text();
        terminal.keys("cq");
        assert_eq!(terminal.end(Duration::from_secs(5)), 0, "{text}");
        // Names of other lengths move what stands beside them; the last row says something for a while.
        let is_named = |line: &&str| line.contains(name) || line.contains("against");
        text.lines().take(39).filter(|line| !is_named(line)).collect::<Vec<_>>().join("\n")
    };
    let wanted = screen("closed");
    for name in ["closed.tar.zst", "closed-foreign.tar.zst", "closed-plain.tar"] {
        assert_eq!(screen(name), wanted, "{name}");
    }
}

/// Wherever an archive is read, as in `snapshot --extract`.
#[test]
fn what_is_no_archive_of_a_capture_is_refused_by_every_reader() {
    let world = World::new();
    let hostile = hostile(&world);
    for (name, words) in &hostile {
        for line in READERS.iter().chain(&["verify @ --key k.pub"]) {
            fs::write(world.at("k.pub"), KEY).unwrap();
            let line = line.replace("k.pub", world.at("k.pub").to_str().unwrap());
            let (code, out, said, made) = world.answer(&line, &world.at(name), &world.at("grows"));
            let wanted = if line.starts_with("verify") { 6 } else { 2 };
            let told = said.contains(words) || (wanted == 6 && said.contains("is not signed"));
            assert!(code == wanted && out.is_empty() && made.is_empty() && told, "{line} {name}: {code} {out} {said}");
        }
    }
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS me\n";

/// Archives that must not be read, and what is said of them.
fn hostile(world: &World) -> Vec<(&'static str, &'static str)> {
    let whole = fs::read(world.at("closed.tar.zst")).unwrap();
    fs::write(world.at("cut.tar.zst"), &whole[..whole.len() / 2]).unwrap();
    fs::write(world.at("text.tar.zst"), "no archive").unwrap();
    fs::write(world.at("empty.tar"), "").unwrap();
    let tar = |name: &str, path: &str, kind: tar::EntryType| {
        let mut builder = tar::Builder::new(fs::File::create(world.at(name)).unwrap());
        for (path, kind) in [("capture/a.jsonl", tar::EntryType::Regular), (path, kind)] {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(kind);
            header.set_size(if kind.is_file() { 3 } else { 0 });
            if kind.is_symlink() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, if kind.is_file() { &b"{}\n"[..] } else { b"" }).unwrap();
        }
        builder.finish().unwrap();
    };
    tar("link.tar", "capture/metadata.json", tar::EntryType::Symlink);
    tar("up.tar", "capture/../../b.jsonl", tar::EntryType::Regular);
    tar("twice.tar", "other/a.jsonl", tar::EntryType::Regular);
    tar("foreign-file.tar", "capture/.bashrc", tar::EntryType::Regular);
    vec![
        ("cut.tar.zst", "damaged"),
        ("text.tar.zst", "no archive"),
        ("empty.tar", "no archive"),
        ("link.tar", "is no file"),
        ("up.tar", "leads elsewhere"),
        ("twice.tar", "is in it twice"),
        ("foreign-file.tar", "not a capture's"),
    ]
}

/// An archive without a table is unpacked where there is room for it, or not at all.
#[test]
fn no_room_to_unpack_is_told() {
    let world = World::new();
    let small = world.at("small");
    fs::create_dir(&small).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "logtap-test"]).arg(&small);
    assert!(mount.status().unwrap().success(), "cannot mount a tmpfs, run this test as root");
    let run = |name: &str| {
        let mut command = named(env!("CARGO_BIN_EXE_logtap"));
        command.env("TMPDIR", &small).args(["inspect"]).arg(world.at(name)).output().unwrap()
    };
    let (foreign, ours) = (run("closed-foreign.tar.zst"), run("closed.tar.zst"));
    let left = fs::read_dir(&small).unwrap().count();
    assert!(Command::new("umount").arg("-l").arg(&small).status().unwrap().success());
    let said = String::from_utf8_lossy(&foreign.stderr);
    assert!(foreign.status.code() == Some(1) && said.contains("no room") && said.contains("TMPDIR"), "{said}");
    assert_eq!((ours.status.code(), left), (Some(0), 0), "one with a table needs none");
}
