//! The denylist: it spares the database a query, and never confirms a session.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use redis::AsyncCommands as _;
use time::Duration;

use crate::domain::ids::SessionId;
use crate::redis_connection::{KEY_PREFIX, RedisConnection};

/// Ended sessions whose access tokens have not expired yet.
pub trait Denylist: Send + Sync + 'static {
    /// Add sessions for `ttl`, if it can be done: the database has the truth.
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
    format!("{KEY_PREFIX}ended:{session}")
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
            // Without Redis the database alone tells which sessions have ended.
            let _ = self.0.run(|mut redis| async move { pipe.query_async::<()>(&mut redis).await }).await;
        }
        .boxed()
    }

    fn contains(&self, session: SessionId) -> BoxFuture<'_, bool> {
        let found = self.0.run(move |mut redis| async move { redis.exists(key(session)).await });
        found.map(|found| found.unwrap_or(false)).boxed()
    }
}
