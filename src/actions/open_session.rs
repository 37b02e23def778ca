//! The end of every login: a new session, `logged_in`, and the tokens.

use watchword_events::{AuthEvent, AuthMethod, LoggedIn, LoginMethod, SessionRevoked, SessionRevokedReason};

use super::{Auth, Failure, TokenPair};
use crate::domain::ids::SessionId;
use crate::domain::origin::Origin;
use crate::domain::session::{RevokeReason, Session};
use crate::domain::user::User;
use crate::store::{NewSession, OpenedSession, Tx, UserLock};

/// Opens a session of the locked user and commits. `amr` is what was checked.
pub(super) async fn run(
    auth: &Auth,
    origin: &Origin,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    user: User,
    amr: Vec<AuthMethod>,
) -> Result<TokenPair, Failure> {
    // It may have waited for the user's lock while another transaction ended all sessions: this one began after them.
    tx.not_before(auth.clock.now());
    let session = NewSession {
        id: SessionId::new_v7(tx.now(), &*auth.random),
        user_id: user.id,
        expires_at: tx.now() + auth.sessions.absolute_ttl,
    };
    let OpenedSession { session, others } = tx.open_session(session, &auth.sessions).await?;
    let logged_in = LoggedIn {
        session_id: session.id.as_uuid(),
        email: Some(user.email.clone()),
        ip: origin.ip,
        user_agent: origin.user_agent.clone(),
        method: LoginMethod::Password,
        amr,
    };
    tx.record(&mut lock, AuthEvent::LoggedIn(logged_in)).await?;
    let ended = if others < u64::from(auth.sessions.max_per_user) {
        Vec::new()
    } else {
        make_room(auth, &mut tx, &mut lock, &session).await?
    };
    let pair = auth.token_pair(&session, user, tx.now())?;
    tx.commit().await?;
    auth.gate.invalidate_sessions(&ended).await;
    Ok(pair)
}

/// Ends the oldest sessions of a user who has too many; the one just opened stays.
async fn make_room(
    auth: &Auth,
    tx: &mut Tx<'_>,
    lock: &mut UserLock,
    opened: &Session,
) -> Result<Vec<SessionId>, Failure> {
    let surplus = tx.surplus_sessions(opened.user_id, opened.id, &auth.sessions).await?;
    for session in &surplus {
        tx.revoke_session(opened.user_id, *session, RevokeReason::Limit, &auth.sessions)
            .await?;
        let revoked = SessionRevoked {
            session_id: session.as_uuid(),
            reason: SessionRevokedReason::Limit,
        };
        tx.record(lock, AuthEvent::SessionRevoked(revoked)).await?;
    }
    Ok(surplus)
}
