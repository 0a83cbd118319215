//! The client against a server of a few lines, and every dialect against the project's decoder.

use std::net::TcpListener;
use std::thread;

use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink, unwrap};

use super::*;
use crate::batches::Batch;

/// Answers each connection with one canned answer per request, and returns what it was sent.
fn serve(answers: Vec<&'static str>) -> (String, thread::JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let server = thread::Builder::new().name("canned answers".to_owned());
    let handle = server.spawn(move || {
        let mut seen = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answer.split('|') {
                let mut request = vec![0; 65_536];
                let read = stream.read(&mut request).unwrap();
                seen.push(request[..read].to_vec());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
        seen
    });
    let handle = handle.unwrap();
    (addr, handle)
}

#[test]
fn keeps_the_connection_and_replaces_a_closed_one() {
    let ok = "HTTP/1.1 204 No Content\r\nX-Logtap-Dropped: 3\r\n\r\n";
    let two = "HTTP/1.1 204 No Content\r\n\r\n|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (addr, server) = serve(vec![two, ok]);
    let mut client = LokiClient::new(addr);
    assert_eq!(client.post("/x", &[], b"1").unwrap().status, 204);
    assert_eq!(client.get("/y").unwrap().text(), "abcde");
    let third = client.post("/z", &[("A", "b")], b"3").unwrap();
    assert_eq!(third.header("x-logtap-dropped"), Some("3"));
    let seen = server.join().unwrap();
    assert!(seen[2].starts_with(b"POST /z HTTP/1.1\r\n"));
    assert!(seen[2].ends_with(b"A: b\r\nContent-Length: 1\r\n\r\n3"));
}

#[test]
fn expectation_and_chunks() {
    let (addr, server) = serve(vec!["HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 204 No Content\r\n\r\n"]);
    let options = Options { chunk: Some(2), expect_continue: true, ..Options::default() };
    let response = LokiClient::with(addr, options).post("/x", &[], b"abc").unwrap();
    assert_eq!(response.status, 204);
    let seen = server.join().unwrap();
    assert!(String::from_utf8_lossy(&seen[0]).contains("Expect: 100-continue"));
    assert_eq!(seen[1], b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
}

#[derive(Default)]
struct Seen {
    labels: usize,
    lines: Vec<String>,
    meta: usize,
}

impl Sink for Seen {
    fn stream(&mut self, _: Labels<'_>) {
        self.labels += 1;
    }

    fn entry(&mut self, entry: Entry<'_>) {
        self.lines.push(entry.line.to_owned());
        self.meta += entry.meta.iter().filter(|(name, _)| name == "k").count();
    }
}

#[test]
fn every_dialect_is_decoded_to_the_same_lines() {
    let mut batch = Batch::of(&[("app", "a\"b\\c")], 1_795_168_800_000_000_001, &["x\ty\"z", "ü"]);
    let other = vec![("app".to_owned(), "b".to_owned())];
    batch.add(&other, 1_795_168_800_000_000_009, "third", &[("k", "v")]);
    for (name, dialect) in Dialect::ALL {
        let body = encode(dialect, &batch);
        let route = match body.path {
            logtap_push::RAW_PATH => Route::Raw,
            logtap_push::OTLP_PATH => Route::Otlp,
            _ => Route::Loki,
        };
        let headers = Headers { content_type: body.content_type, content_encoding: body.content_encoding };
        let payload = unwrap(&body.bytes, route, headers, &Limits { decompressed: 1 << 20 }).expect(name);
        let mut seen = Seen::default();
        payload.visit(&mut seen).expect(name);
        assert_eq!(seen.lines, ["x\ty\"z", "ü", "third"], "{name}");
        assert_eq!(seen.meta, usize::from(dialect.has_metadata()), "{name}");
        assert!(seen.labels >= 2, "{name}");
    }
}
