//! Servers in the test's own process that the cluster can reach: webhooks that misbehave, and
//! receivers that refuse.
//!
//! They listen on the node's address, which is this machine's where the test runs in the cluster's
//! network. Elsewhere `LOGTAP_TEST_HOST` names an address of this machine that the cluster reaches.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::kubectl::kubectl;

/// Silence after which a connection is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// The first byte of a client that wants TLS.
const TLS_HANDSHAKE: u8 = 22;

/// What a fake does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Sends this status, content type and body.
    Say(u16, &'static str, Vec<u8>),
    /// Sends these bytes, whatever they are, and closes.
    Bytes(Vec<u8>),
    /// Never answers.
    Nothing,
    /// Closes the connection.
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its path, with the query.
    pub path: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Decides about each request.
type Decide = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server that runs until it is dropped.
pub struct Fake {
    address: SocketAddr,
    ca: Option<String>,
    shared: Arc<Shared>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    decide: Box<Decide>,
    asked: Mutex<Vec<Asked>>,
    /// Connections, ended ones too.
    open: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

impl Fake {
    /// One that speaks plain HTTP/1.1.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn plain(decide: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::plain_on(0, decide)
    }

    /// The same on a port where something else may have listened before.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn plain_on(port: u16, decide: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(port, None, None, Box::new(decide))
    }

    /// One that speaks HTTP/1.1 over TLS.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn tls(decide: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let (ca, config) = certificates(host());
        Self::start(0, Some(ca), Some(Arc::new(config)), Box::new(decide))
    }

    fn start(port: u16, ca: Option<String>, tls: Option<Arc<ServerConfig>>, decide: Box<Decide>) -> Self {
        let listener = TcpListener::bind((host(), port))
            .expect("the node's address is not this machine's; set LOGTAP_TEST_HOST to one that the cluster reaches");
        let address = listener.local_addr().expect("a listener has an address");
        let over = AtomicBool::new(false);
        let shared = Arc::new(Shared { tls, decide, asked: Mutex::default(), open: Mutex::default(), over });
        let serving = shared.clone();
        named("fake", move || serving.accept(&listener));
        Self { address, ca, shared }
    }

    /// Where it listens, with the scheme that it speaks.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.ca.is_some() { "https" } else { "http" }, self.address)
    }

    /// The authority of its certificate, in PEM; that of nobody where it speaks plain HTTP.
    #[must_use]
    pub fn ca(&self) -> String {
        self.ca.clone().unwrap_or_else(|| certificates(host()).0)
    }

    /// All requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // The thread that accepts looks up.
        drop(TcpStream::connect(self.address));
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already does not mind.
            stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let shared = self.clone();
            // A connection that breaks is the other side's affair.
            named("fake connection", move || shared.serve(stream).unwrap_or_default());
        }
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENCE))?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(stream.try_clone()?);
        match &self.tls {
            None => {
                let mut first = [0];
                if stream.peek(&mut first)? == 1 && first[0] == TLS_HANDSHAKE {
                    // As most servers answer.
                    let text = "HTTP/1.0 400 Bad Request\r\n\r\nThis port speaks plain HTTP.\n";
                    return (&stream).write_all(text.as_bytes());
                }
                self.converse(stream)
            }
            Some(config) => {
                let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                self.converse(StreamOwned::new(connection, stream))
            }
        }
    }

    fn converse(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(asked) = read(&mut stream)? {
            let answer = (self.decide)(&asked);
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            match answer {
                Answer::Say(status, kind, body) => {
                    let head = format!(
                        "HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    stream.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
                    stream.get_mut().flush()?;
                }
                Answer::Bytes(bytes) => {
                    stream.get_mut().write_all(&bytes)?;
                    return stream.get_mut().flush();
                }
                Answer::Nothing => {
                    // Until the other side has had enough.
                    stream.read_to_end(&mut Vec::new())?;
                    return Ok(());
                }
                Answer::Close => return Ok(()),
            }
        }
        Ok(())
    }
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) {
    drop(Builder::new().name(name.to_owned()).spawn(work).expect("a thread"));
}

/// The next request; `None` when there is none any more.
fn read(stream: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Asked { path, body }))
}

/// This machine's address as the cluster sees it.
fn host() -> IpAddr {
    let named = std::env::var("LOGTAP_TEST_HOST").ok();
    let text = named.unwrap_or_else(|| {
        let path = "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}";
        kubectl(&["get", "nodes", "-o", path], "").expect("the cluster has a node")
    });
    text.trim().parse().expect("LOGTAP_TEST_HOST and a node's address are IP addresses")
}

/// An authority's certificate in PEM, and a server with a certificate of it for `host`.
fn certificates(host: IpAddr) -> (String, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = authority.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new([host.to_string()]).expect("a name").signed_by(&key, &issuer);
    let chain = vec![leaf.expect("a certificate").der().clone()];
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the versions of TLS that everybody has")
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .expect("a certificate and its key");
    (ca, config)
}
