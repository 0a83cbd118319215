//! A webhook's server: keeps what is posted, and answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Posted {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn event(&self) -> String {
        self.json()["event"].as_str().unwrap().to_owned()
    }
}

/// Listens until the test ends.
pub(crate) struct Hook {
    addr: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Hook {
    /// Answers with these statuses in turn, then always 200.
    pub(crate) fn start(statuses: &'static [u16]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), statuses)
    }

    pub(crate) fn on(listener: TcpListener, statuses: &'static [u16]) -> Self {
        let addr = listener.local_addr().unwrap();
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let into = posted.clone();
        let serve = move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                let mut posted = into.lock().unwrap();
                let status = statuses.get(posted.len()).copied().unwrap_or(200);
                posted.push(request);
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                drop(stream.write_all(answer.as_bytes()));
            }
        };
        std::thread::Builder::new().name("webhook".to_owned()).spawn(serve).unwrap();
        Self { addr, posted }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.posted().iter().map(Posted::event).collect()
    }

    pub(crate) fn has(&self, event: &str) -> bool {
        self.events().iter().any(|posted| posted == event)
    }
}

fn read(stream: &TcpStream) -> Option<Posted> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, text)| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Posted { headers, body: String::from_utf8(body).unwrap() })
}
