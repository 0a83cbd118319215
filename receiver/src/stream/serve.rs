//! The side that hands out: routes on a listener of their own, one task for each reader, and the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use hyper::body::Bytes;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use logtap_capture::numbered::Numbered;
use logtap_capture::session::Session;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::body::Outgoing;
use super::frame::Packer;
use super::{CLOSE_PATH, HEARTBEAT, STATE_PATH, STREAM_PATH, State, StreamConfig};
use crate::shutdown::{Phase, Shutdown, Trigger};

/// Readers at a time.
const MOST_READERS: u64 = 16;
/// Bytes of lines in one frame, about.
const FRAME: usize = 1 << 20;
/// Frames on their way to one reader.
const AHEAD: usize = 2;
/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(50);
/// A reader that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a receiver with a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was told to.
    Told,
    /// Nobody read for as long as it was to wait.
    Unused,
}

/// What hands the capture out.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
    watcher: JoinHandle<()>,
    shutdown: Shutdown,
}

/// What the tasks share.
#[derive(Debug)]
struct Desk {
    dir: PathBuf,
    session: Arc<Session>,
    /// Stops the side that takes lines.
    closing: Trigger,
    unused_for: Option<Duration>,
    /// The total is final.
    stopped: AtomicBool,
    /// Readers that have everything are sent home.
    leaving: AtomicBool,
    readers: AtomicU64,
    used: Mutex<Instant>,
}

impl Stream {
    /// Begins to hand out. `closing` ends the taking of lines when a reader asks for that; `shutdown` is
    /// that of the whole receiver.
    pub(crate) fn start(
        listener: TcpListener,
        config: &StreamConfig,
        dir: PathBuf,
        session: Arc<Session>,
        closing: Trigger,
        shutdown: Shutdown,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk {
            dir,
            session,
            closing,
            unused_for: config.unused_for,
            stopped: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            readers: AtomicU64::new(0),
            used: Mutex::new(Instant::now()),
        });
        let server = tokio::spawn(accept(listener, desk.clone()));
        let watched = desk.clone();
        let watcher = tokio::spawn(async move {
            watched.until_unused().await;
            watched.close();
        });
        Ok(Self { address, desk, server, watcher, shutdown })
    }

    /// Called when the capture is closed: stays until the receiver is told to end and all readers have
    /// everything (but no longer than `drain` then), or until nobody wants it any more.
    pub(crate) async fn finish(self, drain: Duration) -> Ending {
        self.desk.stopped.store(true, Ordering::SeqCst);
        let mut shutdown = self.shutdown.clone();
        let ending = tokio::select! {
            () = shutdown.reached(Phase::Draining) => Ending::Told,
            () = self.desk.until_unused() => Ending::Unused,
        };
        self.desk.leaving.store(true, Ordering::SeqCst);
        let empty = async {
            while self.desk.readers.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = empty => {}
            () = tokio::time::sleep(drain) => tracing::warn!("some readers did not get everything within {drain:?}"),
            () = shutdown.reached(Phase::Aborting) => {}
        }
        self.server.abort();
        self.watcher.abort();
        ending
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let router = Router::new()
        .route(STREAM_PATH, get(stream))
        .route(STATE_PATH, get(state))
        .route(CLOSE_PATH, post(close))
        .with_state(desk);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("cannot accept a reader: {error}");
                tokio::time::sleep(LOOK).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!("a reader's connection ended: {error}");
            }
        });
    }
}

async fn state(Shared(desk): Shared<Arc<Desk>>) -> Response<Body> {
    answer(StatusCode::OK, "application/json", serde_json::to_string(&desk.state()).unwrap_or_default())
}

async fn close(Shared(desk): Shared<Arc<Desk>>) -> Response<Body> {
    desk.close();
    state(Shared(desk)).await
}

async fn stream(Shared(desk): Shared<Arc<Desk>>, request: Request) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default();
    let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let refuse = |status, text: &str| answer(status, "text/plain", format!("{text}\n"));
    let Some(after) = of("after").map_or(Some(0), |text| text.parse::<u64>().ok()) else {
        return refuse(StatusCode::BAD_REQUEST, "after= takes the number of a line");
    };
    let id = desk.session.metadata().capture_id.unwrap_or_default();
    if of("capture").is_some_and(|wanted| wanted != id) {
        return refuse(StatusCode::CONFLICT, "this is another capture");
    }
    if after > desk.session.total_lines() {
        return refuse(StatusCode::CONFLICT, "this capture never held so many lines");
    }
    let Some(place) = Place::take(&desk) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many readers");
    };
    let (sender, frames) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = pump(&place.0, after, sender).await {
            tracing::warn!("a reader was sent away: {error}");
        }
    });
    let mut response = Response::new(Body::new(Outgoing(frames)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(super::CONTENT_TYPE));
    response
}

/// Sends frames until the reader goes or is sent home with everything.
async fn pump(desk: &Arc<Desk>, after: u64, sender: mpsc::Sender<Bytes>) -> std::io::Result<()> {
    let mut reader = Box::new(Reader::new(desk, after)?);
    let (mut said, mut said_stopped) = (None::<Instant>, false);
    loop {
        // In this order: lines that come in between are looked at the next time.
        let leaving = desk.leaving.load(Ordering::SeqCst);
        let stopped = desk.stopped.load(Ordering::SeqCst);
        let total = desk.session.total_lines();
        let mut frame = None;
        if reader.numbered.next() <= total {
            let read = move || reader.read(total, stopped).map(|frame| (reader, frame));
            (reader, frame) = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??;
        }
        let silent = said.is_none_or(|at| at.elapsed() >= HEARTBEAT - LOOK) || said_stopped != stopped;
        if frame.is_none() && !silent && !leaving {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => continue,
                () = sender.closed() => return Ok(()),
            }
        }
        let is_last = leaving && frame.is_none();
        let frame = match frame {
            Some(frame) => frame,
            None => reader.heartbeat(total, stopped)?,
        };
        match tokio::time::timeout(PATIENCE, sender.send(frame.into())).await {
            Ok(Ok(())) => desk.touch(),
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(std::io::Error::other("it takes nothing")),
        }
        (said, said_stopped) = (Some(Instant::now()), stopped);
        if is_last {
            return Ok(());
        }
    }
}

/// What one reader has had, and the buffers for what it gets next.
struct Reader {
    numbered: Numbered,
    packer: Packer,
    lines: Vec<u8>,
}

impl Reader {
    fn new(desk: &Desk, after: u64) -> std::io::Result<Self> {
        let packer = Packer::new().map_err(std::io::Error::other)?;
        Ok(Self { numbered: Numbered::new(&desk.dir, after), packer, lines: Vec::new() })
    }

    fn read(&mut self, total: u64, stopped: bool) -> std::io::Result<Option<Vec<u8>>> {
        let Some(piece) = self.numbered.read(total, FRAME, &mut self.lines)? else {
            return Ok(None);
        };
        let frame = self.packer.pack(piece.first, piece.lines, &self.lines, total, stopped);
        self.lines.shrink_to(2 * FRAME);
        frame.map(Some).map_err(std::io::Error::other)
    }

    fn heartbeat(&mut self, total: u64, stopped: bool) -> std::io::Result<Vec<u8>> {
        self.packer.pack(self.numbered.next(), 0, &[], total, stopped).map_err(std::io::Error::other)
    }
}

/// One of the readers' places, given back when it is dropped.
struct Place(Arc<Desk>);

impl Place {
    fn take(desk: &Arc<Desk>) -> Option<Self> {
        let place = Self(desk.clone());
        (desk.readers.fetch_add(1, Ordering::SeqCst) < MOST_READERS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.readers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Desk {
    fn close(&self) {
        self.closing.advance_to(Phase::Draining);
    }

    /// Waits until nobody has read for as long as the receiver is to wait for that.
    async fn until_unused(&self) {
        let Some(limit) = self.unused_for else {
            return std::future::pending().await;
        };
        while self.unused() < limit {
            tokio::time::sleep(limit.saturating_sub(self.unused()).clamp(LOOK, HEARTBEAT)).await;
        }
        tracing::info!("nobody has read the capture for {limit:?}");
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn unused(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn state(&self) -> State {
        let stopped = self.stopped.load(Ordering::SeqCst);
        let metadata = self.session.metadata();
        State {
            capture_id: metadata.capture_id.unwrap_or_default(),
            total: metadata.total_lines,
            stopped,
            readers: self.readers.load(Ordering::SeqCst),
            unused: self.unused().as_secs(),
            counters: metadata.counters,
            dropped: metadata.dropped,
            rejected: metadata.rejected,
            evicted: metadata.evicted.unwrap_or_default(),
            redaction: metadata.redaction,
        }
    }
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
