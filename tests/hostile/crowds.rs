//! Connections that cost the sender nothing: slow, silent, many.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtap_testkit::load::Latencies;

use crate::{PUSH, Victim};

/// Longest that an honest sender may wait in its 99th percentile while others misbehave.
const PATIENCE: Duration = Duration::from_millis(150);

fn honest(victim: &mut Victim, pushes: usize) -> Latencies {
    let mut latencies = Latencies::default();
    for _ in 0..pushes {
        latencies.record(victim.good_push());
    }
    latencies
}

fn connect(victim: &Victim, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(victim.recv.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

/// Heads and bodies that come byte by byte: they hinder nobody, and silent bodies are given up.
pub(crate) fn slow(victim: &mut Victim) {
    let head = format!("POST {PUSH} HTTP/1.1\r\nHost: x\r\n");
    let mut heads: Vec<_> = (0..200).map(|_| connect(victim, &head[..20])).collect();
    let announce = |length: usize| format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    let mut bodies: Vec<_> = (0..100).map(|_| connect(victim, &announce(30 << 20))).collect();
    let mut silent: Vec<_> = (0..100).map(|_| connect(victim, &announce(30 << 20))).collect();
    let opened = Instant::now();
    let done = AtomicBool::new(false);
    let latencies = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for stream in heads.iter_mut().chain(&mut bodies) {
                    // One that was given up tells so by failing.
                    drop(stream.write_all(b"x"));
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let latencies = honest(victim, 500);
        done.store(true, Ordering::Relaxed);
        latencies
    });
    let p99 = latencies.quantile(0.99);
    println!("beside 400 slow connections: {p99:?} p99, {:?} at most", latencies.max());
    assert!(p99 <= PATIENCE, "{p99:?}");
    let mut answer = [0; 64];
    for stream in &mut silent {
        let read = stream.read(&mut answer).unwrap();
        let text = String::from_utf8_lossy(&answer[..read]);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    println!("silent bodies were given up after {:.1?}", opened.elapsed());
    assert!(opened.elapsed() < Duration::from_secs(15));
}

pub(crate) fn idle(victim: &mut Victim) {
    let begun = Instant::now();
    let connections: Vec<_> = (0..10_000).map(|_| connect(victim, "")).collect();
    println!("opened {} connections in {:.1?}", connections.len(), begun.elapsed());
    // Honest senders come last in the line of connections to be accepted.
    victim.good_push();
    let latencies = honest(victim, 1000);
    let p99 = latencies.quantile(0.99);
    println!("beside {} idle connections: {p99:?} p99, {:?} at most", connections.len(), latencies.max());
    assert!(p99 <= PATIENCE, "{p99:?}");
    let open = victim.client().get("/metrics").unwrap().text();
    let open = open.lines().find_map(|line| line.strip_prefix("logtap_active_connections ")).unwrap().to_owned();
    assert!(open.parse::<u64>().unwrap() >= 10_000, "{open} connections");
}
