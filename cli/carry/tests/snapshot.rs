//! An archive holds a capture as it is, in the same bytes each time, and unpacking one harms nothing.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::target::Target;
use logtap_carry::CarryError;
use logtap_carry::snapshot::{Packed, pack, unpack};
use support::{FailingDisk, Failure, contents, control, open, varied};

fn pack_on(from: &Path, to: &Path, disk: Arc<dyn Disk>) -> Result<Packed, CarryError> {
    let target = Target::file(to, &[from], false, |_| false)?;
    pack(&open(from), target, disk, control())
}

fn unpack_on(from: &Path, to: &Path, disk: Arc<dyn Disk>) -> Result<u64, CarryError> {
    let target = Target::directory(to, &[], false)?;
    Ok(unpack(from, &target, &disk, control())?.files)
}

fn real() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn without_audit(dir: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut all = contents(dir);
    all.remove(Path::new("audit.jsonl")).unwrap();
    all
}

#[test]
fn there_and_back_in_the_same_bytes() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let [one, two] = ["one.tar.zst", "two.tar.zst"].map(|name| temp.path().join(name));
    let packed = pack_on(&source, &one, real()).unwrap();
    let moved = temp.path().join("moved");
    std::fs::rename(&source, &moved).unwrap();
    pack_on(&moved, &two, real()).unwrap();
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&two).unwrap());
    assert_eq!(packed.size, std::fs::metadata(&one).unwrap().len());
    let back = temp.path().join("back");
    assert_eq!(unpack_on(&one, &back, real()).unwrap(), packed.files);
    assert_eq!(contents(&back), without_audit(&moved));
    // By tools that know nothing of logtap.
    let by_tar = temp.path().join("by-tar");
    std::fs::create_dir(&by_tar).unwrap();
    let status = Command::new("tar").arg("--zstd").arg("-xf").arg(&one).arg("-C").arg(&by_tar).status().unwrap();
    assert!(status.success());
    assert_eq!(contents(&by_tar.join("capture")), without_audit(&moved));
    assert!(Command::new("zstd").args(["-tq"]).arg(&one).status().unwrap().success());
    assert_eq!(open(&one).id(), open(&moved).id());
}

#[test]
fn what_is_no_capture_is_not_unpacked() {
    let temp = support::tempdir();
    let entry = |name: &str, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        // As somebody hostile writes it: the crate's own setter refuses.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(if kind.is_file() { 3 } else { 0 });
        header.set_mode(0o777);
        if !kind.is_file() && !kind.is_dir() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        header
    };
    let file = tar::EntryType::Regular;
    let cases = [
        ("../metadata.json", file),
        ("capture/../../metadata.json", file),
        ("/tmp/metadata.json", file),
        ("..", tar::EntryType::Directory),
        ("capture/metadata.json", tar::EntryType::Symlink),
        ("capture/index.jsonl", tar::EntryType::Link),
        ("capture/metadata.json", tar::EntryType::Fifo),
        ("capture/metadata.json", tar::EntryType::Char),
        ("capture/authorized_keys", file),
        ("capture/.bashrc", file),
        ("capture/.logtap.lock", file),
        ("capture/x.jsonl\n.sh", file),
    ];
    for (n, (name, kind)) in cases.into_iter().enumerate() {
        let archive = temp.path().join(format!("{n}.tar"));
        let mut builder = tar::Builder::new(std::fs::File::create(&archive).unwrap());
        builder.append(&entry("capture/a.jsonl", file), &b"{}\n"[..]).unwrap();
        let content: &[u8] = if kind.is_file() { b"{}\n" } else { b"" };
        builder.append(&entry(name, kind), content).unwrap();
        builder.finish().unwrap();
        let out = temp.path().join("out");
        let result = unpack_on(&archive, &out, real());
        assert!(matches!(result, Err(CarryError::Archive { .. })), "{name:?} {kind:?}: {result:?}");
        std::fs::remove_file(&archive).unwrap();
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "{name:?} {kind:?}");
    }
}

#[test]
fn a_cut_archive_is_told_apart() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let archive = temp.path().join("a.tar.zst");
    pack_on(&source, &archive, real()).unwrap();
    let whole = std::fs::read(&archive).unwrap();
    for cut in [0, 3, 100, whole.len() / 2] {
        std::fs::write(&archive, &whole[..cut]).unwrap();
        let result = unpack_on(&archive, &temp.path().join("out"), real());
        assert!(matches!(result, Err(CarryError::Archive { .. })), "{cut}: {result:?}");
        assert!(!temp.path().join("out").exists());
    }
}

#[test]
fn a_failure_at_any_operation_leaves_nothing_half() {
    let temp = support::tempdir();
    let source = varied(&temp.path().join("source"));
    let (before, archive, back) = (contents(&source), temp.path().join("a.tar.zst"), temp.path().join("back"));
    let counting = FailingDisk::new(u64::MAX, Failure::Killed);
    pack_on(&source, &archive, Arc::new(counting.clone())).unwrap();
    let whole = std::fs::read(&archive).unwrap();
    let packing = counting.count.swap(0, Ordering::SeqCst);
    unpack_on(&archive, &back, Arc::new(counting.clone())).unwrap();
    let unpacking = counting.count.load(Ordering::SeqCst);
    let unpacked = contents(&back);
    std::fs::remove_dir_all(&back).unwrap();
    for failure in [Failure::Killed, Failure::KilledHalfway, Failure::Full] {
        for at in 0..unpacking {
            let result = unpack_on(&archive, &back, Arc::new(FailingDisk::new(at, failure)));
            assert!(result.is_err() || back.exists(), "{failure:?} {at}");
            if !back.exists() {
                unpack_on(&archive, &back, real()).unwrap();
            }
            assert_eq!(contents(&back), unpacked, "{failure:?} {at}");
            std::fs::remove_dir_all(&back).unwrap();
        }
        for at in 0..packing {
            std::fs::remove_file(&archive).unwrap();
            let result = pack_on(&source, &archive, Arc::new(FailingDisk::new(at, failure)));
            assert!(result.is_err() || archive.exists(), "{failure:?} {at}");
            if !archive.exists() {
                pack_on(&source, &archive, real()).unwrap();
            }
            assert!(std::fs::read(&archive).unwrap() == whole, "{failure:?} {at}");
        }
    }
    assert_eq!(contents(&source), before);
}
