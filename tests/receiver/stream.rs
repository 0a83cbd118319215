//! The capture handed out by line numbers: whatever is cut, evicted or slow, the lines that arrive are
//! those of the capture under their numbers.

mod puller;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logtap_receiver::stream::{CLOSE_PATH, STATE_PATH, STREAM_PATH, State, StreamConfig};
use logtap_testkit::batches::Batch;
use logtap_testkit::client::{Dialect, LokiClient};

use crate::support::Receiver;
use puller::{Puller, collect};

const BASE: i64 = 1_790_000_000_000_000_000;

/// A receiver with a stream, whose files are small and whose cap is `cap`.
fn receiver(cap: u64, unused_for: Option<Duration>) -> Receiver {
    Receiver::start(|config| {
        config.capture.max_file = 20_000;
        config.capture.max_disk = cap;
        config.stream = Some(StreamConfig { listen: "127.0.0.1:0".parse().unwrap(), unused_for });
    })
}

fn noise(seed: u64, length: usize) -> String {
    let mut state = seed * 2 + 1;
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x}", state >> 16));
    }
    text
}

/// Line `n` as it is sent; line numbers of the capture are the same where nothing else is in it.
fn line(n: u64, length: usize) -> String {
    format!("id={n} {}", noise(n, length))
}

fn push(client: &mut LokiClient, from: u64, lines: u64, length: usize) {
    let texts: Vec<String> = (from..from + lines).map(|n| line(n, length)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let response =
        client.push(Dialect::ProtoSnappy, &Batch::of(&[("app", "api")], BASE + from as i64, &texts)).unwrap();
    assert_eq!((response.status, response.header("x-logtap-dropped")), (204, None));
}

fn state(receiver: &Receiver) -> State {
    serde_json::from_str(&LokiClient::new(receiver.stream()).get(STATE_PATH).unwrap().text()).unwrap()
}

#[test]
fn from_any_line_on() {
    let receiver = receiver(1 << 30, None);
    let mut client = receiver.client();
    for batch in 0..40 {
        push(&mut client, 1 + batch * 10, 10, 200);
    }
    for after in 0..=400 {
        let mut puller = Puller::open(receiver.stream(), after).unwrap();
        let found = collect(&mut puller, 400);
        let wanted: Vec<_> = (after + 1..=400).map(|n| (n, line(n, 200))).collect();
        assert_eq!(found, wanted, "after {after}");
    }
    let mut client = LokiClient::new(receiver.stream());
    for (query, status) in [("after=401", 409), ("after=x", 400), ("capture=other&after=0", 409)] {
        assert_eq!(client.get(&format!("{STREAM_PATH}?{query}")).unwrap().status, status, "{query}");
    }
    receiver.stop();
}

#[test]
fn cut_anywhere_it_goes_on_where_it_was() {
    const LINES: u64 = 6000;
    let receiver = receiver(1 << 30, None);
    let address = receiver.stream();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = receiver.client();
            for from in (1..=LINES).step_by(20) {
                push(&mut client, from, 20, 150);
            }
            done.store(true, Ordering::SeqCst);
        });
        let (mut found, mut cuts, mut random) = (Vec::new(), 0, 7_u64);
        while found.len() < LINES as usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut puller = Puller::open(address, found.len() as u64).unwrap();
            puller.cut_after = Some((random >> 33) as usize % 90_000);
            while found.len() < LINES as usize
                && let Some(frame) = puller.next()
            {
                found.extend(puller::texts(&frame));
            }
            cuts += 1;
        }
        let wanted: Vec<_> = (1..=LINES).map(|n| (n, line(n, 150))).collect();
        assert_eq!(found, wanted);
        assert!(cuts > 5, "{cuts} cuts");
    });
    receiver.stop();
}

#[test]
fn what_was_evicted_is_a_hole_of_that_size() {
    let receiver = receiver(1 << 20, None);
    let mut client = receiver.client();
    for batch in 0..200 {
        push(&mut client, 1 + batch * 10, 10, 1500);
    }
    let mut puller = Puller::open(receiver.stream(), 5).unwrap();
    let evicted = state(&receiver).evicted.lines;
    assert!(evicted > 100);
    let found = collect(&mut puller, 2000);
    let wanted: Vec<_> = (evicted + 1..=2000).map(|n| (n, line(n, 1500))).collect();
    assert_eq!(found, wanted);
    receiver.stop();
}

#[test]
fn a_reader_that_sleeps_slows_nobody() {
    let receiver = receiver(1 << 30, None);
    let mut sleeping: Vec<Puller> = (0..8).map(|_| Puller::open(receiver.stream(), 0).unwrap()).collect();
    let mut awake = Puller::open(receiver.stream(), 0).unwrap();
    let mut client = receiver.client();
    for batch in 0..60 {
        push(&mut client, 1 + batch * 100, 100, 2000);
    }
    assert_eq!(collect(&mut awake, 6000).len(), 6000);
    for puller in &mut sleeping {
        assert_eq!(collect(puller, 6000).len(), 6000);
    }
    let more: Vec<_> = (0..16).map(|_| Puller::open(receiver.stream(), 0)).collect();
    assert!(more.iter().any(Result::is_err), "there is a bound");
    drop((more, sleeping, awake));
    receiver.stop();
}

#[test]
fn a_silent_capture_gives_signs_of_life() {
    let receiver = receiver(1 << 30, None);
    push(&mut receiver.client(), 1, 3, 10);
    let mut puller = Puller::open(receiver.stream(), 3).unwrap();
    let mut last = Instant::now();
    for _ in 0..4 {
        let frame = puller.next().unwrap();
        assert_eq!((frame.first, frame.count, frame.total, frame.stopped), (4, 0, 3, false));
        assert!(last.elapsed() < Duration::from_millis(1500), "{:?}", last.elapsed());
        last = Instant::now();
    }
    receiver.stop();
}

#[test]
fn closed_it_takes_no_more_and_hands_out_all_it_has() {
    let receiver = receiver(1 << 30, None);
    push(&mut receiver.client(), 1, 500, 100);
    let mut puller = Puller::open(receiver.stream(), 0).unwrap();
    assert_eq!(LokiClient::new(receiver.stream()).post(CLOSE_PATH, &[], b"").unwrap().status, 200);
    assert!(std::net::TcpStream::connect(receiver.addr).is_err() || receiver.client().get("/ready").is_err());
    // The receiver's owner waits for its end, as `logtap recv` does.
    let ending = receiver.stop_later();
    let found = puller::collect_until(&mut puller, |frame| frame.stopped && frame.first > frame.total);
    assert_eq!(found.len(), 500);
    let again = Puller::open(ending.stream, 490).unwrap();
    assert_eq!(collect(&mut { again }, 500).len(), 10, "it stays until it is told to end");
    let begun = Instant::now();
    let (summary, _dir) = ending.stop();
    assert!(begun.elapsed() < Duration::from_secs(5) && !summary.unused, "{:?}", begun.elapsed());
    assert!(puller::collect_until(&mut puller, |_| false).is_empty(), "the reader was sent home");
}

#[test]
fn told_to_end_it_waits_for_its_readers() {
    let receiver = receiver(1 << 30, None);
    let mut client = receiver.client();
    for batch in 0..20 {
        push(&mut client, 1 + batch * 100, 100, 2000);
    }
    drop(client);
    let mut puller = Puller::open(receiver.stream(), 0).unwrap();
    let ending = receiver.stop_later();
    ending.tell();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(puller::collect_until(&mut puller, |_| false).len(), 2000);
    ending.stop();
}

#[test]
fn unused_it_ends_by_itself() {
    let receiver = receiver(1 << 30, Some(Duration::from_secs(2)));
    let mut puller = Puller::open(receiver.stream(), 0).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        puller.next().unwrap();
    }
    push(&mut receiver.client(), 1, 1, 10);
    drop(puller);
    let ending = receiver.stop_later();
    let (summary, _dir) = ending.wait();
    assert!(summary.unused && summary.counts.written == 1);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn numbers_go_on_after_a_restart() {
    let receiver = receiver(1 << 30, None);
    push(&mut receiver.client(), 1, 5, 10);
    let before = state(&receiver);
    let (_, dir) = receiver.stop();
    let receiver = Receiver::start_on(dir, std::sync::Arc::new(logtap_capture::disk::RealDisk), |config| {
        config.stream = Some(StreamConfig { listen: "127.0.0.1:0".parse().unwrap(), unused_for: None });
    });
    push(&mut receiver.client(), 6, 5, 10);
    let after = state(&receiver);
    assert_eq!((after.capture_id, after.total), (before.capture_id, 10));
    let found = collect(&mut Puller::open(receiver.stream(), 3).unwrap(), 10);
    assert_eq!(found, (4..=10).map(|n| (n, line(n, 10))).collect::<Vec<_>>());
    receiver.stop();
}
