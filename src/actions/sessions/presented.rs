//! The session of a presented token, locked: what logout and revocation begin with.

use super::authenticate;
use super::refresh::end_reused;
use crate::actions::{ActionError, Context, Failure};
use crate::domain::ids::SessionId;
use crate::domain::session::{Refresh, SessionState};
use crate::security::RefreshClaim;
use crate::store::UserTx;

/// What a token turned out to be worth.
pub(in crate::actions) enum Presented<'a> {
    /// Its session is live, and its user locked.
    Live(Box<UserTx<'a>>, SessionId),
    /// Its session has ended; there is nothing left to end.
    Ended,
    /// A refresh token that was used before; its session has been revoked for that.
    Reused,
    /// It belongs to no session.
    Unknown,
}

pub(in crate::actions) enum Token<'a> {
    Access(&'a str),
    Refresh(&'a str),
}

/// Lock the user of a token's session.
///
/// # Errors
/// [`Failure`]
pub(in crate::actions) async fn lock<'a>(cx: &'a Context, token: Token<'_>) -> Result<Presented<'a>, Failure> {
    let Some((session, claim)) = session_of(cx, token).await? else {
        return Ok(Presented::Unknown);
    };
    let Some(mut tx) = cx.begin().await?.lock_user_of(session).await? else {
        return Ok(Presented::Unknown);
    };
    let Some(found) = tx.session(session).await? else {
        return Ok(Presented::Unknown);
    };
    let policy = &cx.services.sessions;
    if found.state(tx.now(), policy) != SessionState::Active {
        // Another instance may have ended it, and this one still have it in its cache: after
        // this answer its token is refused here at once.
        drop(tx);
        cx.services.session_cache.invalidate_sessions(&[session]).await;
        return Ok(Presented::Ended);
    }
    if let Some(claim) = claim
        && tx.refresh_of(&found, claim.generation, policy).await? == Refresh::Reuse
    {
        end_reused(cx, tx, &found, claim).await?;
        return Ok(Presented::Reused);
    }
    Ok(Presented::Live(Box::new(tx), session))
}

async fn session_of(cx: &Context, token: Token<'_>) -> Result<Option<(SessionId, Option<RefreshClaim>)>, Failure> {
    match token {
        Token::Refresh(token) => {
            let claim = cx.services.refresh.parse(token).ok();
            Ok(claim.map(|claim| (claim.session_id, Some(claim))))
        }
        Token::Access(token) => match authenticate::run(cx, token).await {
            Ok(identity) => Ok(Some((identity.session_id, None))),
            Err(ActionError::Refused(authenticate::Refusal::InvalidToken)) => Ok(None),
            Err(ActionError::Failure(failure)) => Err(failure),
        },
    }
}
