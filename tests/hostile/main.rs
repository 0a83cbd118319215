//! Hostile senders against the real binary with its default limits: one receiver takes every attack
//! in turn, keeps serving others, stays small, and accounts for every line.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures are part of the result")]

mod bombs;
mod crowds;
mod lies;
mod many;

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use logtap_testkit::batches::Batch;
use logtap_testkit::capture::Capture;
use logtap_testkit::client::{Dialect, LokiClient, Options, Response};
use logtap_testkit::counters::Counters;
use logtap_testkit::process::Recv;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Resident bytes that no attack may exceed.
const MEMORY: u64 = 300 << 20;
const PUSH: &str = "/loki/api/v1/push";
const JSON: (&str, &str) = ("Content-Type", "application/json");

/// The receiver under attack.
struct Victim {
    recv: Recv,
    good: i64,
}

impl Victim {
    fn client(&self) -> LokiClient {
        let options = Options { timeout: Duration::from_secs(60), ..Options::default() };
        LokiClient::with(self.recv.addr(), options)
    }

    /// Posts what may be refused. A refusal that comes before the body is read may cost the
    /// connection, and with it the answer.
    fn attack(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        self.client().post(path, headers, body)
    }

    /// An honest sender gets what it always gets.
    fn good_push(&mut self) -> Duration {
        self.good += 1;
        let batch = Batch::of(&[("app", "good")], 1_790_000_000_000_000_000, &[&format!("good {}", self.good)]);
        let begun = Instant::now();
        let response = self.client().push(Dialect::JsonV1, &batch).unwrap();
        assert_eq!((response.status, response.header("x-logtap-dropped")), (204, None), "{}", response.text());
        begun.elapsed()
    }

    /// After an attack: alive, serving, balanced, small.
    fn aftermath(&mut self, attack: &str, begun: Instant) {
        let took = begun.elapsed();
        let good = self.good_push();
        let counters = settled(&mut self.client());
        assert!(counters.balances(), "after {attack}: {counters:?}");
        let (now, peak) = (self.recv.rss().unwrap() >> 20, self.recv.peak_rss().unwrap());
        println!("{attack}: {took:.1?}, then a good push in {good:.1?}; {now} MiB, {} MiB at most", peak >> 20);
    }
}

/// Counters once nothing is in flight.
fn settled(client: &mut LokiClient) -> Counters {
    let begun = Instant::now();
    loop {
        let counters = Counters::read(client).unwrap();
        assert!(counters.balances(), "{counters:?}");
        if counters.in_flight == 0 {
            return counters;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{counters:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A clear refusal: a client error that says why in a line of text.
fn assert_refused(what: &str, response: &Response) {
    assert!((400..500).contains(&response.status), "{what}: {}", response.status);
    assert!(response.text().trim().len() > 5, "{what}: {} without a reason", response.status);
}

/// Either a clear refusal, or what could be read of it was kept.
fn assert_handled(what: &str, response: &Response) {
    if !(200..300).contains(&response.status) {
        assert_refused(what, response);
    }
}

type Attack = fn(&mut Victim);

#[test]
fn under_attack() {
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("capture");
    let mut command = Command::new(env!("CARGO_BIN_EXE_logtap"));
    command.args(["recv", "--headless", "--listen", "127.0.0.1:0", "--max-disk", "1GB", "--dir"]).arg(&capture);
    let mut victim = Victim { recv: Recv::spawn(command).unwrap(), good: 0 };
    // After the start: the receiver has to raise its own limit.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    victim.good_push();

    let attacks: [(&str, Attack); 12] = [
        ("bombs", bombs::one_by_one),
        ("bombs at once", bombs::at_once),
        ("lying lengths", lies::lengths),
        ("wrong encodings", lies::encodings),
        ("truncated bodies", lies::truncated),
        ("deep nesting", lies::nesting),
        ("lines of 20 MiB", lies::long_lines),
        ("slow heads and bodies", crowds::slow),
        ("10,000 idle connections", crowds::idle),
        ("a million label sets", many::label_sets),
        ("label names without end", many::label_names),
        ("a million timestamps over centuries", many::timestamps),
    ];
    let only = std::env::var("LOGTAP_ATTACK").unwrap_or_default();
    for (name, attack) in attacks.into_iter().filter(|(name, _)| name.contains(&only)) {
        let begun = Instant::now();
        attack(&mut victim);
        victim.aftermath(name, begun);
    }

    let peak = victim.recv.peak_rss().unwrap();
    let counters = settled(&mut victim.client());
    println!("{counters:?}");
    assert!(victim.recv.stop(Duration::from_secs(30)).unwrap().success(), "{}", victim.recv.stderr());
    assert!(!victim.recv.stderr().contains("panicked"), "{}", victim.recv.stderr());
    let found = Capture::read(&capture).unwrap();
    assert!(found.is_clean(), "{:?}", found.bad.first());
    assert_eq!(found.logs().count() as u64, counters.written);
    let good = found.logs().filter(|record| record.msg.starts_with("good ")).count();
    assert!(good as i64 >= victim.good, "{good} of {} good lines", victim.good);
    assert!(peak <= MEMORY, "the receiver took {} MiB", peak >> 20);
}
