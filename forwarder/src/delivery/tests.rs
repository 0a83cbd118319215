//! Batches against a target that answers what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{Builder, JoinHandle};

use logtap_push::{Entry, Headers, Labels, Limits, Route, Sink, unwrap};
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::*;
use crate::identity::Identity;
use crate::source::Record;

/// Texts of the bodies that were answered with 204.
struct Taken(Vec<String>);

impl Sink for Taken {
    fn stream(&mut self, _: Labels<'_>) {}

    fn entry(&mut self, entry: Entry<'_>) {
        self.0.push(entry.line.to_owned());
    }
}

fn body(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        assert!(!line.starts_with("authorization"), "a token was shown over plain HTTP");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(body)
}

/// Answers the requests one after the other, 0 by closing the connection.
fn target(answers: Vec<u16>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let (mut answers, mut taken) = (answers.into_iter(), Taken(Vec::new()));
        while !answers.as_slice().is_empty() {
            let mut reader = BufReader::new(listener.accept().unwrap().0);
            while let Some(body) = (!answers.as_slice().is_empty()).then(|| body(&mut reader)).flatten() {
                let status = answers.next().unwrap();
                if status == 0 {
                    break;
                }
                if status == 204 {
                    let headers = Headers { content_type: Some("application/x-protobuf"), content_encoding: None };
                    unwrap(&body, Route::Loki, headers, &Limits::default()).unwrap().visit(&mut taken).unwrap();
                }
                let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
        taken.0
    };
    (url, Builder::new().name("target".to_owned()).spawn(serve).unwrap())
}

/// Delivers four lines to a target that gives these answers: what it took, and the figures.
fn deliver(answers: &[u16]) -> (Vec<String>, Figures) {
    let (url, served) = target(answers.to_vec());
    let report = Rc::new(Report::default());
    let (_stop, stopped) = watch::channel(false);
    let identity = Identity::at("/nowhere".into());
    let pusher = Pusher::new(Target::new(&url, None).unwrap(), identity, stopped, Rc::clone(&report));
    let mut delivery = Delivery::new(pusher, Vec::new(), report);
    let (out, mut pieces) = mpsc::channel(1);
    let record = |text: &str| Record { ns: 1, text: text.to_owned(), continues: false };
    out.try_send(Piece { container: "app".into(), records: ["a", "b", "c", "d"].map(record).into() }).unwrap();
    drop(out);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, delivery.run(&mut pieces));
    (served.join().unwrap(), delivery.figures())
}

#[test]
fn a_failing_target_gets_everything_later() {
    let (taken, figures) = deliver(&[503, 0, 429, 204]);
    assert_eq!(taken, ["a", "b", "c", "d"]);
    assert_eq!(figures, Figures { sent: 4, refused: 0, waiting: 0 });
}

#[test]
fn too_large_batches_go_in_halves_and_in_order() {
    let (taken, figures) = deliver(&[413, 413, 204, 204, 204]);
    assert_eq!(taken, ["a", "b", "c", "d"]);
    assert_eq!(figures.sent, 4);
}

#[test]
fn a_single_line_that_is_too_large_is_counted() {
    let (taken, figures) = deliver(&[413, 413, 413, 204, 204]);
    assert_eq!(taken, ["b", "c", "d"]);
    assert_eq!(figures, Figures { sent: 3, refused: 1, waiting: 0 });
}

#[test]
fn what_can_never_be_taken_is_counted_and_does_not_stand_in_the_way() {
    let (taken, figures) = deliver(&[400]);
    assert_eq!(taken, [""; 0]);
    assert_eq!(figures, Figures { sent: 0, refused: 4, waiting: 0 });
}
