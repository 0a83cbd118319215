//! Answers: read with their body in every framing that HTTP/1.1 has.

use std::io::{self, BufRead, Read};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values trimmed, in order.
    pub headers: Vec<(String, String)>,
    /// The body, without chunk framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(have, _): &&(String, String)| have.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// The body as text, bad bytes replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the server closes the connection after this answer.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Reads one answer to a request with this method, interim answers such as `100` included.
///
/// # Errors
/// When the connection ends early or what comes is not HTTP/1.
pub fn read_response(from: &mut impl BufRead, method: &str) -> io::Result<Response> {
    let first = line(from)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| bad(format!("no HTTP/1 status line: {first:?}")))?;
    let mut headers = Vec::new();
    loop {
        let text = line(from)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(|| bad(format!("no header: {text:?}")))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, headers, body: Vec::new() };
    let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
    if !bodiless {
        body(from, &mut response)?;
    }
    Ok(response)
}

fn body(from: &mut impl BufRead, response: &mut Response) -> io::Result<()> {
    let chunked =
        response.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if chunked {
        return chunks(from, &mut response.body);
    }
    match response.header("content-length") {
        Some(text) => {
            let len = text.parse().map_err(|_| bad(format!("no length: {text:?}")))?;
            response.body.resize(len, 0);
            from.read_exact(&mut response.body)
        }
        None => from.read_to_end(&mut response.body).map(drop),
    }
}

fn chunks(from: &mut impl BufRead, out: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let text = line(from)?;
        let size = text.split(';').next().unwrap_or_default().trim();
        let len = u64::from_str_radix(size, 16).map_err(|_| bad(format!("no chunk: {text:?}")))?;
        if len == 0 {
            while !line(from)?.is_empty() {}
            return Ok(());
        }
        if from.take(len).read_to_end(out)? as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line(from)?;
    }
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|error| bad(error.to_string()))
}

fn bad(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
