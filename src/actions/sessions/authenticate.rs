//! Authenticates a request by its access token.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::actions::ActionError::{self, Refused};
use crate::actions::context::Dependencies;
use crate::actions::{Context, Services};
use crate::domain::ids::SessionId;
use crate::domain::session::SessionState;
use crate::domain::user::{User, UserStatus};
use crate::store::{StoreError, Tx, UserTx};

/// The caller of a request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// At most one second old.
    pub user: Arc<User>,
    pub session_id: SessionId,
}

impl Identity {
    /// Refuse a caller who is not an administrator.
    pub(in crate::actions) fn require_admin<R>(&self, refusal: R) -> Result<(), ActionError<R>> {
        if self.user.is_admin() {
            Ok(())
        } else {
            Err(Refused(refusal))
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Forged, expired, revoked, or of a user who may not log in; the client cannot tell which.
    #[error("the access token is not valid")]
    InvalidToken,
}

/// Authenticate from the session cache alone. It asks no database, so a client that hangs up cuts
/// nothing in half.
#[must_use]
pub fn cached(services: &Services, access_token: &str) -> Option<Identity> {
    let services = &services.0;
    let now = services.clock.now();
    let claims = services.access.verify(access_token, now).ok()?;
    let user = services.session_cache.cached(claims.session_id, now)?;
    Some(Identity { user, session_id: claims.session_id })
}

/// Authenticate.
///
/// # Errors
/// [`Refusal`]
pub async fn run(cx: &Context, access_token: &str) -> Result<Identity, ActionError<Refusal>> {
    let (session_id, now) = verify(&cx.services, access_token)?;
    let user = cx.services.session_cache.lookup(session_id, now).await?;
    let user = user.ok_or(Refused(Refusal::InvalidToken))?;
    Ok(Identity { user, session_id })
}

/// Authenticate by the database, past the session cache: for work that goes on after the response.
///
/// # Errors
/// [`Refusal`]
pub async fn uncached(cx: &Context, access_token: &str) -> Result<Identity, ActionError<Refusal>> {
    let (session_id, now) = verify(&cx.services, access_token)?;
    let user = cx.services.session_cache.lookup_uncached(session_id, now).await?;
    let user = user.ok_or(Refused(Refusal::InvalidToken))?;
    Ok(Identity { user, session_id })
}

/// Begin a transaction and lock the caller's user; `ended` when their account or session has ended
/// since they were authenticated.
pub(in crate::actions) async fn lock_caller<'a, R>(
    cx: &'a Context,
    caller: &Identity,
    ended: R,
) -> Result<UserTx<'a>, ActionError<R>> {
    let tx = cx.begin().await?;
    lock(cx, tx, caller).await?.ok_or(Refused(ended))
}

/// Lock the caller's user; `None` when their account or session has ended since they were
/// authenticated.
pub(in crate::actions) async fn lock<'a>(
    cx: &Context,
    tx: Tx<'a>,
    caller: &Identity,
) -> Result<Option<UserTx<'a>>, StoreError> {
    let Some(mut tx) = tx.lock_user_of(caller.session_id).await? else {
        return Ok(None);
    };
    let session = tx.session(caller.session_id).await?;
    let is_live = session.is_some_and(|session| session.state(tx.now(), &cx.services.sessions) == SessionState::Active);
    Ok((is_live && tx.user().status == UserStatus::Active).then_some(tx))
}

fn verify(services: &Dependencies, access_token: &str) -> Result<(SessionId, OffsetDateTime), ActionError<Refusal>> {
    let now = services.clock.now();
    let claims = services.access.verify(access_token, now).map_err(|error| {
        tracing::debug!(reason = error.reason(), "access token refused");
        Refused(Refusal::InvalidToken)
    })?;
    Ok((claims.session_id, now))
}
