//! What every route has at hand.

use std::future::Future;
use std::sync::Arc;

use tracing::Instrument as _;

use super::bearer::BearerToken;
use super::detached::Detached;
use super::middleware::RequestContext;
use super::problem::{Problem, ProblemCode};
use super::rate_limit::rate_limited;
use super::sse::Streams;
use crate::actions::sessions::authenticate::{self, Identity};
use crate::actions::{ActionError, Context, Failure, FailureKind, Services};
use crate::telemetry::{Recurring, error_chain};

/// The actions, and the way to run them.
#[derive(Clone)]
pub struct Api {
    services: Services,
    detached: Detached,
    streams: Streams,
    base_url: Arc<str>,
}

impl Api {
    /// Routes over `services`. `detached` tracks their work; `base_url` is where clients reach
    /// them, without a slash at the end.
    #[must_use]
    pub const fn new(services: Services, detached: Detached, streams: Streams, base_url: Arc<str>) -> Self {
        Self { services, detached, streams, base_url }
    }

    /// Where clients reach the service, base path included, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The path of a route for clients: below the path of [`base_url`](Self::base_url).
    #[must_use]
    pub fn path_of(&self, route: &str) -> String {
        // `https://host/base` has its path after the third slash.
        let base = self.base_url.splitn(4, '/').nth(3);
        base.map_or_else(|| route.to_owned(), |base| format!("/{base}{route}"))
    }

    /// Permits for long-lived responses.
    #[must_use]
    pub const fn streams(&self) -> &Streams {
        &self.streams
    }

    /// The services, for actions that neither wait nor write.
    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Run an action to its end, whether or not the client waits for it, and turn what it refuses
    /// into a problem.
    ///
    /// # Errors
    /// The problem of the action's error; `internal_error` when it panicked.
    pub async fn call<T, E, F, Work>(&self, context: &RequestContext, action: F) -> Result<T, Problem>
    where
        F: FnOnce(Context) -> Work,
        Work: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        Problem: From<E>,
    {
        let cx = self.services.context(context.metadata());
        Ok(self.detached.run(action(cx)).await??)
    }

    /// Run what writes a long-lived response.
    pub fn spawn_background<F, Work>(&self, name: &'static str, work: F)
    where
        F: FnOnce(Context) -> Work,
        Work: Future<Output = ()> + Send + 'static,
    {
        self.detached.spawn_background(name, work(self.services.background()));
    }

    /// The caller, by their access token.
    ///
    /// # Errors
    /// 401 `invalid_token`, or 503 when the database can't confirm the session.
    pub async fn identify(&self, context: &RequestContext, token: &BearerToken) -> Result<Identity, Problem> {
        let caller = match authenticate::cached(&self.services, token.as_str()) {
            Some(caller) => caller,
            None => {
                let token = token.clone();
                let work = self.call(context, |cx| async move { authenticate::run(&cx, token.as_str()).await });
                // The span of a polled request is made when there is something to log.
                work.instrument(context.span().clone()).await?
            }
        };
        context.set_user(caller.user.id);
        Ok(caller)
    }
}

impl<R> From<ActionError<R>> for Problem
where
    Self: From<R>,
{
    fn from(error: ActionError<R>) -> Self {
        match error {
            ActionError::Refused(refusal) => refusal.into(),
            ActionError::Failure(failure) => failure.into(),
        }
    }
}

/// While the database is away, every request has a line of its own in the access log; the reason is
/// not in all of them.
static UNAVAILABLE: Recurring = Recurring::new("requests cannot be served");

/// A failure that a retry may mend says when to retry.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure.kind() {
            FailureKind::RateLimited(exceeded) => rate_limited(&exceeded),
            FailureKind::Overloaded(wait) => Self::new(ProblemCode::Overloaded).with_retry_after(wait),
            FailureKind::Unavailable => {
                UNAVAILABLE.failed(&failure);
                Self::new(ProblemCode::ServiceUnavailable)
            }
            FailureKind::Internal => {
                tracing::error!(error = %error_chain(&failure), "failed");
                Self::new(ProblemCode::InternalError)
            }
        }
    }
}

impl From<authenticate::Refusal> for Problem {
    fn from(refusal: authenticate::Refusal) -> Self {
        match refusal {
            authenticate::Refusal::InvalidToken => Self::new(ProblemCode::InvalidToken),
        }
    }
}
