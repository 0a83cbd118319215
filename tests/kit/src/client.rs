//! A small blocking HTTP/1.1 client that can also misbehave.
//!
//! Written over a bare socket so that a test decides every byte: chunked or not, with
//! `Expect: 100-continue` or not, slowly, or cut off in the middle.

mod dialect;
mod otlp;
mod response;

#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub use dialect::{Body, Dialect, encode};
pub use response::{Response, read_response};

/// How requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Send the body in chunks of this many bytes, without `Content-Length`.
    pub chunk: Option<usize>,
    /// Announce the body and wait for `100 Continue`, or for the final answer, before sending it.
    pub expect_continue: bool,
    /// Longest wait for a connection, a write or a part of an answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { chunk: None, expect_continue: false, timeout: Duration::from_secs(10) }
    }
}

/// A client with one connection, kept alive between requests.
#[derive(Debug)]
pub struct LokiClient {
    addr: String,
    options: Options,
    connection: Option<BufReader<TcpStream>>,
}

impl LokiClient {
    /// A client for `host:port`; connects with the first request.
    #[must_use]
    pub fn new(addr: impl ToString) -> Self {
        Self::with(addr, Options::default())
    }

    /// A client that sends in a particular way.
    #[must_use]
    pub fn with(addr: impl ToString, options: Options) -> Self {
        Self { addr: addr.to_string(), options, connection: None }
    }

    /// Changes how the next requests are sent.
    pub fn set_options(&mut self, options: Options) {
        self.options = options;
        self.connection = None;
    }

    /// Posts a batch in a dialect.
    ///
    /// # Errors
    /// As [`LokiClient::post`].
    pub fn push(&mut self, dialect: Dialect, batch: &crate::batches::Batch) -> io::Result<Response> {
        let body = encode(dialect, batch);
        self.post(body.path, &body.headers(), &body.bytes)
    }

    /// Posts bytes. A kept connection that the server closed before answering is replaced once.
    ///
    /// # Errors
    /// When the server cannot be reached, does not answer in time or does not speak HTTP/1.
    pub fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        self.request("POST", path, headers, body)
    }

    /// Gets a path.
    ///
    /// # Errors
    /// As [`LokiClient::post`].
    pub fn get(&mut self, path: &str) -> io::Result<Response> {
        self.request("GET", path, &[], b"")
    }

    /// Sends a request with any method.
    ///
    /// # Errors
    /// As [`LokiClient::post`].
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Response> {
        let reused = self.connection.is_some();
        let head = self.head(method, path, headers, body.len());
        match self.exchange(method, &head, body) {
            Err(error) if reused && gone(&error) => {
                self.connection = None;
                self.exchange(method, &head, body)
            }
            other => other,
        }
        .inspect_err(|_| self.connection = None)
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], len: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.addr);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.options.chunk.is_some() {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if method != "GET" {
            head.push_str(&format!("Content-Length: {len}\r\n"));
        }
        if self.options.expect_continue {
            head.push_str("Expect: 100-continue\r\n");
        }
        head.push_str("\r\n");
        head
    }

    fn exchange(&mut self, method: &str, head: &str, body: &[u8]) -> io::Result<Response> {
        let options = self.options;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(BufReader::new(connect(&self.addr, options.timeout)?)),
        };
        let early = if options.expect_continue {
            connection.get_mut().write_all(head.as_bytes())?;
            let first = read_response(connection, method)?;
            (first.status != 100).then_some(first)
        } else {
            None
        };
        let response = match early {
            Some(refusal) => refusal,
            None => {
                let head = if options.expect_continue { "" } else { head };
                let sent = send(connection.get_mut(), head, body, options.chunk);
                match final_response(connection, method) {
                    Ok(response) => response,
                    Err(error) => return Err(sent.err().unwrap_or(error)),
                }
            }
        };
        let refused = options.expect_continue && response.status >= 300;
        if refused || response.closes() {
            self.connection = None;
        }
        Ok(response)
    }
}

fn final_response(connection: &mut BufReader<TcpStream>, method: &str) -> io::Result<Response> {
    loop {
        let response = read_response(connection, method)?;
        if response.status >= 200 {
            return Ok(response);
        }
    }
}

fn send(stream: &mut TcpStream, head: &str, body: &[u8], chunk: Option<usize>) -> io::Result<()> {
    let mut out = Vec::with_capacity(head.len() + body.len() + 64);
    out.extend_from_slice(head.as_bytes());
    match chunk {
        None => out.extend_from_slice(body),
        Some(size) => {
            for chunk in body.chunks(size.max(1)) {
                out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
    stream.write_all(&out)
}

fn gone(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::BrokenPipe | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof)
}

/// Opens a connection for a test that writes its own bytes.
///
/// # Errors
/// When `addr` is no `host:port` or nothing listens there.
pub fn connect(addr: &str, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(stream)
}

/// Sends bytes in pieces with a pause after each, until all are sent or the server hangs up.
/// Returns how many were sent.
pub fn drip(stream: &mut TcpStream, bytes: &[u8], piece: usize, pause: Duration) -> usize {
    let mut sent = 0;
    for part in bytes.chunks(piece.max(1)) {
        if stream.write_all(part).is_err() {
            break;
        }
        sent += part.len();
        std::thread::sleep(pause);
    }
    sent
}

/// Sends raw bytes on a new connection, stops writing, and returns everything that comes back
/// before the server closes or `timeout` passes without a byte.
///
/// # Errors
/// When nothing listens at `addr`.
pub fn raw(addr: &str, bytes: &[u8], timeout: Duration) -> io::Result<Vec<u8>> {
    let mut stream = connect(addr, timeout)?;
    // A server may hang up before it has taken all; what it said meanwhile still counts.
    drop(stream.write_all(bytes));
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    Ok(answer)
}
