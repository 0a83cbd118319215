//! The plain port: health, readiness, figures.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use logtap_inject::vocabulary::object;

use crate::metrics::{Gauges, Metrics};
use crate::namespaces::Namespaces;
use crate::routes::refuse;
use crate::server::Handler;
use crate::shutdown::{Phase, Shutdown};

/// Whether the API server can use this replica, put together from what each part says of itself.
pub struct Readiness {
    namespaces: Arc<Namespaces>,
    shutdown: Shutdown,
    certificate: Mutex<Result<(), String>>,
    version_known: Mutex<bool>,
}

impl Readiness {
    /// Not ready until every part has said so.
    #[must_use]
    pub fn new(namespaces: Arc<Namespaces>, shutdown: Shutdown) -> Self {
        let certificate = Mutex::new(Err("there is no certificate yet".to_owned()));
        Self { namespaces, shutdown, certificate, version_known: Mutex::new(false) }
    }

    /// Whether clients can verify what is served; logged when it changes.
    pub fn certificate(&self, state: Result<(), String>) {
        let mut known = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != state {
            match &state {
                Ok(()) => tracing::info!("the API server can verify this replica's certificate"),
                Err(why) => tracing::warn!("the API server cannot verify this replica: {why}"),
            }
            *known = state;
        }
    }

    /// The API server's version was read, so that it is known which kind of sidecar it has.
    pub fn version_known(&self) {
        *self.version_known.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Ready, or why not.
    ///
    /// # Errors
    /// The first part that is not ready, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.shutdown.phase() != Phase::Running {
            return Err("shutting down".to_owned());
        }
        if !*self.version_known.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err("the API server's version was not read yet".to_owned());
        }
        if !self.namespaces.is_listed() {
            return Err("namespaces were not listed yet".to_owned());
        }
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.check()).finish()
    }
}

/// Answers on the plain port.
#[derive(Debug)]
pub struct Admin {
    /// Said by `/readyz`.
    pub readiness: Arc<Readiness>,
    /// Looked at for `/metrics`.
    pub namespaces: Arc<Namespaces>,
    /// Said by `/metrics`.
    pub metrics: Arc<Metrics>,
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "get it");
        }
        match request.uri().path() {
            object::LIVE_PATH => text("ok\n".to_owned()),
            object::READY_PATH => match self.readiness.check() {
                Ok(()) => text("ok\n".to_owned()),
                Err(why) => refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}")),
            },
            object::METRICS_PATH => {
                let gauges = Gauges {
                    namespaces: self.namespaces.count(),
                    drifted: self.namespaces.drifted().len(),
                    ready: self.readiness.check().is_ok(),
                };
                let mut response = text(self.metrics.text(&gauges));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            _ => refuse(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics"),
        }
    }
}

fn text(body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
