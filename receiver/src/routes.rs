//! What is answered where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use axum::routing::{any, get};
use logtap_capture::chunk::{Chunk, Span};
use logtap_capture::time;
use logtap_push::{Headers, Route};
use tokio::sync::Semaphore;

use crate::auth::Tokens;
use crate::body::{BodyError, Reading};
use crate::config::OnFull;
use crate::gaps::{Gaps, reason};
use crate::identity::{Identities, Pod, Verdict};
use crate::ingest::{Batch, Came, Ingest};
use crate::ledger::Ledger;
use crate::queue::{Outcome, Queue, services};
use crate::shutdown::{Phase, Shutdown};
use crate::{metrics, otlp};

/// Lines of this request that were not kept (or whose write has not returned).
pub(crate) const DROPPED: &str = "x-logtap-dropped";
/// Lines of this request that could not be read.
pub(crate) const REJECTED: &str = "x-logtap-rejected";

/// Bodies up to this size are decoded where they are read; larger ones on a thread of their own.
const INLINE: usize = 64 << 10;
/// Bodies that unpack to more take turns, so that bombs share one buffer.
const USUAL: usize = 8 << 20;

/// What handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) gaps: Arc<Gaps>,
    pub(crate) tokens: Tokens,
    pub(crate) identities: Option<Identities>,
    pub(crate) reading: Reading,
    pub(crate) decompressed: usize,
    pub(crate) ack_timeout: Duration,
    pub(crate) on_full: OnFull,
    pub(crate) decoding: Arc<Semaphore>,
    pub(crate) large: Semaphore,
    pub(crate) snapshot: metrics::Source,
    pub(crate) shutdown: Shutdown,
    pub(crate) unauthorised: Unauthorised,
}

/// Told about senders without a right token.
pub(crate) struct Unauthorised(pub(crate) Box<dyn Fn(SocketAddr) + Send + Sync>);

impl std::fmt::Debug for Unauthorised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unauthorised")
    }
}

/// The routes of a receiver.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(logtap_push::PUSH_PATH, any(|state, peer, request| push(state, peer, Route::Loki, request)))
        .route(logtap_push::LEGACY_PUSH_PATH, any(|state, peer, request| push(state, peer, Route::Loki, request)))
        .route(logtap_push::RAW_PATH, any(|state, peer, request| push(state, peer, Route::Raw, request)))
        .route(logtap_push::OTLP_PATH, any(|state, peer, request| push(state, peer, Route::Otlp, request)))
        .route("/", get(ready))
        .route("/ready", get(ready))
        .route("/readyz", get(readyz))
        .route("/healthz", get(|| async { json("{\"status\":\"ok\"}") }))
        .route("/api/version", get(version))
        .route("/loki/api/v1/status/buildinfo", get(version))
        .route("/metrics", get(metrics_text))
        .fallback(|| async {
            plain(
                StatusCode::NOT_FOUND,
                "not found; logs are posted to /loki/api/v1/push, /otlp/v1/logs or /logtap/raw",
            )
        })
        .with_state(app)
}

/// Repeated slashes collapse: a redirect would turn the client's POST into a GET.
pub(crate) fn collapse_slashes(mut request: Request) -> Request {
    if !request.uri().path().contains("//") {
        return request;
    }
    let mut path = String::with_capacity(request.uri().path().len());
    for c in request.uri().path().chars() {
        if c != '/' || !path.ends_with('/') {
            path.push(c);
        }
    }
    if let Some(query) = request.uri().query() {
        path.push('?');
        path.push_str(query);
    }
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn json(text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn ready(State(app): State<Arc<App>>) -> Response<Body> {
    if app.shutdown.phase() == Phase::Running {
        plain(StatusCode::OK, "ready")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "stopping")
    }
}

async fn readyz(State(app): State<Arc<App>>) -> Response<Body> {
    if app.shutdown.phase() == Phase::Running {
        return json("{\"status\":\"ready\"}");
    }
    let mut response = json("{\"status\":\"not_ready\",\"reason\":\"stopping\"}");
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

async fn version() -> Response<Body> {
    json(&serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "api": 1}).to_string())
}

async fn metrics_text(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<SocketAddr>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(Answer::Refused(status, text)) = sender(&app, peer, &headers).await {
        return plain(status, &text);
    }
    let mut response = Response::new(Body::from(metrics::text(&(app.snapshot.0)())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

/// How a push ends.
enum Answer {
    Kept { rejected: u64 },
    Dropped { lines: u64, rejected: u64 },
    Retry,
    Refused(StatusCode, String),
}

async fn push(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<SocketAddr>,
    route: Route,
    request: Request,
) -> Response<Body> {
    let begun = Instant::now();
    let content_type = header(request.headers(), CONTENT_TYPE.as_str()).map(str::to_owned);
    let answer = handle(&app, peer, route, request).await;
    let response = respond(answer, route, content_type.as_deref());
    app.ledger.answered(response.status().as_u16(), u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    response
}

fn respond(answer: Answer, route: Route, content_type: Option<&str>) -> Response<Body> {
    let (status, text, dropped, rejected) = match &answer {
        Answer::Kept { rejected } => (StatusCode::NO_CONTENT, "", 0, *rejected),
        Answer::Dropped { lines, rejected } => (StatusCode::NO_CONTENT, "", *lines, *rejected),
        Answer::Retry => (StatusCode::TOO_MANY_REQUESTS, "the receiver cannot keep up, try again", 0, 0),
        Answer::Refused(status, text) => (*status, text.as_str(), 0, 0),
    };
    let mut response = if route == Route::Otlp {
        otlp::answer(status, otlp::speaks_json(content_type), text)
    } else if status == StatusCode::NO_CONTENT {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response
    } else {
        plain(status, text)
    };
    let headers = response.headers_mut();
    for (name, count) in [(DROPPED, dropped), (REJECTED, rejected)] {
        if count > 0 {
            headers.insert(name, HeaderValue::from(count));
        }
    }
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn handle(app: &Arc<App>, peer: SocketAddr, route: Route, request: Request) -> Answer {
    if request.method() != Method::POST {
        return Answer::Refused(StatusCode::METHOD_NOT_ALLOWED, "logs are sent with POST".to_owned());
    }
    let sender = match sender(app, peer, request.headers()).await {
        Ok(sender) => sender,
        Err(answer) => return answer,
    };
    let rx = time::now();
    let can_wait = app.on_full == OnFull::Retry || request.headers().contains_key(logtap_push::CAN_WAIT);
    let (parts, body) = request.into_parts();
    let body = match app.reading.read(body).await {
        Ok(body) => body,
        Err(error) => return body_refused(app, error),
    };
    let waited = body.waited;
    let came = Came { route, sender, rx };
    let batch = match decode(app, body.bytes, &came, &parts.headers).await {
        Ok(batch) => batch,
        Err(answer) => return answer,
    };
    let lines = batch.lines();
    let rejected = batch.decoded.rejected.iter().map(|(_, n)| n).sum();
    app.ledger.decoded(lines, &batch.decoded);
    if batch.chunks.is_empty() {
        return Answer::Kept { rejected };
    }
    let patience = app.ack_timeout.saturating_sub(waited);
    keep(app, batch.chunks, lines, rejected, can_wait, patience).await
}

/// Which pod a sender is, where pods have to say so. Nobody who may send is turned away because the cluster is
/// slow: a sender told 401 gives up, one told 503 comes again.
async fn sender(app: &App, peer: SocketAddr, headers: &HeaderMap) -> Result<Option<Arc<Pod>>, Answer> {
    let refused = |text: &str| {
        (app.unauthorised.0)(peer);
        Err(Answer::Refused(StatusCode::UNAUTHORIZED, text.to_owned()))
    };
    let verdict = match &app.identities {
        None if app.tokens.allow(headers) => return Ok(None),
        None => return refused("a bearer token is required"),
        Some(_) if app.tokens.some() && app.tokens.allow(headers) => return Ok(None),
        Some(identities) => identities.of(headers).await,
    };
    match verdict {
        Some(Verdict::Pod(pod)) => Ok(Some(pod)),
        Some(Verdict::Unavailable(reason)) => {
            tracing::warn!("a sender cannot be identified: {reason}");
            Err(Answer::Refused(StatusCode::SERVICE_UNAVAILABLE, "senders cannot be identified now".to_owned()))
        }
        Some(Verdict::Refused(reason)) => {
            tracing::debug!("a sender is refused: {reason}");
            refused("the bearer token is not a pod's of this cluster for this receiver")
        }
        None => refused("the bearer token of a pod is required"),
    }
}

fn body_refused(app: &App, error: BodyError) -> Answer {
    let (status, text) = match error {
        BodyError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {} bytes; send smaller batches or raise --max-body", app.reading.cap()),
        ),
        BodyError::NoRoom => return Answer::Retry,
        BodyError::TimedOut => (StatusCode::REQUEST_TIMEOUT, "the body came too slowly".to_owned()),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "the body is incomplete".to_owned()),
    };
    Answer::Refused(status, text)
}

async fn decode(app: &Arc<App>, body: Vec<u8>, came: &Came, headers: &HeaderMap) -> Result<Batch, Answer> {
    let kind = header(headers, CONTENT_TYPE.as_str()).map(str::to_owned);
    let encoding = header(headers, CONTENT_ENCODING.as_str()).map(str::to_owned);
    if body.len() <= INLINE {
        let headers = Headers { content_type: kind.as_deref(), content_encoding: encoding.as_deref() };
        let first = app.ingest.decode(&body, headers, USUAL.min(app.decompressed) / 8, came);
        if !matches!(&first, Err(error) if error.status() == 413) {
            return first.map_err(|error| refused(app, &error));
        }
    }
    let shared = app;
    let (app, came) = (app.clone(), came.clone());
    let Ok(turn) = app.decoding.clone().acquire_owned().await else {
        return Err(Answer::Retry);
    };
    let task = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let headers = Headers { content_type: kind.as_deref(), content_encoding: encoding.as_deref() };
        let decode = |limit| app.ingest.decode(&body, headers, limit, &came);
        match decode(USUAL.min(app.decompressed)) {
            Err(error) if error.status() == 413 && app.decompressed > USUAL => {
                let _turn = tokio::runtime::Handle::current().block_on(app.large.acquire());
                decode(app.decompressed)
            }
            other => other,
        }
    });
    match task.await {
        Ok(result) => result.map_err(|error| refused(shared, &error)),
        Err(_) => Err(Answer::Refused(StatusCode::BAD_REQUEST, "the body cannot be decoded".to_owned())),
    }
}

/// Senders write answers into their own logs, so what an answer repeats of a request is redacted.
fn refused(app: &App, error: &logtap_push::DecodeError) -> Answer {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    Answer::Refused(status, app.ingest.redacted(&error.to_string()))
}

/// Hands lines to the writer and waits for their outcome, but no longer than `patience`: what is left of
/// the acknowledgement timeout.
async fn keep(
    app: &Arc<App>,
    chunks: Vec<Chunk>,
    lines: u64,
    rejected: u64,
    can_wait: bool,
    patience: Duration,
) -> Answer {
    // When they come again, their numbers tell whether the write that is under way kept them.
    let known_again = can_wait && chunks.iter().all(Chunk::is_numbered);
    let (pending, outcome) = match app.queue.push(chunks, can_wait) {
        Ok(pushed) => pushed,
        Err(chunks) => return lost(app, reason::QUEUE_FULL, &chunks, rejected, can_wait),
    };
    let dropped = Answer::Dropped { lines, rejected };
    match tokio::time::timeout(patience, outcome).await {
        Ok(Ok(Outcome::Written)) => Answer::Kept { rejected },
        Ok(Ok(Outcome::Dropped(_))) if can_wait => Answer::Retry,
        Ok(Ok(Outcome::Dropped(_)) | Err(_)) => dropped,
        Err(_) => match app.queue.withdraw(&pending) {
            Some(chunks) => lost(app, reason::ACK_TIMEOUT, &chunks, rejected, can_wait),
            None if known_again => Answer::Retry,
            None => dropped,
        },
    }
}

/// Lines that never reached the writer. A sender that waits still has them: nothing is lost then.
fn lost(app: &App, reason: &'static str, chunks: &[Chunk], rejected: u64, can_wait: bool) -> Answer {
    let lines = chunks.iter().map(Chunk::sent_lines).sum();
    if can_wait {
        app.ledger.returned(lines);
        return Answer::Retry;
    }
    let mut ts = Span::default();
    for chunk in chunks {
        ts.merge(chunk.ts());
    }
    app.gaps.add(reason, lines, ts);
    let services = services(chunks);
    app.ledger.dropped(reason, lines, services.iter().map(|(name, lines)| (name.as_str(), *lines)));
    Answer::Dropped { lines, rejected }
}
