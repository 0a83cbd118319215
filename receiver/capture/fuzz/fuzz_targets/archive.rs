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

/// Entries with the names, kinds, sizes and bytes that the data asks for, whose headers have the sums that a
/// reader wants; with an end if all of the data was used.
fn composed(mut data: &[u8]) -> Vec<u8> {
    let mut take = |count: usize| {
        let (piece, rest) = data.split_at(count.min(data.len()));
        data = rest;
        piece
    };
    let mut out = Vec::new();
    while let &[kind, name, size, claimed] = take(4) {
        let mut header = [0; 512];
        let name = take(usize::from(name) % 100);
        let name = if kind & 0x80 == 0 { [b"capture/", name].concat() } else { name.to_vec() };
        header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        let content = take(usize::from(size) * 5);
        let claim = if claimed < 200 { content.len() as u64 } else { u64::from(claimed) << (claimed % 50) };
        header[124..136].copy_from_slice(format!("{claim:011o}\0").get(..12).unwrap_or("77777777777\0").as_bytes());
        header[156] = b"0000125xgLKS7\0"[usize::from(kind & 0x7f) % 14];
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    if data.is_empty() {
        out.resize(out.len() + 1024, 0);
    }
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
    let bytes = if kind & 2 == 0 { bytes.to_vec() } else { composed(bytes) };
    let bytes = if kind & 1 == 0 { bytes } else { framed(&bytes, 256 + usize::from(kind) * 8) };
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
