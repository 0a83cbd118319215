//! Answers in the form that OTLP/HTTP asks for: an empty export response, or
//! a `google.rpc.Status` in the encoding of the request.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// True if the sender speaks OTLP in JSON.
pub(crate) fn speaks_json(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with(JSON))
}

/// The answer to a kept request, or with text the answer to one that was not.
pub(crate) fn answer(status: StatusCode, json: bool, text: &str) -> Response<Body> {
    let body = match (status.is_success(), json) {
        (true, true) => Body::from("{}"),
        (true, false) => Body::empty(),
        (false, true) => Body::from(serde_json::json!({"code": rpc_code(status), "message": text}).to_string()),
        (false, false) => Body::from(status_message(status, text)),
    };
    let status = if status.is_success() { StatusCode::OK } else { status };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(if json { JSON } else { PROTOBUF }));
    response
}

/// Codes of google.rpc.Code.
fn rpc_code(status: StatusCode) -> u8 {
    match status.as_u16() {
        401 => 16,
        413 | 429 => 8,
        503 => 14,
        408 => 4,
        _ => 3,
    }
}

/// google.rpc.Status{1 code: int32, 2 message: string}
fn status_message(status: StatusCode, text: &str) -> Vec<u8> {
    let text = &text.as_bytes()[..text.len().min(120)];
    let mut message = vec![0x08, rpc_code(status), 0x12, text.len() as u8];
    message.extend_from_slice(text);
    message
}
