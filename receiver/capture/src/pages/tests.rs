//! Pages of every kind of file hold each line exactly once.

use std::fs::File;
use std::sync::Arc;

use super::*;
use crate::frame::{FrameEncoder, LEVEL};

fn line(n: usize) -> String {
    format!("{{\"n\":{n},\"pad\":\"{}\"}}\n", "x".repeat(n * 31 % 900))
}

fn opened(bytes: &[u8], compressed: bool) -> (tempfile::TempDir, OpenedFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    (dir, OpenedFile { file: Arc::new(file), length: bytes.len() as u64, compressed, index: None })
}

fn all(opened: &OpenedFile) -> (usize, Vec<u8>) {
    let pages = layout(opened, 0).unwrap();
    let mut reader = PageReader::default();
    (pages.len(), pages.iter().flat_map(|page| reader.read(opened, page).unwrap()).collect())
}

#[test]
fn plain_files_are_cut_between_lines() {
    let text: String = (0..30_000).map(line).collect();
    let torn = format!("{text}{{\"torn");
    let (_dir, file) = opened(torn.as_bytes(), false);
    let (pages, lines) = all(&file);
    assert!(pages > 2);
    assert!(lines == text.as_bytes());
    assert!(layout(&file, 0).unwrap().last().unwrap().may_grow());
}

#[test]
fn a_large_foreign_frame_is_cut_between_lines() {
    let text: String = (0..60_000).map(line).collect();
    let mut packed = Vec::with_capacity(text.len());
    zstd_safe::compress(&mut packed, text.as_bytes(), 1).unwrap();
    let (_dir, file) = opened(&packed, true);
    let (pages, lines) = all(&file);
    assert!(pages > 4);
    assert!(lines == text.as_bytes());
}

#[test]
fn parts_of_large_frames_are_the_same_in_any_order() {
    let text = |name: &str| (0..90_000).map(|n| line(n).replace("pad", name)).collect::<String>();
    let files: Vec<_> = ["pad", "other"]
        .map(|name| {
            let mut packed = Vec::with_capacity(text(name).len());
            zstd_safe::compress(&mut packed, text(name).as_bytes(), 1).unwrap();
            opened(&packed, true)
        })
        .into();
    let expected: Vec<Vec<Vec<u8>>> = files
        .iter()
        .map(|(_, file)| {
            let pages = layout(file, 0).unwrap();
            pages.iter().map(|page| PageReader::default().read(file, page).unwrap()).collect()
        })
        .collect();
    let count = expected[0].len();
    assert!(count > 4 && expected[0] != expected[1]);
    let mut reader = PageReader::default();
    // On and on, back, twice, with a part left out, and from one file to the other.
    let order =
        [(0, 0), (0, 1), (0, 2), (0, 2), (0, 1), (0, 3), (1, 4), (1, 1), (1, 2), (0, 3), (0, count - 1), (1, 0)];
    for (of, at) in order {
        let (_, file) = &files[of];
        let page = layout(file, 0).unwrap()[at];
        assert!(reader.read(file, &page).unwrap() == expected[of][at], "file {of}, part {at}");
    }
}

#[test]
fn a_file_being_written_ends_with_an_open_page() {
    let mut encoder = FrameEncoder::new(LEVEL).unwrap();
    let (mut packed, mut text) = (Vec::new(), String::new());
    for n in 0..3_000 {
        encoder.write(line(n).as_bytes()).unwrap();
        text.push_str(&line(n));
        if n % 1000 == 900 {
            encoder.end().unwrap();
        }
    }
    encoder.flush().unwrap();
    packed.append(encoder.out());
    let good = packed.len();
    packed.extend_from_slice(&EMPTY_LAST_BLOCK);
    let (_dir, file) = opened(&packed, true);
    let pages = layout(&file, 0).unwrap();
    assert_eq!(pages.len(), 4);
    assert_eq!(pages.iter().map(Page::may_grow).collect::<Vec<_>>(), [false, false, false, true]);
    assert!(all(&file).1 == text.as_bytes());
    for cut in [good, good - 1, good / 2] {
        let (_dir, torn) = opened(&packed[..cut], true);
        assert!(text.as_bytes().starts_with(&all(&torn).1));
    }
}

proptest::proptest! {
    #[test]
    fn cuts_agree_with_lines(
        lengths in proptest::collection::vec(0..9_usize, 0..40),
        cut in 1..30_u64,
        piece in 1..20_usize,
    ) {
        let text: Vec<u8> = lengths.iter().flat_map(|n| "x".repeat(*n).into_bytes().into_iter().chain([b'\n'])).collect();
        let mut joined = Vec::new();
        for from in (0..text.len() as u64).step_by(cut as usize) {
            let to = (from + cut).min(text.len() as u64);
            let mut cutter = Cutter { from, to, at: 0, lines: Vec::new() };
            for part in text.chunks(piece) {
                if !cutter.add(part) { break; }
            }
            joined.extend(cutter.finish());
        }
        proptest::prop_assert_eq!(joined, text);
    }
}
