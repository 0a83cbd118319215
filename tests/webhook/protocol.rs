//! HTTP, as a client that means no good or is of another age would speak it.

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Method, Request, StatusCode};
use logtap_webhook::MAX_BODY;
use logtap_webhook::server::Limits;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{JSON, NAME, Stage, is_injected, millis, post, review, seconds, tapped};

fn request(method: Method, path: &str, kind: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path).header("host", NAME);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    request.body(Full::from(review("shop").to_string())).unwrap()
}

#[tokio::test]
async fn garbage_is_answered_with_400_and_a_sentence() {
    let stage = Stage::new().await;
    let bodies: [(&[u8], &str); 7] = [
        (b"", "case 1: empty"),
        (b"hello", "case 2: JSON"),
        (b"{}", "case 3: AdmissionReview"),
        (br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#, "case 4: request"),
        (br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{}}"#, "case 5: v1"),
        (&[b'['; 300_000], "case 20: JSON"),
        (b"\xff\xfe{}", "case 22: JSON"),
    ];
    for (body, hint) in bodies {
        let (status, text) = stage.send(post(body.to_vec())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{hint}");
        assert!(text.contains(hint.split(": ").nth(1).unwrap()), "{hint}: {text}");
    }
    assert_eq!(stage.metric("logtap_webhook_answers_total{status=\"400\"}"), "7");
}

#[tokio::test]
async fn case_007_content_type() {
    let stage = Stage::new().await;
    for (kind, expected) in [
        (None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/jsonx"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some(""), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some(JSON), StatusCode::OK),
        (Some("application/json; charset=utf-8"), StatusCode::OK),
        (Some("Application/JSON;charset=UTF-8"), StatusCode::OK),
    ] {
        assert_eq!(stage.send(request(Method::POST, "/mutate", kind)).await.0, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn case_008_other_methods() {
    let stage = Stage::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
        let response = stage.http1().await.send_request(request(method.clone(), "/mutate", Some(JSON))).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "POST");
    }
}

#[tokio::test]
async fn case_009_other_paths() {
    let stage = Stage::new().await;
    for path in ["/", "/mutate/", "/mutatee", "/healthz", "/metrics", "/mutate%2f"] {
        assert_eq!(stage.send(request(Method::POST, path, Some(JSON))).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn case_010_the_size_of_a_body() {
    let stage = Stage::new().await;
    let mut body = review("shop").to_string().into_bytes();
    body.resize(MAX_BODY, b' ');
    let (status, text) = stage.send(post(body.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert!(is_injected(text.as_bytes()));
    body.push(b' ');
    let (status, text) = stage.send(post(body)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("8388608"), "{text}");
}

#[tokio::test]
async fn case_010_a_body_of_unknown_size() {
    let stage = Stage::new().await;
    let chunk = Bytes::from(vec![b' '; 1 << 20]);
    let chunks = futures_util::stream::iter((0..9).map(move |_| Ok::<_, std::io::Error>(Frame::data(chunk.clone()))));
    let request = Request::post("/mutate").header("host", NAME).header("content-type", JSON);
    let request = request.body(StreamBody::new(chunks)).unwrap();
    let mut sender = stage.http1().await;
    // The server may stop reading before everything is sent.
    if let Ok(response) = sender.send_request(request).await {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(stage.metric("logtap_webhook_answers_total{status=\"413\"}"), "1");
}

#[tokio::test]
async fn case_016_the_timeout_in_the_query() {
    let stage = Stage::new().await;
    for query in ["", "?timeout=3s", "?timeout=10s&x=y", "?"] {
        let (status, text) = stage.send(request(Method::POST, &format!("/mutate{query}"), Some(JSON))).await;
        assert_eq!(status, StatusCode::OK);
        assert!(is_injected(text.as_bytes()));
    }
}

#[tokio::test]
async fn case_018_headers_that_trickle() {
    let stage = Stage::with(Limits { head: millis(500), ..Limits::default() }, seconds(0)).await;
    let mut stream = stage.tls(b"http/1.1").await;
    stream.write_all(b"POST /mutate HTTP/1.1\r\nhost: x\r\nx: ").await.unwrap();
    let trickle = async {
        while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(millis(20)).await;
        }
    };
    tokio::time::timeout(seconds(5), trickle).await.expect("cut off");
}

/// A review that meets a connection which the webhook is just closing fails, and its pod is missed:
/// the API server sends it on another connection only if nothing of it was written yet.
#[tokio::test]
async fn connections_stay_open_for_longer_than_the_api_server_keeps_them() {
    let kept = seconds(90);
    assert!(Limits::default().idle > kept);
    let stage = Stage::with(Limits { head: millis(200), ..Limits::default() }, seconds(0)).await;
    let mut sender = stage.http1().await;
    for _ in 0..2 {
        let response = sender.send_request(tapped()).await.expect("the connection is open");
        assert!(is_injected(&response.into_body().collect().await.unwrap().to_bytes()));
        // Longer than the time for a first head.
        tokio::time::sleep(millis(600)).await;
    }
}

#[tokio::test]
async fn case_018_a_body_that_trickles() {
    let stage = Stage::new().await;
    let mut stream = stage.tls(b"http/1.1").await;
    let head = format!("POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 1000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(millis(20)).await;
        }
    });
    let mut answer = vec![0; 12];
    tokio::time::timeout(seconds(5), reader.read_exact(&mut answer)).await.expect("cut off").unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    trickle.abort();
}

#[tokio::test]
async fn case_019_clients_that_go_away() {
    let stage = Stage::new().await;
    let head = format!("POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 1000\r\n\r\n{{");
    for _ in 0..3 {
        let mut stream = stage.tls(b"http/1.1").await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(millis(50)).await;
        drop(stream);
    }
    // A stream that waits for its namespace, and is reset.
    let waiting = tokio::spawn({
        let mut sender = stage.http2().await;
        async move { sender.send_request(post(review("unseen").to_string())).await }
    });
    tokio::time::sleep(millis(100)).await;
    waiting.abort();
    tokio::time::sleep(millis(100)).await;
    assert_eq!(stage.metric("logtap_webhook_canceled_total"), "4");
    assert!(is_injected(stage.send(tapped()).await.1.as_bytes()), "others are served on");
}

#[tokio::test]
async fn case_023_both_protocols() {
    let stage = Stage::new().await;
    let mut one = stage.http1().await;
    let mut two = stage.http2().await;
    for _ in 0..3 {
        one.ready().await.unwrap();
        let first = one.send_request(tapped()).await.unwrap();
        let second = two.send_request(tapped()).await.unwrap();
        assert_eq!(second.version(), hyper::Version::HTTP_2);
        let bodies = [first, second].map(|response| response.into_body().collect());
        let [first, second] = bodies;
        let (first, second) = (first.await.unwrap().to_bytes(), second.await.unwrap().to_bytes());
        assert!(is_injected(&first));
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn answers_say_what_they_are() {
    let stage = Stage::new().await;
    let response = stage.http1().await.send_request(tapped()).await.unwrap();
    assert_eq!(response.headers()["content-type"], JSON);
    let body: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(body["response"]["uid"], "0f1c2d3e-0000-4000-8000-000000000001");
    assert_eq!(body["response"]["allowed"], true);
    assert_eq!(stage.metric("logtap_webhook_reviews_total{decision=\"inject\",reason=\"injected\"}"), "1");
    assert_eq!(stage.metric("logtap_webhook_reviews_total{decision=\"skip\",reason=\"no_target\"}"), "0");
}
