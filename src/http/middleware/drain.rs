//! Closing connections while the service drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use poem::http::header::CONNECTION;
use poem::http::{HeaderValue, StatusCode, Version};
use poem::{Endpoint, Request, Response, Result};

use crate::http::server::AnswerUnparsed;

/// Announces with each response that its HTTP/1 connection closes, once `draining` is set: a proxy
/// that keeps the connection would send a request on it at the moment when the service closes it.
pub struct CloseWhileDraining<E> {
    inner: E,
    draining: Arc<AtomicBool>,
}

impl<E> CloseWhileDraining<E> {
    pub const fn new(inner: E, draining: Arc<AtomicBool>) -> Self {
        Self { inner, draining }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for CloseWhileDraining<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let is_http1 = request.version() < Version::HTTP_2;
        let mut response = self.inner.call(request).await?;
        if is_http1 && self.draining.load(Ordering::Relaxed) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

impl<E: AnswerUnparsed> AnswerUnparsed for CloseWhileDraining<E> {
    fn answer_unparsed(&self, status: StatusCode, peer: SocketAddr) -> poem::http::Response<Vec<u8>> {
        self.inner.answer_unparsed(status, peer)
    }
}
