//! The context of a request: its id, trace, client, user and log span.

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

/// The context of a request; extract it in a handler: `context: RequestContext`. Clones share one
/// state.
#[derive(Clone)]
pub struct RequestContext(Arc<State>);

/// What the middleware knows before the request is routed.
pub(super) struct Parts {
    pub(super) request_id: String,
    pub(super) trace: TraceContext,
    pub(super) client_ip: Option<ClientIp>,
    pub(super) user_agent: Option<String>,
    pub(super) body: BodyLimits,
}

struct State {
    parts: Parts,
    span: OnceLock<Span>,
    user: OnceLock<UserId>,
    pattern: OnceLock<Arc<str>>,
}

impl RequestContext {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(State {
            parts,
            span: OnceLock::new(),
            user: OnceLock::new(),
            pattern: OnceLock::new(),
        }))
    }

    /// The id that the client sent if it is well-formed, else a new `UUIDv7`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.parts.request_id
    }

    /// The trace of the request, with a span id of its own.
    #[must_use]
    pub fn trace(&self) -> &TraceContext {
        &self.0.parts.trace
    }

    /// The log span of the request, created on first use.
    #[must_use]
    pub fn span(&self) -> &Span {
        let new = || tracing::info_span!("http", request_id = self.request_id(), trace_id = %self.trace().trace_id());
        self.0.span.get_or_init(new)
    }

    /// The W3C `traceparent` of the events that this request error_chain.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.0.parts.trace.to_string()
    }

    /// The client's address; `None` for a request without a socket.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.parts.client_ip.map(|client| client.0)
    }

    /// The client's user agent: at most 256 characters, without control characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.0.parts.user_agent.as_deref()
    }

    /// The request metadata, for actions.
    #[must_use]
    pub fn metadata(&self) -> RequestMetadata {
        RequestMetadata {
            request_id: self.request_id().to_owned(),
            traceparent: Some(self.traceparent()),
            ip: self.client_ip(),
            user_agent: self.user_agent().map(ToOwned::to_owned),
        }
    }

    /// Set the user, for the log line. Later calls change nothing.
    pub fn set_user(&self, user: UserId) {
        // A request has one user, however often it is authenticated.
        let _ = self.0.user.set(user);
    }

    /// The user, once authenticated.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.0.user.get().copied()
    }

    #[must_use]
    pub fn body_limits(&self) -> BodyLimits {
        self.0.parts.body
    }

    /// The route's pattern, once a handler has extracted this context.
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
        let context = request.data::<Self>().ok_or_else(|| Problem::new(ProblemCode::InternalError))?;
        if let Some(PathPattern(pattern)) = request.data::<PathPattern>() {
            // A response carries its pattern. After a panic or a missed deadline it is taken from
            // here.
            let _ = context.0.pattern.set(Arc::clone(pattern));
        }
        Ok(context.clone())
    }
}
