//! Answers what is no request, such as a head that is too large.

use std::net::SocketAddr;

use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use poem::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::access_log::Line;
use super::request_id::X_REQUEST_ID;
use super::{EdgeEndpoint, EdgeState};
use crate::http::problem::{PROBLEM_CONTENT_TYPE, problem_of_status};
use crate::http::server::AnswerUnparsed;

impl<E: Send + Sync> AnswerUnparsed for EdgeEndpoint<E> {
    fn answer_unparsed(&self, status: StatusCode, peer: SocketAddr) -> Response<Vec<u8>> {
        answer(&self.state, status, peer)
    }
}

/// The problem document, with a line in the log and an observation as for every request.
fn answer(edge: &EdgeState, status: StatusCode, peer: SocketAddr) -> Response<Vec<u8>> {
    let context = edge.context(&HeaderMap::new(), Some(peer.ip()));
    let line = Line::unparsed(edge, context.clone());
    let (mut document, _) = problem_of_status(status).into_document(status);
    document.request_id = Some(context.request_id().to_owned());
    let mut response = Response::new(serde_json::to_vec(&document).unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(request_id) = HeaderValue::from_str(context.request_id()) {
        headers.insert(X_REQUEST_ID, request_id);
    }
    line.end(status, edge.routes.unparsed());
    response
}
