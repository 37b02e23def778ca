//! What is known about a request from its first line to its log line.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use poem::PathPattern;
use poem::{FromRequest, Request, RequestBody, Result};
use tracing::Span;

use super::TraceContext;
use crate::domain::ids::UserId;
use crate::domain::request_metadata::RequestMetadata;
use crate::http::client_ip::ClientIp;
use crate::http::payload::BodyLimits;
use crate::http::problem::{Problem, ProblemCode};

/// The request's identity; extract it in a handler: `context: RequestContext`. Clones share one state.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

/// What a context is made of.
pub(super) struct Parts {
    pub(super) request_id: String,
    pub(super) trace: TraceContext,
    pub(super) client_ip: Option<ClientIp>,
    pub(super) user_agent: Option<String>,
    pub(super) body: BodyLimits,
}

struct Inner {
    parts: Parts,
    span: OnceLock<Span>,
    user: OnceLock<UserId>,
    pattern: OnceLock<Arc<str>>,
}

impl RequestContext {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            span: OnceLock::new(),
            user: OnceLock::new(),
            pattern: OnceLock::new(),
        }))
    }

    /// The request's id: the client's own when it was well formed, else a `UUIDv7`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.parts.request_id
    }

    /// The trace that the request is part of, with a span of its own.
    #[must_use]
    pub fn trace(&self) -> &TraceContext {
        &self.0.parts.trace
    }

    /// The request's span, which every line that is written on its behalf belongs to; made when it is first wanted.
    #[must_use]
    pub fn span(&self) -> &Span {
        let new = || tracing::info_span!("http", request_id = self.request_id(), trace_id = %self.trace().trace_id());
        self.0.span.get_or_init(new)
    }

    /// The W3C `traceparent` for what this request causes: its events.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.0.parts.trace.to_string()
    }

    /// The client's address; `None` when the request did not come through a socket.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.parts.client_ip.map(|client| client.0)
    }

    /// What the client says it is: at most 256 characters, none of them control characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.0.parts.user_agent.as_deref()
    }

    /// All of this as an action wants it.
    #[must_use]
    pub fn origin(&self) -> RequestMetadata {
        RequestMetadata {
            request_id: self.request_id().to_owned(),
            traceparent: Some(self.traceparent()),
            ip: self.client_ip(),
            user_agent: self.user_agent().map(ToOwned::to_owned),
        }
    }

    /// Says who the user is, for the log line. The first one stays.
    pub fn set_user(&self, user: UserId) {
        // A second authentication in one request would be of the same user.
        let _ = self.0.user.set(user);
    }

    /// The user, once known.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.0.user.get().copied()
    }

    /// How much body is read, and for how long.
    #[must_use]
    pub fn body_limits(&self) -> BodyLimits {
        self.0.parts.body
    }

    /// The route's pattern, if a handler has looked at this context.
    pub(super) fn pattern(&self) -> Option<Arc<str>> {
        self.0.pattern.get().map(Arc::clone)
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

impl<'a> FromRequest<'a> for RequestContext {
    async fn from_request(request: &'a Request, _body: &mut RequestBody) -> Result<Self> {
        let context = request
            .data::<Self>()
            .ok_or_else(|| Problem::new(ProblemCode::InternalError))?;
        if let Some(PathPattern(pattern)) = request.data::<PathPattern>() {
            // A response carries its pattern; a panic or a missed deadline does not, and finds it here.
            let _ = context.0.pattern.set(Arc::clone(pattern));
        }
        Ok(context.clone())
    }
}
