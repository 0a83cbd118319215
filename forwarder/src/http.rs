//! HTTP/1.1 over a connection of ours, plain or TLS: what both the API server and the target are
//! spoken to with. No pool, no redirects, no proxy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for the head of an answer; a request of about 1 MiB is sent meanwhile.
const ANSWER: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} seconds", .0.as_secs())]
    Timeout(Duration),
}

/// Certificates that vouch for a server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("the certificates are no PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("a certificate cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
    #[error("there is no certificate in them")]
    Empty,
}

/// The authorities in `pem`, or the public ones.
pub(crate) fn trust(pem: Option<&str>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    match pem {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate?)?;
            }
            if roots.is_empty() {
                return Err(TrustError::Empty);
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Where to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Name or address, an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The authorities of its certificate; plain HTTP where there are none.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// An open connection. Dropping it closes it, so it is kept while a body is read.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Server {
    /// The value of the header `host`.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub(crate) async fn connect(&self) -> Result<Connection, HttpError> {
        timeout(CONNECT, self.open()).await.map_err(|_| HttpError::Timeout(CONNECT))?
    }

    async fn open(&self) -> Result<Connection, HttpError> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        socket.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return shake(TokioIo::new(socket)).await };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, socket).await?;
        shake(TokioIo::new(stream)).await
    }
}

async fn shake<S>(stream: S) -> Result<Connection, HttpError>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (sender, connection) = handshake(stream).await?;
    // Its error also comes out of the request that it belongs to.
    let driver = tokio::task::spawn_local(async move { connection.await.unwrap_or_default() });
    Ok(Connection { sender, driver })
}

impl Connection {
    /// Whether another request can be sent, as far as can be told.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request; the answer's body is yet to be read.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HttpError> {
        let answer = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        Ok(timeout(ANSWER, answer).await.map_err(|_| HttpError::Timeout(ANSWER))??)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
