//! Small bodies that unpack to a gigabyte, or say that they do.

use std::io::Write;

use crate::{JSON, PUSH, Victim, assert_handled, assert_refused};
use flate2::{Compress, Compression, FlushCompress};

const MIB: usize = 1 << 20;
/// The beginning of a push whose only line never ends.
const OPENING: &[u8] = br#"{"streams":[{"stream":{"app":"x"},"values":[["1790000000000000000",""#;

struct Bomb {
    name: &'static str,
    encoding: Option<&'static str>,
    kind: (&'static str, &'static str),
    body: Vec<u8>,
}

/// One MiB of a letter in deflate, ended so that it can be repeated without end.
fn deflated(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1024);
    let before = compress.total_in();
    while compress.total_in() - before < text.len() as u64 {
        let from = (compress.total_in() - before) as usize;
        compress.compress_vec(&text[from..], &mut out, FlushCompress::Full).unwrap();
    }
    out
}

fn gzip_bomb(mib: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    body.extend(deflated(&mut compress, OPENING));
    let block = deflated(&mut compress, &vec![b'a'; MIB]);
    (0..mib).for_each(|_| body.extend_from_slice(&block));
    body
}

fn zstd_bomb(mib: usize) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(OPENING).unwrap();
    let block = vec![b'a'; MIB];
    (0..mib).for_each(|_| encoder.write_all(&block).unwrap());
    encoder.finish().unwrap()
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A snappy block that claims nearly 4 GiB and then copies its first letter as often as it can.
fn snappy_bomb() -> Vec<u8> {
    let mut body = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, b'a'];
    (0..MIB).for_each(|_| body.extend_from_slice(&[0xfe, 1, 0]));
    body
}

/// A snappy block that tells the truth: 60 MiB of a letter, a stream field that never ends.
fn honest_snappy() -> Vec<u8> {
    let mut text = vec![0x0a, 0xff, 0xff, 0xff, 0x1c];
    text.resize(60 * MIB, b'a');
    let mut body = vec![0x80, 0x80, 0x80, 0x1e];
    let mut left = text.len() - 6;
    body.extend_from_slice(&[5 << 2]);
    body.extend_from_slice(&text[..6]);
    while left > 0 {
        let length = left.min(64);
        body.extend_from_slice(&[((length - 1) << 2) as u8 | 2, 1, 0]);
        left -= length;
    }
    body
}

fn bombs() -> Vec<Bomb> {
    let proto = ("Content-Type", "application/x-protobuf");
    let (gzip, zstd, snappy) = (gzip_bomb(1024), zstd_bomb(1024), snappy_bomb());
    assert!(gzip.len() < 2 * MIB && zstd.len() < 2 * MIB, "{} and {} are no bombs", gzip.len(), zstd.len());
    let mut window = zstd[..4].to_vec();
    // A window of 2 TiB, then a block that repeats one byte.
    window.extend_from_slice(&[0x00, 31 << 3, 0x03, 0xff, 0x0f, b'a']);
    let bomb = |name, encoding, kind, body| Bomb { name, encoding, kind, body };
    vec![
        bomb("gzip of gzip", Some("gzip"), JSON, gzipped(&gzip)),
        bomb("gzip of gzip of gzip", Some("gzip"), JSON, gzipped(&gzipped(&gzip))),
        bomb("gzip twice", Some("gzip, gzip"), JSON, gzipped(&gzip)),
        bomb("gzip of zstd", Some("gzip"), JSON, gzipped(&zstd)),
        bomb("gzip of snappy", Some("gzip"), proto, gzipped(&snappy)),
        bomb("gzip", Some("gzip"), JSON, gzip.clone()),
        bomb("gzip without a word", None, JSON, gzip),
        bomb("zstd", Some("zstd"), JSON, zstd.clone()),
        bomb("zstd without a word", None, proto, zstd),
        bomb("zstd with a huge window", Some("zstd"), JSON, window),
        bomb("snappy", None, proto, snappy.clone()),
        bomb("snappy by name", Some("snappy"), proto, snappy),
        bomb("honest snappy", None, proto, honest_snappy()),
    ]
}

fn post(victim: &Victim, bomb: &Bomb) {
    for path in [PUSH, "/otlp/v1/logs", "/logtap/raw"] {
        let mut headers = vec![bomb.kind];
        headers.extend(bomb.encoding.map(|encoding| ("Content-Encoding", encoding)));
        let response =
            victim.attack(path, &headers, &bomb.body).unwrap_or_else(|error| panic!("{}: {error}", bomb.name));
        let what = format!("{} to {path}", bomb.name);
        // What is within the limits may be read as far as it makes sense; lines of raw text always are.
        if bomb.name == "honest snappy" || path == "/logtap/raw" {
            assert_handled(&what, &response);
        } else {
            assert_refused(&what, &response);
        }
    }
}

pub(crate) fn one_by_one(victim: &mut Victim) {
    for bomb in bombs() {
        post(victim, &bomb);
    }
}

pub(crate) fn at_once(victim: &mut Victim) {
    let bombs = bombs();
    let victim = &*victim;
    std::thread::scope(|scope| {
        for bomb in &bombs {
            scope.spawn(move || post(victim, bomb));
        }
    });
}
