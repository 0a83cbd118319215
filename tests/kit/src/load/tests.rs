//! The engines against a server that answers everything with 204.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// Serves `connections` connections: counts requests by their length headers.
fn server(connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    named(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.unwrap();
            named(move || {
                let mut held = Vec::new();
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let read = stream.read(&mut buffer).unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    held.extend_from_slice(&buffer[..read]);
                    let mut answers = Vec::new();
                    while let Some(len) = request_len(&held) {
                        held.drain(..len);
                        answers.extend_from_slice(b"HTTP/1.1 204 No Content\r\nx-logtap-dropped: 1\r\n\r\n");
                    }
                    if stream.write_all(&answers).is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

fn named(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name("test server".to_owned());
    drop(thread.spawn(work).unwrap());
}

fn request_len(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let at = head.find("Content-Length: ").unwrap() + 16;
    let len: usize = head[at..].lines().next().unwrap().parse().unwrap();
    (bytes.len() >= end + 4 + len).then_some(end + 4 + len)
}

#[test]
fn every_prepared_request_is_sent_once() {
    let requests = prepare(Config::default(), Limits::PROMTAIL, Dialect::ProtoSnappy, 4 << 20);
    let plan = Plan { connections: 2, rate: None, duration: None, limit: None };
    let outcome = post(server(2), &requests, plan);
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    assert_eq!(outcome.requests, requests.len() as u64);
    assert_eq!(outcome.lines, requests.iter().map(|request| request.lines as u64).sum::<u64>());
    assert_eq!(outcome.dropped, outcome.requests);
    assert!(outcome.text >= 4 << 20);
}

#[test]
fn one_line_requests_keep_the_rate_and_the_limit() {
    let requests = prepare(Config::default(), Limits::ONE_LINE, Dialect::JsonV1, 100_000);
    assert!(requests.iter().all(|request| request.lines == 1));
    let plan =
        OneLine { connections: 4, pipeline: 1, rate: Some(2_000.0), duration: Duration::from_millis(500), limit: None };
    let paced = one_line(server(4), &requests, plan).unwrap();
    assert!((500..=1_010).contains(&paced.requests), "{}", paced.requests);
    assert_eq!(paced.statuses[&204], paced.lines);
    let plan = OneLine { pipeline: 8, rate: None, limit: Some(320), ..plan };
    let limited = one_line(server(4), &requests, plan).unwrap();
    assert_eq!((limited.requests, limited.lines, limited.dropped), (320, 320, 320));
}

#[test]
fn quantiles_are_at_most_a_sixteenth_too_high() {
    let mut latencies = Latencies::default();
    for micros in 1..=10_000 {
        latencies.record(Duration::from_micros(micros));
    }
    for (share, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0), (0.001, 10.0)] {
        let micros = latencies.quantile(share).as_micros() as f64;
        assert!((exact..=exact * 17.0 / 16.0).contains(&micros), "{share}: {micros}");
    }
    latencies.record(Duration::MAX);
    assert_eq!(latencies.max(), Duration::MAX);
}

#[test]
fn only_this_machine_is_loaded() {
    assert!(loopback("http://127.0.0.1:3100").is_ok());
    assert!(loopback("http://[::1]:3100/").is_ok());
    for url in ["http://192.0.2.1:80", "https://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1"] {
        assert!(loopback(url).is_err(), "{url}");
    }
}
