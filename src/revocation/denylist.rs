//! The denylist: it spares the database a query, and never confirms a session.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use time::Duration;

use crate::domain::ids::SessionId;
use crate::redis_connection::RedisConnection;

/// Ended sessions whose access tokens have not expired yet.
pub trait Denylist: Send + Sync + 'static {
    /// Add sessions for `ttl`. A failure is logged: the database has the truth.
    fn add<'a>(&'a self, sessions: &'a [SessionId], ttl: Duration) -> BoxFuture<'a, ()>;

    /// Whether the session is known to have ended; `false` means nothing.
    fn contains(&self, session: SessionId) -> BoxFuture<'_, bool>;
}

/// For a single instance, which invalidates ended sessions itself.
pub struct NoDenylist;

impl Denylist for NoDenylist {
    fn add<'a>(&'a self, _: &'a [SessionId], _: Duration) -> BoxFuture<'a, ()> {
        ready(()).boxed()
    }

    fn contains(&self, _: SessionId) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }
}

/// The denylist that all instances share.
pub struct RedisDenylist(RedisConnection);

impl RedisDenylist {
    #[must_use]
    pub const fn new(redis: RedisConnection) -> Self {
        Self(redis)
    }
}

fn key(session: SessionId) -> String {
    format!("watchword:ended:{session}")
}

impl Denylist for RedisDenylist {
    fn add<'a>(&'a self, sessions: &'a [SessionId], ttl: Duration) -> BoxFuture<'a, ()> {
        async move {
            if sessions.is_empty() {
                return;
            }
            let mut pipe = redis::pipe();
            for session in sessions {
                pipe.set_ex(key(*session), "", ttl.whole_seconds().unsigned_abs().max(1)).ignore();
            }
            if let Err(error) = pipe.query_async::<()>(&mut self.0.clone()).await {
                tracing::warn!(%error, "Redis does not answer; the database alone decides which sessions have ended");
            }
        }
        .boxed()
    }

    fn contains(&self, session: SessionId) -> BoxFuture<'_, bool> {
        async move { redis::AsyncCommands::exists(&mut self.0.clone(), key(session)).await.unwrap_or(false) }.boxed()
    }
}
