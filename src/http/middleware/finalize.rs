//! Turns endpoint results into responses.

use std::sync::Arc;

use poem::PathPattern;
use poem::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use poem::http::{HeaderValue, StatusCode, Version};
use poem::{Error, IntoResponse, Response};

use super::RequestContext;
use super::request_id::X_REQUEST_ID;
use crate::http::oauth::SkipProblemFormat;
use crate::http::problem::{
    PROBLEM_CONTENT_TYPE, Problem, ProblemCode, ProblemDocument, problem_of_error, problem_of_status, require_headers,
};

pub(super) enum EndpointResult {
    Response(Response),
    Error(Error),
    Panicked,
    DeadlineExceeded,
}

/// The response of an result, and the pattern of its route.
pub(super) fn of(result: EndpointResult) -> (Response, Option<Arc<str>>) {
    match result {
        EndpointResult::Response(response) => {
            let pattern = response.data::<PathPattern>().map(|pattern| Arc::clone(&pattern.0));
            (response, pattern)
        }
        EndpointResult::Error(error) => {
            let pattern = error.data::<PathPattern>().map(|pattern| Arc::clone(&pattern.0));
            if error.is_from_response() {
                return (error.into_response(), pattern);
            }
            let mut response = problem_of_error(&error).into_response();
            response.set_status(error.status());
            (response, pattern)
        }
        EndpointResult::Panicked => {
            // The panic's message is not logged: it may contain input.
            tracing::error!("a handler panicked");
            (Problem::new(ProblemCode::InternalError).into_response(), None)
        }
        EndpointResult::DeadlineExceeded => (Problem::new(ProblemCode::DeadlineExceeded).into_response(), None),
    }
}

/// Complete a response: an error becomes a problem document with the request id, and every response
/// gets its headers.
pub(super) async fn finish(mut response: Response, context: &RequestContext, allow: Option<&HeaderValue>) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && response.data::<SkipProblemFormat>().is_none() {
        let mut document = document_of(&mut response).await;
        document.status = status.as_u16();
        document.request_id = Some(context.request_id().to_owned());
        document.write_to(&mut response);
        require_headers(&mut response, document.code);
        if let (StatusCode::METHOD_NOT_ALLOWED, Some(allow)) = (status, allow) {
            response.headers_mut().entry(ALLOW).or_insert_with(|| allow.clone());
        }
    }
    let headers = response.headers_mut();
    if let Ok(request_id) = HeaderValue::from_str(context.request_id()) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // poem adds a charset, which JSON does not have (RFC 8259 section 11).
    if headers.get(CONTENT_TYPE).is_some_and(|sent| sent == "application/json; charset=utf-8") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let cache = headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Keys, metadata and schemas are the same for all: scripts of any page may read them.
    if cache.as_bytes().starts_with(b"public") {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// The problem document of an error response, or the one of its status if it has none.
async fn document_of(response: &mut Response) -> ProblemDocument {
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == PROBLEM_CONTENT_TYPE);
    let status = response.status();
    let body = response.take_body();
    let sent = if is_problem { body.into_bytes().await.ok() } else { None };
    sent.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_else(|| problem_of_status(status).into_document(status).0)
}

/// Announce that an HTTP/1 connection closes after a body that was not read to its end. Otherwise
/// the client would send its next request on it (RFC 9112 section 9.6).
pub(super) fn close_after_unread_body(response: &mut Response, version: Version) {
    let unread = matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT);
    if unread && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
