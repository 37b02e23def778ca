//! What every route has at hand.

use std::future::Future;
use std::sync::Arc;

use tracing::Instrument as _;

use super::bearer::BearerToken;
use super::detached::Detached;
use super::middleware::RequestContext;
use super::problem::{Problem, ProblemCode};
use super::rate_limit::rate_limited;
use super::streams::Streams;
use crate::actions::authenticate::{self, Identity};
use crate::actions::{Auth, Failure, Remedy};
use crate::domain::origin::Origin;
use crate::telemetry::error_chain;

/// The actions, and the way to run them.
#[derive(Clone)]
pub struct Api {
    auth: Arc<Auth>,
    detached: Detached,
    streams: Streams,
    base_url: Arc<str>,
}

impl Api {
    /// Routes over `auth`, whose work `detached` keeps track of, reached under `base_url`, which has no slash at the end.
    #[must_use]
    pub const fn new(auth: Arc<Auth>, detached: Detached, streams: Streams, base_url: Arc<str>) -> Self {
        Self {
            auth,
            detached,
            streams,
            base_url,
        }
    }

    /// Where the service is reached, base path included, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The places for responses that go on.
    #[must_use]
    pub const fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Runs what writes such a response.
    pub fn accompany<F, Work>(&self, name: &'static str, work: F)
    where
        F: FnOnce(Arc<Auth>) -> Work,
        Work: Future<Output = ()> + Send + 'static,
    {
        self.detached.accompany(name, work(Arc::clone(&self.auth)));
    }

    /// The actions, for what neither waits nor writes.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Runs an action to its end, whether or not the client waits for it.
    ///
    /// # Errors
    /// `internal_error` when it panicked.
    pub async fn run<F, Work>(&self, context: &RequestContext, action: F) -> Result<Work::Output, Problem>
    where
        F: FnOnce(Arc<Auth>, Origin) -> Work,
        Work: Future + Send + 'static,
        Work::Output: Send + 'static,
    {
        self.detached
            .run(action(Arc::clone(&self.auth), context.origin()))
            .await
    }

    /// Whose request it is.
    ///
    /// # Errors
    /// 401 `invalid_token`, or 503 when the database can't confirm the session.
    pub async fn identify(&self, context: &RequestContext, token: &BearerToken) -> Result<Identity, Problem> {
        let known = authenticate::remembered(&self.auth, token.as_str());
        let identity = match known {
            Some(identity) => identity,
            // What is polled is in no span so far.
            None => self.ask(token).instrument(context.span().clone()).await?,
        };
        context.set_user(identity.user.id);
        Ok(identity)
    }

    async fn ask(&self, token: &BearerToken) -> Result<Identity, Problem> {
        let (auth, token) = (Arc::clone(&self.auth), token.clone());
        let answer = self
            .detached
            .run(async move { authenticate::run(&auth, token.as_str()).await })
            .await?;
        answer.map_err(|error| match error {
            authenticate::Error::InvalidToken => Problem::new(ProblemCode::InvalidToken),
            authenticate::Error::Store(error) => failure(error.into()),
        })
    }
}

/// The answer to a failure: what is worth trying again says when.
#[must_use]
pub fn failure(failure: Failure) -> Problem {
    match failure.remedy() {
        Remedy::SlowDown(exceeded) => rate_limited(&exceeded),
        Remedy::ComeBack(wait) => Problem::new(ProblemCode::Overloaded).with_retry_after(wait),
        Remedy::Retry => {
            tracing::warn!(error = %error_chain(&failure), "not available");
            Problem::new(ProblemCode::ServiceUnavailable)
        }
        Remedy::Repair => {
            tracing::error!(error = %error_chain(&failure), "failed");
            Problem::new(ProblemCode::InternalError)
        }
    }
}
