//! The end of every login: a new session, `logged_in`, and the tokens.

use watchword_events::{AuthEvent, AuthMethod, LoggedIn, LoginMethod, SessionRevoked, SessionRevokedReason};

use crate::actions::{Failure, Services, TokenPair};
use crate::domain::ids::SessionId;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::{RevokeReason, Session};
use crate::domain::user::User;
use crate::store::{NewSession, OpenedSession, Tx, UserLock};

/// Opens a session of the locked user and commits. `amr` is what was checked.
pub(in crate::actions) async fn run(
    services: &Services,
    request: &RequestMetadata,
    mut tx: Tx<'_>,
    mut lock: UserLock,
    user: User,
    amr: Vec<AuthMethod>,
) -> Result<TokenPair, Failure> {
    // It may have waited for the user's lock while another transaction ended all sessions: this one began after them.
    tx.advance_to(services.clock.now());
    let session = NewSession {
        id: SessionId::new_v7(tx.now(), &*services.random),
        user_id: user.id,
        expires_at: tx.now() + services.sessions.absolute_ttl,
    };
    let OpenedSession { session, others } = tx.open_session(session, &services.sessions).await?;
    let logged_in = LoggedIn {
        session_id: session.id.as_uuid(),
        email: Some(user.email.clone()),
        ip: request.ip,
        user_agent: request.user_agent.clone(),
        method: LoginMethod::Password,
        amr,
    };
    tx.record(&mut lock, AuthEvent::LoggedIn(logged_in)).await?;
    let ended = if others < u64::from(services.sessions.max_per_user) {
        Vec::new()
    } else {
        make_room(services, &mut tx, &mut lock, &session).await?
    };
    let pair = services.token_pair(&session, user, tx.now())?;
    tx.commit().await?;
    services.gate.ended(&ended).await;
    Ok(pair)
}

/// Ends the oldest sessions of a user who has too many; the one just opened stays.
async fn make_room(
    services: &Services,
    tx: &mut Tx<'_>,
    lock: &mut UserLock,
    opened: &Session,
) -> Result<Vec<SessionId>, Failure> {
    let surplus = tx
        .surplus_sessions(opened.user_id, opened.id, &services.sessions)
        .await?;
    for session in &surplus {
        tx.revoke_session(opened.user_id, *session, RevokeReason::Limit, &services.sessions)
            .await?;
        let revoked = SessionRevoked {
            session_id: session.as_uuid(),
            reason: SessionRevokedReason::Limit,
        };
        tx.record(lock, AuthEvent::SessionRevoked(revoked)).await?;
    }
    Ok(surplus)
}
