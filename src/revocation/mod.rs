//! Whether a session still holds. The database is the truth; what an instance remembers is at most one second old, and its own
//! writes make it forget at once. With Redis, ended sessions are also in a denylist that every instance asks first.

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

/// How old an answer may be: the bound within which a revocation shows on every instance.
const FRESH_FOR: Duration = Duration::SECOND;

/// Most sessions remembered, a few hundred bytes each, and their users' profiles (4 KiB at most).
const REMEMBERED: usize = 50_000;

/// Decides whether a session holds.
pub struct SessionGate {
    store: Store,
    policy: SessionPolicy,
    denylist: Arc<dyn Denylist>,
    /// How long an access token may outlive its session's end: the denylist keeps it that long.
    access_ttl: Duration,
    seen: Cache<SessionId, Seen>,
    /// Rises with every invalidation, so that an answer read before one is not remembered after it.
    invalidations: AtomicU64,
}

#[derive(Clone)]
struct Seen {
    user: Arc<User>,
    /// From before the question was asked.
    at: OffsetDateTime,
    ends_at: OffsetDateTime,
}

impl SessionGate {
    /// A gate in front of `store`.
    #[must_use]
    pub fn new(store: Store, policy: SessionPolicy, denylist: Arc<dyn Denylist>, access_ttl: Duration) -> Self {
        Self {
            store,
            policy,
            denylist,
            access_ttl,
            seen: Cache::new(REMEMBERED),
            invalidations: AtomicU64::new(0),
        }
    }

    /// The session's user if this instance knows the answer already.
    #[must_use]
    pub fn remembered(&self, session: SessionId, now: OffsetDateTime) -> Option<Arc<User>> {
        let seen = self.seen.get(&session)?;
        let fresh = seen.at <= now && now - seen.at < FRESH_FOR && now < seen.ends_at;
        fresh.then_some(seen.user)
    }

    /// The session's user while session and user are good, else `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database, the only one who can say yes, does not answer.
    pub async fn admit(&self, session: SessionId, now: OffsetDateTime) -> Result<Option<Arc<User>>, StoreError> {
        if let Some(user) = self.remembered(session, now) {
            return Ok(Some(user));
        }
        self.admit_anew(session, now).await
    }

    /// As [`admit`](Self::admit), whatever this instance remembers: for an answer that is about to be relied on for a while.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub async fn admit_anew(&self, session: SessionId, now: OffsetDateTime) -> Result<Option<Arc<User>>, StoreError> {
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
        // Remembered first and looked at again: an end that comes in between is not missed.
        let ends_at = row.ends_at(&self.policy);
        self.seen.insert(
            session,
            Seen {
                user: user.clone(),
                at: now,
                ends_at,
            },
        );
        if self.invalidations.load(Ordering::SeqCst) != invalidations {
            self.seen.remove(&session);
        }
        Ok(Some(user))
    }

    /// Tells this instance, and the others through the denylist, that sessions have ended. Call it after the commit.
    pub async fn ended(&self, sessions: &[SessionId]) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        for session in sessions {
            self.seen.remove(session);
        }
        self.denylist.add(sessions, self.access_ttl).await;
    }

    /// Makes this instance forget a user, whose data changed. Call it after the commit.
    pub fn changed(&self, user: UserId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.seen.retain(|_, seen| seen.user.id != user);
    }
}
