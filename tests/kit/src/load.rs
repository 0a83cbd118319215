//! Load on a receiver: bodies prepared in memory, then posted as fast as asked for.
//!
//! Two engines. [`post`] sends whole batches, one thread per connection. [`one_line`] sends tiny
//! requests and drives many connections from one thread, so that the sender is not what is measured.

mod latency;
mod one_line;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use latency::Latencies;
pub use one_line::{OneLine, one_line};

use crate::batches::{Batcher, Limits};
use crate::client::{Body, Dialect, LokiClient, Options, encode};
use crate::generate::{Config, Generator};

/// A request ready to be sent.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The body and its headers.
    pub body: Body,
    /// Lines in it.
    pub lines: usize,
    /// Bytes of log text in it.
    pub text: usize,
}

/// What came of a load.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Time from the first request to the last answer.
    pub elapsed: Duration,
    /// Requests answered.
    pub requests: u64,
    /// Lines in answered requests.
    pub lines: u64,
    /// Bytes of log text in answered requests.
    pub text: u64,
    /// Answers by status code.
    pub statuses: BTreeMap<u16, u64>,
    /// Sum over the header `X-Logtap-Dropped`.
    pub dropped: u64,
    /// Requests that got no answer, by message.
    pub failures: BTreeMap<String, u64>,
    /// Time from the first byte sent to the answer read.
    pub latencies: Latencies,
}

/// Prepares requests with at least `text` bytes of log text in a dialect.
#[must_use]
pub fn prepare(config: Config, limits: Limits, dialect: Dialect, text: u64) -> Vec<Prepared> {
    let mut generator = Generator::new(config);
    let mut batcher = Batcher::new(limits);
    let mut prepared = Vec::new();
    let mut total = 0;
    let ready = |batch: crate::batches::Batch| Prepared {
        body: encode(dialect, &batch),
        lines: batch.lines(),
        text: batch.text_bytes(),
    };
    while total < text {
        let line = generator.next_line();
        total += line.text.len() as u64;
        prepared.extend(batcher.push(&line).map(ready));
    }
    prepared.extend(batcher.finish().map(ready));
    prepared
}

/// The address in `http://host:port`, if it is on this machine.
///
/// # Errors
/// When the address is not of this form or not a loopback address: the generator never loads
/// somebody else's server.
pub fn loopback(url: &str) -> io::Result<SocketAddr> {
    let refuse = |why: &str| {
        let message = format!("cannot load {url}: {why}; give http://127.0.0.1:PORT");
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    };
    let Some(rest) = url.strip_prefix("http://") else {
        return refuse("not an http:// address");
    };
    let Ok(mut found) = rest.trim_end_matches('/').to_socket_addrs() else {
        return refuse("no host and port");
    };
    match found.next() {
        Some(addr) if addr.ip().is_loopback() => Ok(addr),
        _ => refuse("not on this machine"),
    }
}

/// How [`post`] sends.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Connections, each with its own thread, at least 1.
    pub connections: usize,
    /// Lines per second over all connections; none is as fast as answers come.
    pub rate: Option<f64>,
    /// Send the requests again and again for this long; none sends each of them once.
    pub duration: Option<Duration>,
    /// Most requests to send.
    pub limit: Option<usize>,
}

/// Posts prepared requests over kept connections. Without a rate, each connection waits for its
/// answer before its next request; with one, a late request is not skipped but sent at once.
#[must_use]
pub fn post(addr: SocketAddr, requests: &[Prepared], plan: Plan) -> Outcome {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let mut before = Vec::with_capacity(requests.len());
    let mut total = 0;
    for request in requests {
        before.push(total);
        total += request.lines as u64;
    }
    let once = if plan.duration.is_some() { usize::MAX } else { requests.len() };
    let last = plan.limit.unwrap_or(usize::MAX).min(once);
    let sender = || {
        let mut outcome = Outcome::default();
        let mut client = LokiClient::with(addr, Options::default());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if requests.is_empty() || number >= last {
                break;
            }
            let at = number % requests.len();
            if let Some(rate) = plan.rate {
                let lines = (number / requests.len()) as u64 * total + before[at];
                let due = start + Duration::from_secs_f64(lines as f64 / rate);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            if plan.duration.is_some_and(|duration| start.elapsed() >= duration) {
                break;
            }
            outcome.send(&mut client, &requests[at]);
        }
        outcome
    };
    let mut sum = Outcome::default();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..plan.connections.max(1)).map(|_| scope.spawn(sender)).collect();
        for sender in senders {
            match sender.join() {
                Ok(outcome) => sum.add(outcome),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    sum.elapsed = start.elapsed();
    sum
}

impl Outcome {
    fn send(&mut self, client: &mut LokiClient, request: &Prepared) {
        let sent = Instant::now();
        match client.post(request.body.path, &request.body.headers(), &request.body.bytes) {
            Ok(response) => {
                self.latencies.record(sent.elapsed());
                self.requests += 1;
                self.lines += request.lines as u64;
                self.text += request.text as u64;
                *self.statuses.entry(response.status).or_default() += 1;
                let dropped = response.header("x-logtap-dropped");
                self.dropped += dropped.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            }
            Err(error) => *self.failures.entry(error.to_string()).or_default() += 1,
        }
    }

    /// Adds what another connection saw. The elapsed time stays.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.lines += other.lines;
        self.text += other.text;
        self.dropped += other.dropped;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (message, count) in other.failures {
            *self.failures.entry(message).or_default() += count;
        }
        self.latencies.add(&other.latencies);
    }

    /// Lines per second.
    #[must_use]
    pub fn lines_per_second(&self) -> f64 {
        self.lines as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}
