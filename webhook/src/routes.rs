//! HTTP for reviews: path, method, content type, body; everything else is the [`Reviewer`]'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use logtap_inject::vocabulary::object;

use crate::body::{Bodies, BodyError};
use crate::handler::Reviewer;
use crate::metrics::Metrics;
use crate::server::Handler;

/// Time for a body: the API server itself gives up after three seconds.
const BODY_TIME: Duration = Duration::from_millis(2500);

/// The port for the API server.
#[derive(Debug)]
pub struct Routes {
    reviewer: Arc<Reviewer>,
    metrics: Arc<Metrics>,
    bodies: Bodies,
    body_time: Duration,
}

impl Routes {
    /// Routes to a reviewer.
    #[must_use]
    pub fn new(reviewer: Arc<Reviewer>, metrics: Arc<Metrics>) -> Self {
        Self { reviewer, metrics, bodies: Bodies::new(), body_time: BODY_TIME }
    }

    /// `None` if nobody waits for an answer any more.
    async fn review(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        if request.method() != Method::POST {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "post an AdmissionReview");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Some(response);
        }
        if !is_json(request.headers().get(CONTENT_TYPE)) {
            return Some(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json"));
        }
        let body = match self.bodies.read(request.into_body(), self.body_time).await {
            Ok(body) => body,
            Err(error) => {
                let status = match error {
                    BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                    BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                    BodyError::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
                    BodyError::Broken(_) => return None,
                };
                return Some(refuse(status, &error.to_string()));
            }
        };
        Some(match self.reviewer.answer(&body.bytes).await {
            Ok(answer) => {
                let mut response = Response::new(Full::from(answer));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        })
    }
}

impl Handler for Routes {
    async fn handle(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != object::MUTATE_PATH {
            return refuse(StatusCode::NOT_FOUND, &format!("reviews are posted to {}", object::MUTATE_PATH));
        }
        let mut watched = Watched { metrics: &self.metrics, began: Instant::now(), status: None };
        let Some(response) = self.review(request).await else {
            return refuse(StatusCode::BAD_REQUEST, "the body broke off");
        };
        watched.status = Some(response.status());
        if response.status() != StatusCode::OK {
            tracing::debug!(status = response.status().as_u16(), "a request was refused");
        }
        response
    }
}

/// Counts a request when it ends, whether it was answered or given up.
struct Watched<'a> {
    metrics: &'a Metrics,
    began: Instant,
    status: Option<StatusCode>,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        match self.status {
            Some(status) => self.metrics.answered(status.as_u16(), self.began.elapsed()),
            None => self.metrics.canceled(),
        }
    }
}

/// An answer in plain text, for people: the API server only looks at the status.
pub(crate) fn refuse(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{why}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn is_json(header: Option<&HeaderValue>) -> bool {
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
