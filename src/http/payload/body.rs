//! Reads a request body within limits of size and time.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use poem::{Body, Request, RequestBody};

use crate::http::middleware::RequestContext;
use crate::http::problem::{Problem, ProblemCode};

/// The limits of a request body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub max_bytes: usize,
    /// Longest time from the start of reading to the end of the body.
    pub timeout: Duration,
}

impl Default for BodyLimits {
    /// 16 KiB in 10 s.
    fn default() -> Self {
        Self { max_bytes: 16 * 1024, timeout: Duration::from_secs(10) }
    }
}

/// Read the whole body, within the [`BodyLimits`] of the request's context.
///
/// # Errors
/// 413 when the body is too large; 408 when it does not arrive in time; 400 when it breaks off.
pub async fn read_body(request: &Request, body: &mut RequestBody) -> Result<Bytes, Problem> {
    let limits = request.data::<RequestContext>().map(RequestContext::body_limits).unwrap_or_default();
    let body = body.take().map_err(|_taken| Problem::new(ProblemCode::InternalError))?;
    match tokio::time::timeout(limits.timeout, collect(body, limits.max_bytes)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(ProblemCode::RequestTimeout.into()),
    }
}

async fn collect(body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    let mut chunks = pin!(body.into_bytes_stream());
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_broken| Problem::new(ProblemCode::BadRequest))?;
        if whole.len() + parts.len() + chunk.len() > max_bytes {
            return Err(ProblemCode::PayloadTooLarge.into());
        }
        // Nearly every body is one chunk, which needs no copy.
        if whole.is_empty() && parts.is_empty() {
            whole = chunk;
        } else {
            parts.extend_from_slice(&std::mem::take(&mut whole));
            parts.extend_from_slice(&chunk);
        }
    }
    Ok(if parts.is_empty() { whole } else { parts.freeze() })
}
