//! Logs out: ends one session, the others or all of a user, by access token or by the refresh token
//! alone.

use watchword_events::{LoggedOut, LogoutScope, SessionRevokedReason};

use super::ended;
use super::presented::{self, Presented};
use crate::actions::ActionError::{self, Refused};
use crate::actions::{Context, Failure};
use crate::domain::ids::SessionId;
use crate::domain::session::RevokeReason;
use crate::store::UserTx;

/// What identifies the session.
pub enum Token {
    Access(String),
    /// For clients whose access token has expired.
    Refresh(String),
}

/// The sessions that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The session of the token.
    Local,
    /// All sessions of the user but this one.
    Others,
    /// All sessions of the user.
    Global,
}

impl From<Scope> for LogoutScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Local => Self::Local,
            Scope::Others => Self::Others,
            Scope::Global => Self::Global,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the access token is not valid")]
    InvalidAccessToken,
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
}

/// Log out. Logging out twice is the same as once.
///
/// # Errors
/// [`Refusal`]; nothing has changed then, unless an old refresh token was reused, which ends its
/// session.
pub async fn run(cx: Context, token: Token, scope: Scope) -> Result<(), ActionError<Refusal>> {
    let (presented, refusal) = match &token {
        Token::Access(token) => (presented::Token::Access(token), Refusal::InvalidAccessToken),
        Token::Refresh(token) => (presented::Token::Refresh(token), Refusal::InvalidRefreshToken),
    };
    let (mut tx, session) = match presented::lock(&cx, presented).await? {
        Presented::Live(tx, session) => (tx, session),
        // The token of an ended session has no say over the user's other sessions.
        Presented::Ended => return Ok(()),
        Presented::Reused | Presented::Unknown => return Err(Refused(refusal)),
    };
    let ended = end(&cx, &mut tx, session, scope).await?;
    if ended.is_empty() {
        // Another instance may have ended them, and this one still have them in its cache.
        cx.services.session_cache.invalidate_user(tx.user().id);
        return Ok(());
    }
    let logged_out = |ended_session_ids| LoggedOut {
        session_id: session.as_uuid(),
        scope: scope.into(),
        ended_session_ids,
    };
    ended::record(&mut tx, None, &ended, SessionRevokedReason::Logout, logged_out).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(())
}

async fn end(cx: &Context, tx: &mut UserTx<'_>, session: SessionId, scope: Scope) -> Result<Vec<SessionId>, Failure> {
    let (reason, policy) = (RevokeReason::Logout, &cx.services.sessions);
    Ok(match scope {
        Scope::Local if tx.revoke_session(session, reason, policy).await? => vec![session],
        Scope::Local => Vec::new(),
        Scope::Others => tx.revoke_sessions(Some(session), reason, policy).await?,
        Scope::Global => tx.revoke_sessions(None, reason, policy).await?,
    })
}
