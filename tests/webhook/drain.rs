//! The end: nothing that was sent before everybody knew is lost.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http_body_util::BodyExt;
use logtap_webhook::server::Limits;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stage::{Stage, is_injected, millis, seconds, tapped};

/// Whether HTTP/2 promises that the server has not begun a request, so that it may be sent again: the
/// connection was found closed before, or the request crossed with the server's GOAWAY and is beyond the
/// last one that it takes (RFC 9113, section 6.8). A request that is lost breaks off otherwise.
fn was_not_begun(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    let refused =
        |cause: &h2::Error| cause.is_go_away() && cause.is_remote() && cause.reason() == Some(h2::Reason::NO_ERROR);
    error.is_canceled() || cause.is_some_and(refused)
}

/// Where clients connect to: what the API server knows of endpoints.
struct Endpoints {
    old: Stage,
    new: Stage,
    moved: AtomicBool,
    answered: [AtomicUsize; 2],
    stop: AtomicBool,
}

impl Endpoints {
    fn now(&self) -> (&Stage, &AtomicUsize) {
        if self.moved.load(Ordering::Relaxed) { (&self.new, &self.answered[1]) } else { (&self.old, &self.answered[0]) }
    }

    async fn http1_client(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let (stage, count) = self.now();
            let mut sender = stage.http1().await;
            // Until the server ends the connection, and only before a request.
            while !self.stop.load(Ordering::Relaxed) && sender.ready().await.is_ok() {
                let response = sender.send_request(tapped()).await.expect("a request was lost");
                assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(millis(2)).await;
            }
        }
    }

    async fn http2_client(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let (stage, count) = self.now();
            let mut sender = stage.http2().await;
            while !self.stop.load(Ordering::Relaxed) && sender.ready().await.is_ok() {
                match sender.send_request(tapped()).await {
                    Ok(response) => {
                        assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    // As the API server's client does by itself: the next round sends it again.
                    Err(error) if was_not_begun(&error) => break,
                    Err(error) => panic!("a request was lost: {error:?}"),
                }
                tokio::time::sleep(millis(2)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_099_a_drain_under_load_loses_nothing() {
    let old = Stage::with(Limits::default(), seconds(1)).await;
    let new = Stage::new().await;
    let trigger = old.trigger.clone();
    let answered = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let endpoints =
        Arc::new(Endpoints { old, new, moved: AtomicBool::new(false), answered, stop: AtomicBool::new(false) });
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (one, other) = (endpoints.clone(), endpoints.clone());
        clients.spawn(async move { one.http1_client().await });
        clients.spawn(async move { other.http2_client().await });
    }
    tokio::time::sleep(millis(500)).await;
    trigger.advance();
    tokio::time::sleep(millis(300)).await;
    assert!(!endpoints.old.task.is_finished());
    endpoints.moved.store(true, Ordering::Relaxed);
    tokio::time::sleep(millis(1500)).await;
    assert!(endpoints.old.task.is_finished(), "the old one ends soon after the drain time");
    endpoints.stop.store(true, Ordering::Relaxed);
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    let [old, new] = [0, 1].map(|at| endpoints.answered[at].load(Ordering::Relaxed));
    assert!(old > 200 && new > 200, "{old} and {new} answers");
    // What was sent again had not been begun: each request that a server took has come back as an answer.
    for (stage, answered) in [(&endpoints.old, old), (&endpoints.new, new)] {
        assert_eq!(stage.metric("logtap_webhook_answers_total{status=\"200\"}"), answered.to_string());
        assert_eq!(stage.metric("logtap_webhook_canceled_total"), "0");
    }
}

#[tokio::test]
async fn a_request_that_was_begun_is_finished() {
    let stage = Stage::new().await;
    let mut sender = stage.http2().await;
    let request = crate::stage::post(crate::stage::review("unseen").to_string());
    let waiting = tokio::spawn(async move { sender.send_request(request).await });
    tokio::time::sleep(millis(100)).await;
    stage.trigger.advance();
    let response = waiting.await.unwrap().expect("the answer comes all the same");
    assert_eq!(response.status(), 200);
    stage.task.await.unwrap();
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let stage = Stage::with(Limits::default(), seconds(60)).await;
    let _idle = stage.http2().await;
    let began = Instant::now();
    stage.trigger.advance();
    tokio::time::sleep(millis(100)).await;
    assert!(!stage.task.is_finished());
    stage.trigger.advance();
    stage.task.await.unwrap();
    assert!(began.elapsed() < seconds(2));
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let stage = Stage::new().await;
    let idle = (stage.http2().await, stage.http1::<http_body_util::Full<hyper::body::Bytes>>().await);
    let began = Instant::now();
    stage.trigger.advance();
    stage.task.await.unwrap();
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
    drop(idle);
}
