//! Accepts connections and serves them, each in a task of its own, with
//! deadlines for handshake and head; ends them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::Instrument;

use crate::ingest::Ingest;
use crate::ledger::Ledger;
use crate::routes::collapse_slashes;
use crate::shutdown::{Phase, Shutdown};

/// A TLS handshake takes at most so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the accept loop needs.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) connections: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) drain: Duration,
    pub(crate) ledger: Arc<Ledger>,
    /// What redacts the addresses of senders.
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) shutdown: Shutdown,
}

/// Serves until the shutdown begins and all connections have ended or the drain time is over.
pub(crate) async fn serve(server: Server) {
    let Server { listener, router, tls, connections, head_timeout, drain, ledger, ingest, mut shutdown } = server;
    let places = Arc::new(Semaphore::new(connections));
    let mut tasks = JoinSet::new();
    let mut stop = shutdown.clone();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            biased;
            () = stop.reached(Phase::Draining) => break,
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
        let connection = Connection { router: router.clone(), peer, head_timeout, shutdown: shutdown.clone() };
        let (tls, ledger) = (tls.clone(), ledger.clone());
        let task = async move {
            let _place = place;
            ledger.lock().connections += 1;
            connection.run(stream, tls).await;
            ledger.lock().connections -= 1;
        };
        tasks.spawn(task.instrument(tracing::debug_span!("connection", peer = ingest.redacted(&peer.to_string()))));
    }
    drop(listener);
    let ended = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        () = ended => {}
        () = tokio::time::sleep(drain) => tracing::warn!("some senders did not finish within {drain:?}"),
        () = shutdown.reached(Phase::Aborting) => {}
    }
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    head_timeout: Duration,
    shutdown: Shutdown,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("{error}");
        }
        match tls {
            None => self.serve(stream).await,
            Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.serve(stream).await,
                Ok(Err(error)) => tracing::debug!("TLS handshake failed: {error}"),
                Err(_) => tracing::debug!("TLS handshake took too long"),
            },
        }
    }

    async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let peer = self.peer;
        let router = self.router;
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut request = collapse_slashes(request.map(axum::body::Body::new));
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.head_timeout).max_buf_size(64 << 10);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(self.head_timeout))
            .max_concurrent_streams(256);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.shutdown.reached(Phase::Draining) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!("connection ended: {error}");
        }
    }
}
