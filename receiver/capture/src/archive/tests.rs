//! Archives as they are made, cut, and made up by somebody hostile.

use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::frame::{FrameEncoder, LEVEL};
use crate::pipe::Decoded;
use crate::seek_table;

/// A tar archive of these files, without its end.
fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, format!("capture/{name}"), &bytes[..]).unwrap();
    }
    builder.get_ref().clone()
}

const END: [u8; 1024] = [0; 1024];

/// In frames of so many bytes, with a table.
fn framed(plain: &[u8], frame: usize) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(LEVEL).unwrap();
    let mut sizes = Vec::new();
    let mut out = Vec::new();
    for piece in plain.chunks(frame) {
        encoder.write(piece).unwrap();
        encoder.end().unwrap();
        sizes.push((encoder.out().len() as u64, piece.len() as u64));
        out.append(encoder.out());
    }
    seek_table::write(&mut out, sizes.into_iter());
    out
}

fn stored(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.tar.zst");
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (temp, path)
}

fn why(bytes: &[u8]) -> String {
    let (_temp, path) = stored(bytes);
    match Archive::open(&path) {
        Err(ArchiveError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// What is in an archive, read from front to back.
fn forwards(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut all = Vec::new();
    read(Decoded::new(bytes).unwrap(), |entry, from| {
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

/// What is in an archive, each file as a file.
fn apart(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let (_temp, path) = stored(bytes);
    let archive = Arc::new(Archive::open(&path)?);
    Ok(archive.names().map(|name| Ok((name.to_owned(), archive.read(name)?))).collect::<io::Result<_>>()?)
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let noise = |seed: u32, length: u32| (0..length).map(|n| (n.wrapping_mul(seed) >> 7) as u8).collect();
    vec![
        ("a.jsonl.zst", noise(77_777, 5000)),
        ("b.jsonl", noise(3, 1)),
        ("c.jsonl", Vec::new()),
        ("metadata.json", noise(9_999_991, 3000)),
    ]
}

#[test]
fn a_file_is_read_at_any_place() {
    let (_temp, path) = stored(&framed(&[tar(&files()), END.to_vec()].concat(), 700));
    let archive = Arc::new(Archive::open(&path).unwrap());
    assert!(matches!(archive.medium, Medium::Frames(_)), "it stays where it is");
    for (name, bytes) in files() {
        let file = archive.file(name).unwrap();
        assert_eq!(file.length().unwrap(), bytes.len() as u64);
        for at in (0..bytes.len()).step_by(97) {
            let mut piece = vec![0; 900.min(bytes.len() - at)];
            file.read_exact_at(&mut piece, at as u64).unwrap();
            assert!(piece == bytes[at..at + piece.len()], "{name} {at}");
        }
        assert!(file.read_exact_at(&mut [0; 2], (bytes.len() as u64).saturating_sub(1)).is_err(), "not beyond its end");
        assert_eq!(file.read_at(&mut [0; 9], u64::MAX).unwrap(), 0);
    }
    assert!(archive.file("capture").is_none());
}

#[test]
fn what_is_cut_is_refused_wherever_it_is_cut() {
    let whole = [tar(&files()), END.to_vec()].concat();
    let packed = framed(&whole, 700);
    for at in (0..packed.len()).step_by(13).chain(packed.len() - 99..packed.len()) {
        let cut = &packed[..at];
        // What follows the end of the archive is not missed.
        match apart(cut) {
            Ok(found) => assert!(found.len() == 4 && found == apart(&packed).unwrap(), "{at}"),
            Err(error) => assert!(matches!(error, ArchiveError::Refused(_)), "{at}: {error:?}"),
        }
    }
    for at in (0..whole.len() - END.len()).step_by(256) {
        assert!(apart(&whole[..at]).is_err() && forwards(&whole[..at]).is_err(), "plain, {at}");
    }
}

#[test]
fn claims_decide_about_no_memory() {
    // A long name of 8 MiB, which compresses to nothing.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(8 << 20);
    header.set_path("././@LongLink").unwrap();
    header.set_cksum();
    let bomb = [header.as_bytes().to_vec(), vec![b'a'; 8 << 20], END.to_vec()].concat();
    assert!(why(&framed(&bomb, 4 << 20)).contains("too large"));
    assert!(forwards(&framed(&bomb, 4 << 20)).is_err());
    // A file as large as can be said.
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::MAX / 4);
    header.set_path("capture/metadata.json").unwrap();
    header.set_cksum();
    assert!(why(&framed(header.as_bytes(), 512)).contains("ends within metadata.json"));
    // A table that promises more than its frames hold.
    let mut lying = framed(&[tar(&files()), END.to_vec()].concat(), 700);
    let at = lying.len() - 9 - 8 + 4;
    lying[at..at + 4].copy_from_slice(&(16_u32 << 20).to_le_bytes());
    assert!(apart(&lying).is_err());
}

proptest! {
    /// Whatever the bytes are, both ways of reading find the same or refuse.
    #[test]
    fn both_ways_of_reading_agree(at in 0_usize..9000, to in any::<u8>(), frame in 400_usize..3000) {
        let mut bytes = framed(&[tar(&files()), END.to_vec()].concat(), frame);
        let at = at % bytes.len();
        bytes[at] = to;
        if let (Ok(one), Ok(other)) = (apart(&bytes), forwards(&bytes)) {
            prop_assert_eq!(one, other);
        }
    }
}
