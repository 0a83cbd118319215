//! What a receiver is told to do, as plain data.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logtap_capture::session::Options;
use logtap_redact::Redactor;

use crate::alerts::Alerts;
use crate::identity::Verify;
use crate::notify::WebhookAuth;
use crate::stream::StreamConfig;

/// Configuration of one receiver. Every bound is a flag of `logtap recv`.
#[derive(Debug)]
pub struct Config {
    /// Address to bind; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The capture directory.
    pub dir: PathBuf,
    /// How the capture is written.
    pub capture: Options,
    /// Redaction, if any.
    pub redactor: Option<Arc<Redactor>>,
    /// Write the receive time on every line.
    pub rx_always: bool,
    /// How long an answer waits for the disk. Answers come at most 50 ms later.
    pub ack_timeout: Duration,
    /// What a sender is told when its lines could not be kept.
    pub on_full: OnFull,
    /// Bounds on what is accepted at once.
    pub limits: Limits,
    /// Certificate and key; plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// Senders must present one of these bearer tokens; no check if empty.
    pub tokens: Vec<String>,
    /// Senders must present the token of a pod instead; what this finds overrides what they say about themselves.
    pub identities: Option<Verifier>,
    /// Where notifications go.
    pub webhooks: Vec<Webhook>,
    /// Rules evaluated each second; those that come to hold are told to webhooks.
    pub alerts: Alerts,
    /// How long senders and writer get to finish after the first signal.
    pub drain: Duration,
    /// Whether and where the capture is handed out by line numbers.
    pub stream: Option<StreamConfig>,
}

/// Bounds on what is accepted at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request body as sent.
    pub body: usize,
    /// Bytes of a request body after decompression.
    pub decompressed: usize,
    /// Bytes of all request bodies being read.
    pub reading: usize,
    /// Bytes of rendered lines that wait for the writer.
    pub queue: usize,
    /// Open connections.
    pub connections: usize,
    /// Time for the next request's head, which also ends idle connections.
    pub head_timeout: Duration,
    /// Time for a whole body.
    pub body_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 << 20,
            decompressed: 64 << 20,
            reading: 64 << 20,
            queue: 48 << 20,
            connections: 16_384,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// What a sender is told when its lines could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFull {
    /// 204: the sender must not be slowed; the loss is counted and marked.
    Drop,
    /// 429 with `Retry-After`: the sender can wait.
    Retry,
}

/// Tells whose a pod's token is.
pub struct Verifier(pub Box<dyn Verify>);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

/// Files for TLS.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Senders must present a certificate of this authority.
    pub client_ca: Option<PathBuf>,
}

/// A receiver of notifications.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// Only these events; all if empty.
    pub events: Vec<String>,
    /// How the request proves its origin.
    pub auth: Option<WebhookAuth>,
}
