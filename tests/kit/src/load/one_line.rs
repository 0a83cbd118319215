//! Tiny requests at a high rate: one thread drives many connections in rounds. In a round it writes
//! to every connection, then reads every answer, so that a request costs two system calls and no
//! context switch.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::{Outcome, Prepared};

/// How [`one_line`] sends.
#[derive(Debug, Clone, Copy)]
pub struct OneLine {
    /// Connections, at least 1.
    pub connections: usize,
    /// Requests written at once on a connection before their answers are read, at least 1.
    pub pipeline: usize,
    /// Requests per second over all connections; none is as fast as answers come.
    pub rate: Option<f64>,
    /// When to end.
    pub duration: Duration,
    /// Most requests to send, rounded up to a whole round.
    pub limit: Option<u64>,
}

struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    sent: Instant,
}

/// Sends prepared requests again and again. Latencies are upper bounds: answers are read in the
/// order of the connections.
///
/// # Errors
/// When a connection fails or closes, or an answer is not HTTP/1.1 with a known length.
pub fn one_line(addr: SocketAddr, requests: &[Prepared], plan: OneLine) -> io::Result<Outcome> {
    let depth = plan.pipeline.max(1);
    let writes = rendered(addr, requests, depth);
    let mut connections = Vec::new();
    for _ in 0..plan.connections.max(1) {
        let stream = crate::client::connect(&addr.to_string(), Duration::from_secs(10))?;
        connections.push(Connection { stream, unread: Vec::new(), sent: Instant::now() });
    }
    let start = Instant::now();
    let mut outcome = Outcome::default();
    let mut buffer = vec![0; 64 << 10];
    let mut next = 0;
    while !writes.is_empty() && start.elapsed() < plan.duration {
        if plan.limit.is_some_and(|limit| outcome.requests >= limit) {
            break;
        }
        if let Some(rate) = plan.rate {
            let due = start + Duration::from_secs_f64(outcome.requests as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let first = next;
        for connection in &mut connections {
            connection.sent = Instant::now();
            connection.stream.write_all(&writes[next % writes.len()].bytes)?;
            next += 1;
        }
        for (at, connection) in connections.iter_mut().enumerate() {
            for _ in 0..depth {
                connection.answer(&mut buffer, &mut outcome)?;
            }
            let write = &writes[(first + at) % writes.len()];
            outcome.lines += write.lines;
            outcome.text += write.text;
        }
    }
    outcome.elapsed = start.elapsed();
    Ok(outcome)
}

struct Rendered {
    bytes: Vec<u8>,
    lines: u64,
    text: u64,
}

/// Whole requests, `depth` of them in one piece of bytes.
fn rendered(addr: SocketAddr, requests: &[Prepared], depth: usize) -> Vec<Rendered> {
    let render = |group: &[Prepared]| {
        let mut out = Rendered { bytes: Vec::new(), lines: 0, text: 0 };
        for at in 0..depth {
            let Prepared { body, lines, text } = &group[at % group.len()];
            let path = body.path;
            let mut head = format!("POST {path} HTTP/1.1\r\nHost: {addr}\r\n");
            for (name, value) in body.headers() {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("Content-Length: {}\r\n\r\n", body.bytes.len()));
            out.bytes.extend_from_slice(head.as_bytes());
            out.bytes.extend_from_slice(&body.bytes);
            out.lines += *lines as u64;
            out.text += *text as u64;
        }
        out
    };
    requests.chunks(depth).map(render).collect()
}

impl Connection {
    /// Reads one answer, from what is left of the last read if it is there.
    fn answer(&mut self, buffer: &mut [u8], outcome: &mut Outcome) -> io::Result<()> {
        let len = loop {
            if let Some(len) = whole(&self.unread, outcome)? {
                break len;
            }
            let read = self.stream.read(buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&buffer[..read]);
        };
        self.unread.drain(..len);
        outcome.latencies.record(self.sent.elapsed());
        outcome.requests += 1;
        Ok(())
    }
}

/// The length of the answer at the front, once it is there as a whole; counts it then.
fn whole(bytes: &[u8], outcome: &mut Outcome) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP/1.1 answer");
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| bad())?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let code = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(bad)?;
    let status = code.parse().map_err(|_| bad())?;
    let (mut body, mut dropped) = (0, 0);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            body = value.trim().parse().map_err(|_| bad())?;
        } else if name.eq_ignore_ascii_case("x-logtap-dropped") {
            dropped = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(bad());
        }
    }
    let len = end + 4 + body;
    if bytes.len() < len {
        return Ok(None);
    }
    *outcome.statuses.entry(status).or_default() += 1;
    outcome.dropped += dropped;
    Ok(Some(len))
}
