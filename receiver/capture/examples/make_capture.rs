//! Writes a capture of synthetic lines: `make_capture DIR MEGABYTES`, counted
//! in bytes of JSON lines. For measuring readers; the same arguments give the
//! same lines.

#![allow(clippy::unwrap_used, reason = "a tool for measuring")]

use std::fmt::Write;
use std::sync::Arc;

use logtap_capture::audit::Event;
use logtap_capture::chunk::{CHUNK_TARGET, ChunkBuilder};
use logtap_capture::disk::RealDisk;
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::session::{Fsync, Options, Session, Tally};

const SERVICES: [&str; 8] = ["api", "checkout", "payment", "cart", "gateway", "worker", "search", "auth"];
const PATHS: [&str; 6] = ["/cart", "/checkout", "/products/17", "/login", "/healthz", "/search"];
/// One line of every so many holds a text that no other line holds.
const RARE: u64 = 3_000_017;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn message(out: &mut String, n: u64, random: u64, service: &str) {
    out.clear();
    let (path, ms) = (PATHS[(random % 6) as usize], random % 900);
    match random % 100 {
        0 => write!(
            out,
            "level=error msg=\"upstream connection refused\" peer=10.0.{}.{} attempt={}",
            random % 16,
            random % 251,
            random % 5
        ),
        1..=3 => write!(out, "level=warn msg=\"slow request\" path={path} duration_ms={}", ms + 1000),
        4..=40 => write!(
            out,
            "level=info msg=\"request completed\" method=GET path={path} status=200 duration_ms={ms} service={service}"
        ),
        41..=60 => write!(
            out,
            "{{\"level\":\"debug\",\"msg\":\"cache lookup\",\"key\":\"user:{}\",\"hit\":{}}}",
            random % 5000,
            random.is_multiple_of(3)
        ),
        _ => write!(
            out,
            "level=info msg=\"handled event\" type=order.updated shard={} queue_depth={}",
            random % 8,
            random % 40
        ),
    }
    .unwrap();
    write!(out, " request={:08x}", random.wrapping_mul(0x9e37_79b9).rotate_left(7) as u32).unwrap();
    if n % RARE == RARE / 2 {
        write!(out, " trace=needle-in-the-haystack-{n}").unwrap();
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().unwrap();
    let target: u64 = args.next().unwrap().parse::<u64>().unwrap() << 20;
    let options = Options { max_file: 16 << 20, fsync: Fsync::Never, ..Options::default() };
    let (session, mut writer, _) = Session::open(dir.as_ref(), options, Arc::new(RealDisk)).unwrap();
    let sets: Vec<(usize, Labels)> = (0..SERVICES.len() * 3)
        .map(|n| {
            let app = SERVICES[n % 8];
            let pairs =
                [("app", app.to_owned()), ("namespace", "shop".to_owned()), ("pod", format!("{app}-7d9f-{}", n / 8))];
            (n % 8, Arc::new(LabelSet::new(pairs.map(|(name, value)| (name.to_owned(), value)))))
        })
        .collect();
    let (mut state, mut bytes, mut n, mut ts) = (42, 0, 0, 1_795_168_800_000_000_000_i64);
    let mut text = String::new();
    while bytes < target {
        let mut builder = ChunkBuilder::default();
        while builder.len() < CHUNK_TARGET {
            let (service, labels) = &sets[(next(&mut state) % sets.len() as u64) as usize];
            for _ in 0..20 {
                message(&mut text, n, next(&mut state), SERVICES[*service]);
                ts += 50_000;
                builder.push(labels, ts, ts, &text, &[("", ""); 0]);
                n += 1;
            }
        }
        let chunk = builder.finish();
        bytes += chunk.bytes().len() as u64;
        writer.append(&[&chunk]).unwrap();
    }
    session.close(writer, &Tally::default(), Event::new("stop")).unwrap();
}
