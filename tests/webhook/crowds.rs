//! Many at once, and crowds that want to keep others out.

use http_body_util::BodyExt;
use logtap_webhook::server::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stage::{NAME, Stage, is_injected, millis, seconds, tapped};

fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_024_a_thousand_requests_on_one_connection() {
    let stage = Stage::new().await;
    let sender = stage.http2().await;
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..1000 {
        let mut sender = sender.clone();
        tasks.spawn(async move {
            let response = sender.send_request(tapped()).await.unwrap();
            assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(began.elapsed() < seconds(3), "all within the API server's patience: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_024_five_hundred_connections() {
    allow_files();
    let stage = Stage::new().await;
    let mut senders = Vec::new();
    for _ in 0..500 {
        senders.push(stage.http1().await);
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut sender in senders {
        tasks.spawn(async move {
            for _ in 0..2 {
                sender.ready().await.unwrap();
                let response = sender.send_request(tapped()).await.unwrap();
                assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(began.elapsed() < seconds(3), "{:?}", began.elapsed());
    assert_eq!(stage.metric("logtap_webhook_answers_total{status=\"200\"}"), "1000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_132_half_open_handshakes() {
    allow_files();
    let stage = Stage::new().await;
    let mut crowd = Vec::new();
    for number in 0..10_000 {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        }
        crowd.push(stream);
        if number % 1000 == 999 {
            let began = Instant::now();
            assert!(is_injected(stage.send(tapped()).await.1.as_bytes()));
            assert!(began.elapsed() < seconds(1), "after {number}: {:?}", began.elapsed());
        }
    }
    tokio::time::sleep(seconds(4)).await;
    assert!(is_injected(stage.send(tapped()).await.1.as_bytes()));
    assert_eq!(stage.metric("logtap_webhook_handshakes_failed_total"), "10000", "none is left");
}

#[tokio::test]
async fn case_132_a_slow_handshake_is_cut_off() {
    let stage = Stage::with(Limits { handshake: millis(300), ..Limits::default() }, seconds(0)).await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let mut byte = [0; 1];
    let ended = tokio::time::timeout(seconds(3), stream.read(&mut byte)).await.expect("cut off");
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn connections_that_are_held_open_keep_nobody_out() {
    let limits = Limits { connections: 8, linger: millis(200), ..Limits::default() };
    let stage = Stage::with(limits, seconds(0)).await;
    let mut idle = Vec::new();
    for number in 0..50 {
        // Half of them never say a word of HTTP/2.
        idle.push(stage.tls(if number % 2 == 0 { b"h2" } else { b"http/1.1" }).await);
        if number % 10 == 9 {
            assert!(is_injected(stage.send(tapped()).await.1.as_bytes()), "after {number}");
        }
    }
}

#[tokio::test]
async fn case_131_old_and_plain_clients() {
    let stage = Stage::new().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connector = stage.connector(b"h2", &[version]);
        let stream = TcpStream::connect(stage.address).await.unwrap();
        let stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
    }
    let mut plain = TcpStream::connect(stage.address).await.unwrap();
    plain.write_all(b"POST /mutate HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(seconds(2), plain.read_to_end(&mut answer)).await.expect("closed at once");
    // A TLS alert, then the end.
    assert!(read.is_err() || answer.first() == Some(&0x15), "{answer:?}");
    assert!(is_injected(stage.send(tapped()).await.1.as_bytes()));
}
