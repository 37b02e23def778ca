//! Revokes the session of a token for a client (RFC 7009), and with it both its tokens:
//! `session_revoked`.

use watchword_events::{Actor, SessionRevokedReason};

use crate::actions::sessions::ended::record_revoked;
use crate::actions::sessions::presented::{self, Presented};
use crate::actions::{Context, Failure};
use crate::domain::session::RevokeReason;
use crate::domain::text::prefixes::REFRESH_TOKEN_PREFIX;
use crate::security::ClientId;

/// Revoke. A token that is unknown, expired or revoked is no error (RFC 7009 section 2.2).
///
/// # Errors
/// [`Failure`]; nothing has changed then, and the token may still be accepted.
pub async fn run(cx: Context, client: ClientId, token: String) -> Result<(), Failure> {
    let token = if token.starts_with(REFRESH_TOKEN_PREFIX) {
        presented::Token::Refresh(&token)
    } else {
        presented::Token::Access(&token)
    };
    let (mut tx, session) = match presented::lock(&cx, token).await? {
        Presented::Live(tx, session) => (tx, session),
        Presented::Ended | Presented::Reused | Presented::Unknown => return Ok(()),
    };
    let policy = &cx.services.sessions;
    if !tx.revoke_session(session, RevokeReason::Logout, policy).await? {
        return Ok(());
    }
    let actor = Actor::service(client.as_str());
    record_revoked(&mut tx, Some(actor), &[session], SessionRevokedReason::Logout).await?;
    tx.commit().await?;
    cx.services.session_cache.invalidate_sessions(&[session]).await;
    Ok(())
}
