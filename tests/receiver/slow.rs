//! Bodies that take up the room for bodies and do not come to an end: others are served all the same.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtap_testkit::batches::Batch;
use logtap_testkit::client::{Dialect, LokiClient};

use crate::support::Receiver;

/// The usual acknowledgement timeout.
const ACK: Duration = Duration::from_millis(250);
/// Longer than any answer takes; what it really took is printed (about 20 ms on a quiet machine).
const ANSWER: Duration = Duration::from_secs(1);
const ANNOUNCED: usize = 32 << 20;

/// Announces a body and sends this much of it; what is refused on the way is no matter.
fn hold(addr: SocketAddr, announced: usize, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let head = format!("POST /loki/api/v1/push HTTP/1.1\r\nhost: x\r\ncontent-length: {announced}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream.write_all(&vec![b' '; bytes]));
    stream
}

/// Small pushes for a while, over connections of their own: the answers' statuses and the longest wait.
fn honest(addr: SocketAddr, time: Duration) -> (Vec<u16>, Duration) {
    let (begun, mut statuses, mut longest) = (Instant::now(), Vec::new(), Duration::ZERO);
    while begun.elapsed() < time {
        let batch = Batch::of(&[("app", "honest")], 1_790_000_000_000_000_000, &[&"small ".repeat(500)]);
        let sent = Instant::now();
        statuses.push(LokiClient::new(addr).push(Dialect::JsonV1, &batch).unwrap().status);
        longest = longest.max(sent.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    (statuses, longest)
}

fn assert_served((statuses, longest): (Vec<u16>, Duration)) {
    let kept = statuses.iter().filter(|status| **status == 204).count();
    assert!(statuses.iter().all(|status| [204, 429].contains(status)), "{statuses:?}");
    assert!(longest <= ANSWER, "an answer took {longest:?}");
    assert!(kept * 10 >= statuses.len() * 9, "only {kept} of {} small pushes were taken", statuses.len());
}

#[test]
fn large_bodies_that_stall_shut_nobody_out() {
    let receiver = Receiver::start(|config| config.ack_timeout = ACK);
    let mut held: Vec<TcpStream> = [31, 31].map(|mib| hold(receiver.addr, ANNOUNCED, mib << 20)).into();
    std::thread::sleep(Duration::from_secs(1));
    // Silent ones take what room is left, to the last byte.
    held.extend((0..40).map(|_| hold(receiver.addr, ANNOUNCED, 1)));
    std::thread::sleep(Duration::from_millis(500));
    held.extend((0..80).map(|_| hold(receiver.addr, 1000, 1)));
    assert_served(honest(receiver.addr, Duration::from_secs(2)));
    let mut given_up = 0;
    for mut stream in held {
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut answer = [0; 12];
        given_up += usize::from(stream.read(&mut answer).is_ok_and(|read| answer[..read] == *b"HTTP/1.1 429"));
    }
    assert!(given_up >= 1, "who gives way is told so");
    receiver.stop();
}

#[test]
fn bodies_that_trickle_shut_nobody_out() {
    let receiver = Receiver::start(|config| config.ack_timeout = ACK);
    let addr = receiver.addr;
    let ended = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..60)
        .map(|n| {
            let ended = ended.clone();
            let send = move || {
                // Whoever is given up comes again.
                while !ended.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(if n < 15 { 0 } else { 300 }));
                    let mut stream = hold(addr, ANNOUNCED, if n < 15 { 4 << 20 } else { 1 });
                    while !ended.load(Ordering::SeqCst) && stream.write_all(b" ").is_ok() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
            };
            std::thread::Builder::new().name("slow sender".to_owned()).spawn(send).unwrap()
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let served = honest(addr, Duration::from_secs(3));
    ended.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }
    assert_served(served);
    receiver.stop();
}

/// A body that comes steadily is not given up, however long it takes, as long as there is room.
#[test]
fn a_slow_body_is_read_to_its_end_while_there_is_room() {
    let receiver = Receiver::start(|config| config.ack_timeout = ACK);
    let body = br#"{"streams":[{"stream":{"a":"b"},"values":[["1790000000000000000","slow"]]}]}"#;
    let mut stream = TcpStream::connect(receiver.addr).unwrap();
    let head = format!("POST /loki/api/v1/push HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    logtap_testkit::client::drip(&mut stream, body, 1, Duration::from_millis(15));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    receiver.stop();
}
