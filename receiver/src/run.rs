//! Puts the parts together, and takes them apart in the right order.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logtap_capture::audit::Event;
use logtap_capture::disk::{Disk, RealDisk};
use logtap_capture::metadata::Metadata;
use logtap_capture::repair::Report;
use logtap_capture::session::{Session, SessionError};
use logtap_certs::{CertError, Reloading};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::auth::Tokens;
use crate::body::Reading;
use crate::config::{Config, Verifier};
use crate::gaps::Gaps;
use crate::identity::Identities;
use crate::ingest::Ingest;
use crate::interner::Interner;
use crate::ledger::{Counts, Ledger, Snapshot};
use crate::notify::Notifier;
use crate::queue::Queue;
use crate::routes::{self, App};
use crate::server::{self, Server};
use crate::shutdown::{self, Phase, Shutdown};
use crate::stream::{Ending, Stream};
use crate::watch::Watch;
use crate::{metrics, writer};

/// Why a receiver cannot start or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    /// The address cannot be bound.
    #[error("cannot listen on {listen}: {source}")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Certificate, key or authority cannot be used.
    #[error(transparent)]
    Tls(#[from] CertError),
    /// The capture directory cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The system refused a thread.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// The writer thread died, which is a bug.
    #[error("the writer failed; the capture is repaired at the next start")]
    Writer,
}

/// A receiver at work.
#[derive(Debug)]
pub struct Running {
    /// The bound address.
    pub address: SocketAddr,
    /// The bound address of the stream, if there is one.
    pub stream_address: Option<SocketAddr>,
    /// What was found in the directory at the start.
    pub repaired: Report,
    parts: Parts,
    server: JoinHandle<()>,
    watcher: JoinHandle<Watch>,
    writer: std::thread::JoinHandle<logtap_capture::writer::Writer>,
    drain: Duration,
    stream: Option<Stream>,
    shutdown: Shutdown,
}

/// What notifications, figures and the end of a run look at.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) shared: writer::Shared,
    rules: Vec<String>,
    pub(crate) dir: PathBuf,
}

/// What a receiver did.
#[derive(Debug)]
pub struct Summary {
    /// Line counts of this run.
    pub counts: Counts,
    /// Final metadata of the capture.
    pub metadata: Metadata,
    /// The capture directory.
    pub dir: PathBuf,
    /// How long it ran.
    pub duration: Duration,
    /// It ended by itself because nobody read its stream.
    pub unused: bool,
}

/// Binds, opens the capture and starts to receive.
///
/// # Errors
/// See [`ReceiverError`].
pub async fn start(config: Config, shutdown: Shutdown) -> Result<Running, ReceiverError> {
    start_on(config, shutdown, Arc::new(RealDisk)).await
}

/// As [`start`], on another disk; for tests of failing disks.
///
/// # Errors
/// See [`ReceiverError`].
pub async fn start_on(config: Config, shutdown: Shutdown, disk: Arc<dyn Disk>) -> Result<Running, ReceiverError> {
    let Config {
        listen,
        dir,
        capture,
        redactor,
        rx_always,
        ack_timeout,
        on_full,
        limits,
        tls,
        tokens,
        identities,
        webhooks,
        alerts,
        drain,
        stream,
    } = config;
    let resolver = tls.as_ref().map(|files| Reloading::load(&files.certificate, &files.key)).transpose()?;
    let acceptor = match (&resolver, &tls) {
        (Some(resolver), Some(files)) => {
            let config = logtap_certs::server_config(resolver.clone(), files.client_ca.as_deref())?;
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        _ => None,
    };
    let listener = bind(listen).map_err(|source| ReceiverError::Bind { listen, source })?;
    let address = listener.local_addr().map_err(ReceiverError::Start)?;
    let reading = stream.map(|stream| {
        let listener = bind(stream.listen).map_err(|source| ReceiverError::Bind { listen: stream.listen, source })?;
        Ok::<_, ReceiverError>((listener, stream))
    });
    let reading = reading.transpose()?;
    let (session, writer, repaired) = Session::open(&dir, capture, disk)?;
    let shared = writer::Shared {
        queue: Arc::new(Queue::new(limits.queue)),
        ledger: Arc::new(Ledger::default()),
        gaps: Arc::new(Gaps::default()),
        session: Arc::new(session),
    };
    let rules = redactor.as_ref().map(|redactor| redactor.names().to_vec()).unwrap_or_default();
    let parts = Parts { shared: shared.clone(), rules, dir };
    // With a stream, the taking of lines may end before the receiver does.
    let whole = shutdown;
    let (closing, shutdown) = shutdown::below(&whole);
    let start_stream = |(listener, config): (TcpListener, _)| {
        Stream::start(listener, &config, parts.dir.clone(), shared.session.clone(), closing, whole.clone())
    };
    let stream = reading.map(start_stream).transpose().map_err(ReceiverError::Start)?;
    let ingest = Arc::new(Ingest { interner: Interner::default(), redactor, rx_always });
    let identities = identities.map(|Verifier(verify)| Identities::start(verify)).transpose();
    let identities = identities.map_err(ReceiverError::Start)?;
    let notifier = Notifier::start(webhooks).map_err(ReceiverError::Start)?;
    let (source, audit, audit_ingest) = (parts.clone(), shared.session.clone(), ingest.clone());
    let server_ingest = ingest.clone();
    let app = App {
        ingest,
        queue: shared.queue.clone(),
        ledger: shared.ledger.clone(),
        gaps: shared.gaps.clone(),
        tokens: Tokens::new(&tokens),
        identities,
        reading: Reading::new(limits.reading, limits.body, limits.body_timeout, ack_timeout),
        decompressed: limits.decompressed,
        ack_timeout,
        on_full,
        decoding: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
        large: Semaphore::new(1),
        snapshot: metrics::Source(Box::new(move || source.snapshot())),
        shutdown: shutdown.clone(),
        unauthorised: routes::Unauthorised(Box::new(move |peer| {
            audit.event(Event::new("unauthorized").remote(&audit_ingest.redacted(&peer.ip().to_string())))
        })),
    };
    let server = Server {
        listener,
        router: routes::router(Arc::new(app)),
        tls: acceptor,
        connections: limits.connections,
        head_timeout: limits.head_timeout,
        drain,
        ledger: shared.ledger.clone(),
        ingest: server_ingest,
        shutdown: shutdown.clone(),
    };
    shared.session.event(Event::new("start").detail(&format!("listening on {}", address.port())));
    let watch = Watch::new(parts.clone(), notifier, alerts, resolver);
    watch.notify("start", &[]);
    let watcher = tokio::spawn(watch.run(shutdown.clone()));
    let thread = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer::run(&shared, writer))
        .map_err(ReceiverError::Start)?;
    let server = tokio::spawn(server::serve(server));
    let stream_address = stream.as_ref().map(|stream| stream.address);
    Ok(Running { address, stream_address, repaired, parts, server, watcher, writer: thread, drain, stream, shutdown })
}

/// A burst of senders that connect at once must not be turned away: the queue
/// is as long as the usual `somaxconn` allows.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 4096;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Running {
    /// A function that gives the figures of the moment, for status lines and user interfaces.
    pub fn figures(&self) -> impl Fn() -> Snapshot + Send + Sync + use<> {
        let parts = self.parts.clone();
        move || parts.snapshot()
    }

    /// Waits for the shutdown, then drains: senders first, then the queue,
    /// then the capture is sealed. A second signal cuts this short.
    ///
    /// # Errors
    /// If the capture could not be closed; what was acknowledged is on disk all the same.
    pub async fn finish(self) -> Result<Summary, ReceiverError> {
        let begun = Instant::now();
        let Self { parts, server, watcher, writer, drain, stream, mut shutdown, .. } = self;
        if server.await.is_err() {
            tracing::error!("the server task failed");
        }
        parts.shared.queue.close();
        let closing = tokio::task::spawn_blocking({
            let parts = parts.clone();
            move || close(parts, writer)
        });
        let aborted = async {
            shutdown.reached(Phase::Aborting).await;
        };
        let closed = tokio::select! {
            closed = closing => closed.map_err(|_| ReceiverError::Writer)?,
            () = aborted => return Err(ReceiverError::Writer),
            () = tokio::time::sleep(drain * 6) => return Err(ReceiverError::Writer),
        };
        let (metadata, counts) = closed?;
        let watch = watcher.await.map_err(|_| ReceiverError::Writer)?;
        if tokio::task::spawn_blocking(move || watch.finish()).await.is_err() {
            tracing::warn!("the last notifications failed");
        }
        let unused = match stream {
            Some(stream) => stream.finish(drain * 2).await == Ending::Unused,
            None => false,
        };
        Ok(Summary { counts, metadata, dir: parts.dir, duration: begun.elapsed(), unused })
    }
}

fn close(
    parts: Parts,
    thread: std::thread::JoinHandle<logtap_capture::writer::Writer>,
) -> Result<(Metadata, Counts), ReceiverError> {
    let writer = thread.join().map_err(|_| ReceiverError::Writer)?;
    let tally = parts.shared.ledger.tally();
    let stop = Event::new("stop").size(tally.written, parts.shared.ledger.lock().bytes_written);
    let metadata = parts.shared.session.close(writer, &tally, stop)?;
    let counts = parts.shared.ledger.lock().clone();
    Ok((metadata, counts))
}

impl Parts {
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            counts: self.shared.ledger.lock().clone(),
            usage: self.shared.session.usage(),
            queued_bytes: self.shared.queue.bytes(),
            rules: self.rules.clone(),
        }
    }
}
