//! Any bytes as an archive, and as what is in one: opening never panics and decides about no memory by what
//! the archive claims; what it takes, it finds as whoever reads from front to back.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use logtap_capture::archive::{Archive, ArchiveError, read};
use logtap_capture::frame::{FrameEncoder, LEVEL};
use logtap_capture::pipe::Decoded;
use logtap_capture::reader::Capture;
use logtap_capture::seek_table;

static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary directory")
});

/// In frames with a table.
fn framed(plain: &[u8], frame: usize) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(LEVEL).expect("an encoder");
    let (mut out, mut sizes) = (Vec::new(), Vec::new());
    for piece in plain.chunks(frame) {
        encoder.write(piece).expect("encoded");
        encoder.end().expect("encoded");
        sizes.push((encoder.out().len() as u64, piece.len() as u64));
        out.append(encoder.out());
    }
    seek_table::write(&mut out, sizes.into_iter());
    out
}

fn forwards(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut all = Vec::new();
    read(Decoded::new(bytes)?, |entry, from| {
        let mut content = Vec::new();
        from.read_to_end(&mut content).map_err(ArchiveError::damaged)?;
        if content.len() as u64 != entry.size {
            return Err(ArchiveError::Refused("cut".to_owned()));
        }
        all.push((entry.name.to_owned(), content));
        Ok(())
    })?;
    all.sort();
    Ok(all)
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, bytes)) = data.split_first() else { return };
    let bytes = if kind % 2 == 0 { bytes.to_vec() } else { framed(bytes, 256 + usize::from(kind) * 8) };
    let path = DIR.path().join("a.tar.zst");
    std::fs::write(&path, &bytes).expect("written");
    let wanted = forwards(&bytes);
    if let Ok(archive) = Archive::open(&path) {
        let archive = Arc::new(archive);
        let names: Vec<String> = archive.names().map(str::to_owned).collect();
        let found: Result<Vec<_>, _> =
            names.into_iter().map(|name| archive.read(&name).map(|all| (name, all))).collect();
        if let (Ok(found), Ok(wanted)) = (found, wanted) {
            assert_eq!(found, wanted, "both ways of reading agree");
        }
    }
    drop(Capture::open(&path));
});
