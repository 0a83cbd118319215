//! Connections: deadlines, many idle ones, TLS, tokens, graceful stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use logtap_testkit::batches::Batch;
use logtap_testkit::client::{Dialect, drip};

use crate::support::Receiver;

fn one() -> Batch {
    Batch::of(&[("app", "api")], 1_790_000_000_000_000_000, &["x"])
}

#[test]
fn slow_heads_and_bodies_are_given_up() {
    let receiver = Receiver::start(|config| {
        config.limits.head_timeout = Duration::from_millis(300);
        config.limits.body_timeout = Duration::from_millis(300);
    });
    let mut slow = TcpStream::connect(receiver.addr).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    drip(&mut slow, b"POST /loki/api/v1/push HTTP/1.1\r\nhost: x\r\nx: y", 1, Duration::from_millis(20));
    let mut rest = Vec::new();
    let ended = slow.read_to_end(&mut rest);
    assert!(
        ended.is_ok() || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock),
        "a slow head must be given up"
    );

    let mut slow = TcpStream::connect(receiver.addr).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    slow.write_all(b"POST /loki/api/v1/push HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{").unwrap();
    let mut answer = [0; 64];
    let length = slow.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 408"), "{:?}", String::from_utf8_lossy(&answer[..length]));
    assert_eq!(receiver.client().push(Dialect::JsonV1, &one()).unwrap().status, 204);
    receiver.stop();
}

#[test]
fn stop_ends_idle_connections_and_keeps_what_was_sent() {
    let receiver = Receiver::start(|_| ());
    let idle: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(receiver.addr).unwrap()).collect();
    assert_eq!(receiver.client().push(Dialect::ProtoSnappy, &one()).unwrap().status, 204);
    let begun = Instant::now();
    let (summary, _dir) = receiver.stop();
    assert!(begun.elapsed() < Duration::from_secs(8), "idle connections held up the stop");
    assert_eq!(summary.counts.written, 1);
    drop(idle);
}

#[test]
fn a_second_receiver_is_refused() {
    let receiver = Receiver::start(|_| ());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_trigger, shutdown) = logtap_receiver::shutdown::channel();
    let config = crate::support::config(&receiver.capture());
    let error = runtime.block_on(logtap_receiver::start(config, shutdown)).unwrap_err();
    assert!(error.to_string().ends_with("is in use by another logtap"), "{error}");
    receiver.stop();
}
