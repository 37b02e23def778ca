//! Whether a session is active. The database is the truth; what an instance caches is at most one
//! second old, and its own writes invalidate it at once. With Redis, ended sessions are also in a
//! denylist that every instance checks first.

mod denylist;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use time::{Duration, OffsetDateTime};

pub use self::denylist::{Denylist, NoDenylist, RedisDenylist};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::session::{SessionPolicy, SessionState};
use crate::domain::user::{User, UserStatus};
use crate::store::{Store, StoreError};

/// The bound within which a revocation takes effect on every instance.
const CACHE_TTL: Duration = Duration::SECOND;

/// A few hundred bytes each, and the profiles of their users (4 KiB at most).
const MAX_CACHED_SESSIONS: usize = 50_000;

/// Looks up the users of active sessions, and caches them for [`CACHE_TTL`].
pub struct SessionCache {
    store: Store,
    policy: SessionPolicy,
    denylist: Arc<dyn Denylist>,
    /// How long an access token may outlive its session: the denylist keeps the session that long.
    access_ttl: Duration,
    sessions: Cache<SessionId, CachedSession>,
    /// Rises with every invalidation, so that what was read before one is not cached after it.
    invalidations: AtomicU64,
}

#[derive(Clone)]
struct CachedSession {
    user: Arc<User>,
    /// The time before the database was asked.
    at: OffsetDateTime,
    ends_at: OffsetDateTime,
}

impl SessionCache {
    #[must_use]
    pub fn new(store: Store, policy: SessionPolicy, denylist: Arc<dyn Denylist>, access_ttl: Duration) -> Self {
        Self {
            store,
            policy,
            denylist,
            access_ttl,
            sessions: Cache::new(MAX_CACHED_SESSIONS),
            invalidations: AtomicU64::new(0),
        }
    }

    /// Return the session's user if it is cached.
    #[must_use]
    pub fn cached(&self, session: SessionId, now: OffsetDateTime) -> Option<Arc<User>> {
        let cached = self.sessions.get(&session)?;
        let fresh = cached.at <= now && now - cached.at < CACHE_TTL && now < cached.ends_at;
        fresh.then_some(cached.user)
    }

    /// Return the session's user if both are active.
    ///
    /// # Errors
    /// [`StoreError`] when the database, which alone can confirm a session, does not answer.
    pub async fn lookup(&self, session: SessionId, now: OffsetDateTime) -> Result<Option<Arc<User>>, StoreError> {
        if let Some(user) = self.cached(session, now) {
            return Ok(Some(user));
        }
        self.lookup_uncached(session, now).await
    }

    /// As [`lookup`](Self::lookup), without the cache: for an answer that will be relied on for a
    /// while.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub async fn lookup_uncached(
        &self,
        session: SessionId,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<User>>, StoreError> {
        if self.denylist.contains(session).await {
            return Ok(None);
        }
        let invalidations = self.invalidations.load(Ordering::SeqCst);
        let Some((row, user)) = self.store.session_with_user(session).await? else {
            return Ok(None);
        };
        if row.state(now, &self.policy) != SessionState::Active || user.status != UserStatus::Active {
            return Ok(None);
        }
        let user = Arc::new(user);
        // Cached first and checked afterwards: an invalidation in between is not missed.
        let ends_at = row.ends_at(&self.policy);
        self.sessions.insert(session, CachedSession { user: user.clone(), at: now, ends_at });
        if self.invalidations.load(Ordering::SeqCst) != invalidations {
            self.sessions.remove(&session);
        }
        Ok(Some(user))
    }

    /// Invalidate sessions that have ended, on this instance and through the denylist on the
    /// others. Call it after the commit.
    pub async fn invalidate_sessions(&self, sessions: &[SessionId]) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        for session in sessions {
            self.sessions.remove(session);
        }
        self.denylist.add(sessions, self.access_ttl).await;
    }

    /// Invalidate the sessions of a user who has changed, on this instance. Call it after the
    /// commit, or when the change turns out to be there already.
    pub fn invalidate_user(&self, user: UserId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.sessions.retain(|_, cached| cached.user.id != user);
    }
}
