//! Accepts connections and serves them, each in a task of its own, with deadlines for handshake and
//! head; ends them so that no request is lost.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::Instrument;

use crate::crowd::{Crowd, Member};
use crate::metrics::Metrics;
use crate::shutdown::{Phase, Shutdown};

/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The API server sends all its reviews over few connections.
const STREAMS: u32 = 1024;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one.
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// How much of what, how long.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the head of the first HTTP/1.1 request, waiting for it included.
    pub head: Duration,
    /// The same for later ones. The API server keeps connections for 90 s and does not send a review
    /// a second time that met one just being closed: who closes first must be the API server.
    pub idle: Duration,
    /// Pause between signs of life on HTTP/2.
    pub ping: Duration,
    /// Handshakes at one time.
    pub handshakes: usize,
    /// Connections at one time.
    pub connections: usize,
    /// How long a connection that is to end may take to finish.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(3),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            ping: Duration::from_secs(20),
            handshakes: 512,
            connections: 2048,
            linger: Duration::from_secs(5),
        }
    }
}

/// Listens on all addresses, of IPv6 and IPv4 where the machine has both.
///
/// # Errors
/// If the port is taken or may not be had.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await
        }
        other => other,
    }
}

/// Everything that a listening port needs.
pub struct Server<H> {
    /// Where connections come from.
    pub listener: TcpListener,
    /// `None` speaks plain HTTP/1.1.
    pub tls: Option<TlsAcceptor>,
    /// Who answers.
    pub handler: Arc<H>,
    /// Bounds.
    pub limits: Limits,
    /// How long to go on serving when the shutdown begins.
    pub drain: Duration,
    /// Where failed handshakes and open connections are counted.
    pub metrics: Arc<Metrics>,
    /// When to end.
    pub shutdown: Shutdown,
}

impl<H: Handler> Server<H> {
    /// Serves until the shutdown begins; from then on for the drain time, because senders take a
    /// while to hear that they should go elsewhere; then until all connections have ended.
    pub async fn run(self) {
        let Self { listener, tls, handler, limits, drain, metrics, mut shutdown } = self;
        let (close, closing) = watch::channel(false);
        let shared = Arc::new(Shared {
            tls,
            handler,
            metrics,
            handshaking: Crowd::new(limits.handshakes),
            serving: Crowd::new(limits.connections),
            limits,
            shutdown: shutdown.clone(),
        });
        let mut drained = shutdown.clone();
        let drained = async move {
            drained.reached(Phase::Draining).await;
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                () = drained.reached(Phase::Aborting) => {}
            }
        };
        tokio::pin!(drained);
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = &mut drained => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let member = shared.handshaking.join();
            let connection = shared.clone().connection(stream, member, closing.clone());
            tasks.spawn(connection.instrument(tracing::debug_span!("connection", %peer)));
        }
        drop(listener);
        close.send_replace(true);
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => {}
            () = tokio::time::sleep(shared.limits.linger) => tracing::warn!("some connections did not end in time"),
            () = shutdown.reached(Phase::Aborting) => {}
        }
    }
}

/// What all connections of a port share.
struct Shared<H> {
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
    limits: Limits,
    metrics: Arc<Metrics>,
    handshaking: Arc<Crowd>,
    serving: Arc<Crowd>,
    shutdown: Shutdown,
}

impl<H: Handler> Shared<H> {
    async fn connection(self: Arc<Self>, stream: TcpStream, member: Member, closing: watch::Receiver<bool>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("{error}");
        }
        let Some(tls) = &self.tls else {
            drop(member);
            return self.clone().http1(stream, closing).await;
        };
        let handshake = tokio::select! {
            handshake = tokio::time::timeout(self.limits.handshake, tls.accept(stream)) => handshake,
            () = member.asked_to_go() => return self.metrics.handshake_failed(),
        };
        drop(member);
        let stream = match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!("TLS handshake failed: {error}");
                return self.metrics.handshake_failed();
            }
            Err(_) => {
                tracing::debug!("TLS handshake took too long");
                return self.metrics.handshake_failed();
            }
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.clone().http2(stream, closing).await;
        } else {
            self.clone().http1(stream, closing).await;
        }
    }

    async fn http1<S>(self: Arc<Self>, stream: S, closing: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = self.clone();
        let asked = Arc::new(AtomicBool::new(false));
        let first = asked.clone();
        let service = service_fn(move |request| {
            first.store(true, Ordering::Relaxed);
            shared.clone().answer(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        let slow = async {
            tokio::time::sleep(self.limits.head).await;
            if asked.load(Ordering::Relaxed) {
                std::future::pending().await
            }
        };
        tokio::select! {
            () = self.drive(connection, |connection| connection.graceful_shutdown(), closing) => {}
            () = slow => tracing::debug!("the first request took too long"),
        }
    }

    async fn http2<S>(self: Arc<Self>, stream: S, closing: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = self.clone();
        let service = service_fn(move |request| shared.clone().answer(request));
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(self.limits.ping))
            .keep_alive_timeout(self.limits.head)
            .max_concurrent_streams(STREAMS)
            .serve_connection(TokioIo::new(stream), service);
        self.drive(connection, |connection| connection.graceful_shutdown(), closing).await;
    }

    /// Serves a connection until it ends, or until it is to end; `shut` then lets it finish what it began.
    async fn drive<C>(&self, connection: C, shut: impl FnOnce(Pin<&mut C>), closing: watch::Receiver<bool>)
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let member = self.serving.join();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.end(&member, closing) => {
                shut(connection.as_mut());
                self.linger(connection).await
            }
        };
        log(result);
    }

    /// Until the connection is to end: all of them, or this one for others.
    async fn end(&self, member: &Member, mut closing: watch::Receiver<bool>) {
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            () = member.asked_to_go() => {}
        }
    }

    async fn linger(&self, connection: impl Future<Output = hyper::Result<()>>) -> hyper::Result<()> {
        match tokio::time::timeout(self.limits.linger, connection).await {
            Ok(result) => result,
            Err(_) => {
                tracing::debug!("connection did not end in time");
                Ok(())
            }
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let version = request.version();
        let mut response = self.handler.handle(request).await;
        // HTTP/2 has GOAWAY for this, which is sent at the end of the drain time.
        if version < Version::HTTP_2 && self.shutdown.phase() > Phase::Running {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

fn log(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!("connection ended: {error}");
    }
}
