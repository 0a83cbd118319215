//! Any bytes as a data file of a capture: reading never panics, repair makes a
//! file that reads without damage, and repairing twice changes nothing.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logtap_capture::disk::RealDisk;
use logtap_capture::reader::DataFile;
use logtap_capture::select::Selector;
use logtap_capture::{query, repair, stream};

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
});

/// Lines, and bytes that could not be decoded. A last line without a newline is
/// no damage here: a foreign file may end so.
fn read(name: &str) -> (u64, u64) {
    let file = DataFile::named(DIR.path(), name);
    let Ok(Some(opened)) = file.open() else { return (0, 0) };
    let query = query::Query::default();
    let mut selector = Selector::new(&query);
    let mut lines = 0;
    let damage = stream::read(&opened, |piece| {
        let tally = selector.pick(piece, false, |_| ());
        lines += tally.picked + tally.not_a_line;
        true
    });
    (lines, damage.map_or(0, |damage| damage.damaged_bytes))
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, bytes)) = data.split_first() else { return };
    let name = if kind % 4 == 0 { "2026-01-01T000000-000.jsonl" } else { "2026-01-01T000000-000.jsonl.zst" };
    let path = DIR.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    read(name);
    if let Ok(Some(line)) = repair::reseal(DIR.path(), name, &RealDisk) {
        let first = std::fs::read(&path).expect("read");
        let (_, damage) = read(name);
        assert_eq!(damage, 0, "damage remains after repair");
        let again = repair::reseal(DIR.path(), name, &RealDisk).expect("a repaired file").expect("with lines");
        assert_eq!(again.lines, line.lines);
        assert_eq!(std::fs::read(&path).expect("read"), first, "the second repair changed the file");
    }
});
