//! HTTP to a port on a pod's loopback, through the API server's port-forward.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Portforwarder};
use kube::client::UpgradeConnectionError;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Cluster, ClusterError};

/// Longest wait for the connection through all of it.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest wait for a short answer.
const ANSWER: Duration = Duration::from_secs(15);

/// A connection to a pod.
pub(crate) struct Tunnel<'c> {
    cluster: &'c Cluster,
    requests: SendRequest<Empty<Bytes>>,
    forwarder: Portforwarder,
}

/// A body that comes in pieces.
pub(crate) struct Streamed<'c> {
    tunnel: Tunnel<'c>,
    body: Incoming,
}

/// What became of a wait.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Bytes of the body.
    Bytes(Bytes),
    /// Nothing more will come.
    Ended,
    /// Nothing came in time.
    Silent,
    /// The person asked to end.
    Interrupted,
}

/// Interrupt, termination and hang-up, none of which is lost between two waits.
#[derive(Debug)]
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    async fn received(&mut self) {
        let [a, b, c] = &mut self.0;
        tokio::select! {
            _ = a.recv() => {}
            _ = b.recv() => {}
            _ = c.recv() => {}
        }
    }
}

impl Cluster {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn signals(&self) -> std::io::Result<Signals> {
        let _inside = self.runtime.enter();
        Ok(Signals([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Waits; true if a signal came.
    pub(crate) fn wait(&self, time: Duration, signals: &mut Signals) -> bool {
        self.runtime.block_on(async { tokio::time::timeout(time, signals.received()).await.is_ok() })
    }

    /// Connects to a port that a pod listens on, on its loopback.
    ///
    /// # Errors
    /// If the API server refuses, or pod or port cannot be reached.
    pub(crate) fn tunnel(&self, namespace: &str, pod: &str, port: u16) -> Result<Tunnel<'_>, ClusterError> {
        let connected = async {
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            let mut forwarder = pods.portforward(pod, &[port]).await.map_err(refused)?;
            let stream = forwarder.take_stream(port).ok_or_else(|| lost("there is no stream"))?;
            let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
            // Ends with the connection; its errors reach whoever waits for an answer.
            tokio::spawn(connection);
            Ok(Tunnel { cluster: self, requests, forwarder })
        };
        self.runtime.block_on(async {
            match tokio::time::timeout(CONNECT, connected).await {
                Ok(result) => result,
                Err(_) => Err(lost(format!("no port-forward within {} seconds", CONNECT.as_secs()))),
            }
        })
    }
}

impl<'c> Tunnel<'c> {
    /// A short answer.
    ///
    /// # Errors
    /// If none came, or one that is no success.
    pub(crate) fn ask(&mut self, method: &Method, path: &str) -> Result<Vec<u8>, ClusterError> {
        let runtime = &self.cluster.runtime;
        let asked = async {
            let (status, body) = send(&mut self.requests, method, path).await?;
            let bytes = body.collect().await.map_err(lost)?.to_bytes();
            if status.is_success() { Ok(bytes.to_vec()) } else { Err(unwanted(status, &bytes)) }
        };
        runtime.block_on(async {
            match tokio::time::timeout(ANSWER, asked).await {
                Ok(result) => result,
                Err(_) => Err(lost("the receiver does not answer")),
            }
        })
    }

    /// A body that comes in pieces; the answer must be of this content type.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn open(mut self, path: &str, content_type: &str) -> Result<Streamed<'c>, ClusterError> {
        let runtime = &self.cluster.runtime;
        let body = runtime.block_on(async {
            let opened = async {
                let request = request(&Method::GET, path)?;
                let response = self.requests.send_request(request).await.map_err(lost)?;
                let status = response.status();
                let is_it = response.headers().get(http::header::CONTENT_TYPE).is_some_and(|kind| kind == content_type);
                if status.is_success() && is_it {
                    return Ok(response.into_body());
                }
                let bytes = response.into_body().collect().await.map_err(lost)?.to_bytes();
                Err(if status.is_success() {
                    lost("the receiver is of another version")
                } else {
                    unwanted(status, &bytes)
                })
            };
            match tokio::time::timeout(ANSWER, opened).await {
                Ok(result) => result,
                Err(_) => Err(lost("the receiver does not answer")),
            }
        })?;
        Ok(Streamed { tunnel: self, body })
    }
}

impl Streamed<'_> {
    /// What comes next, within `patience`.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) fn next(&mut self, patience: Duration, signals: &mut Signals) -> Result<Heard, ClusterError> {
        let body = &mut self.body;
        self.tunnel.cluster.runtime.block_on(async {
            tokio::select! {
                biased;
                () = signals.received() => Ok(Heard::Interrupted),
                frame = body.frame() => match frame {
                    None => Ok(Heard::Ended),
                    Some(frame) => Ok(Heard::Bytes(frame.map_err(lost)?.into_data().unwrap_or_default())),
                },
                () = tokio::time::sleep(patience) => Ok(Heard::Silent),
            }
        })
    }
}

impl Drop for Tunnel<'_> {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

async fn send(
    requests: &mut SendRequest<Empty<Bytes>>,
    method: &Method,
    path: &str,
) -> Result<(StatusCode, Incoming), ClusterError> {
    let response = requests.send_request(request(method, path)?).await.map_err(lost)?;
    Ok((response.status(), response.into_body()))
}

fn request(method: &Method, path: &str) -> Result<Request<Empty<Bytes>>, ClusterError> {
    let built = Request::builder().method(method).uri(path).header(http::header::HOST, "localhost");
    built.body(Empty::new()).map_err(lost)
}

fn unwanted(status: StatusCode, body: &[u8]) -> ClusterError {
    let message = String::from_utf8_lossy(body).trim().to_owned();
    ClusterError::Refused { code: status.as_u16(), reason: "Receiver".to_owned(), message }
}

fn lost(error: impl ToString) -> ClusterError {
    ClusterError::Unreachable(error.to_string())
}

fn refused(error: kube::Error) -> ClusterError {
    match &error {
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => {
            let message = match status.as_u16() {
                401 | 403 => "you cannot forward ports of pods here: the right to create pods/portforward is missing",
                404 => "the pod is gone",
                _ => "the API server does not forward ports",
            };
            ClusterError::Refused {
                code: status.as_u16(),
                reason: "Portforward".to_owned(),
                message: message.to_owned(),
            }
        }
        _ => error.into(),
    }
}
