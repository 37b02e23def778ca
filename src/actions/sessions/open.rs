//! The end of every login: a new session, `logged_in`, and the tokens.

use watchword_events::{AuthMethod, LoggedIn, LoginMethod, SessionRevokedReason};

use super::ended;
use crate::actions::{Context, Failure, TokenPair};
use crate::domain::ids::SessionId;
use crate::domain::session::{AuthenticationMethod, RevokeReason};
use crate::store::{NewSession, OpenedSession, UserTx};

/// Open a session for the locked user and commit. `amr` is what was verified.
pub(in crate::actions) async fn run(
    cx: &Context,
    mut tx: UserTx<'_>,
    amr: &[AuthenticationMethod],
) -> Result<TokenPair, Failure> {
    let policy = &cx.services.sessions;
    // While this waited for the user's lock, another transaction may have ended all sessions: this
    // one begins after them.
    tx.advance_to(cx.now());
    let session = NewSession {
        id: SessionId::new_v7(tx.now(), &*cx.services.random),
        expires_at: tx.now() + policy.absolute_ttl,
        amr: amr.to_vec(),
    };
    let OpenedSession { session, others } = tx.open_session(session, policy).await?;
    let logged_in = LoggedIn {
        session_id: session.id.as_uuid(),
        email: Some((&tx.user().email).into()),
        ip: cx.request.ip,
        user_agent: cx.request.user_agent.clone(),
        method: LoginMethod::Password,
        amr: published(amr),
        expires_at: session.expires_at,
        idle_expires_at: session.ends_at(policy),
    };
    tx.record(logged_in).await?;
    let ended = if others < u64::from(policy.max_per_user) {
        Vec::new()
    } else {
        revoke_surplus(cx, &mut tx, session.id).await?
    };
    let tokens = cx.issue_tokens(&session, tx.user(), tx.now())?;
    let user = tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&ended).await;
    Ok(tokens.of(user))
}

/// Revoke the oldest sessions of a user who has too many; the one just opened stays.
async fn revoke_surplus(cx: &Context, tx: &mut UserTx<'_>, opened: SessionId) -> Result<Vec<SessionId>, Failure> {
    let policy = &cx.services.sessions;
    let surplus = tx.surplus_sessions(opened, policy).await?;
    for session in &surplus {
        tx.revoke_session(*session, RevokeReason::Limit, policy).await?;
    }
    ended::record_revoked(tx, None, &surplus, SessionRevokedReason::Limit).await?;
    Ok(surplus)
}

/// The methods' names in events.
pub(in crate::actions) fn published(methods: &[AuthenticationMethod]) -> Vec<AuthMethod> {
    let name = |method: &AuthenticationMethod| match method {
        AuthenticationMethod::Password => AuthMethod::Pwd,
        AuthenticationMethod::OneTimePassword => AuthMethod::Otp,
        AuthenticationMethod::MultiFactor => AuthMethod::Mfa,
    };
    methods.iter().map(name).collect()
}
