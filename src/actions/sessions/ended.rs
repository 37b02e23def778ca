//! Records which sessions an action ended: at most a hundred an event, so that no event grows
//! without bound.

use uuid::Uuid;
use watchword_events::{Actor, AuthEvent, MAX_ENDED_SESSIONS, SessionRevoked, SessionRevokedReason};

use crate::domain::ids::SessionId;
use crate::store::{StoreError, UserTx};

/// Record the event of a change that ended these sessions. It lists the first of them; the rest
/// follow in `session_revoked`, so that the change itself is recorded once.
///
/// # Errors
/// [`StoreError`]
pub(in crate::actions) async fn record<E: Into<AuthEvent>>(
    tx: &mut UserTx<'_>,
    actor: Option<Actor>,
    ended: &[SessionId],
    rest: SessionRevokedReason,
    event: impl FnOnce(Vec<Uuid>) -> E,
) -> Result<(), StoreError> {
    let (listed, others) = ended.split_at(ended.len().min(MAX_ENDED_SESSIONS));
    tx.record_as(actor.clone(), event(ids(listed))).await?;
    record_revoked(tx, actor, others, rest).await
}

/// Record `session_revoked` for these sessions.
///
/// # Errors
/// [`StoreError`]
pub(in crate::actions) async fn record_revoked(
    tx: &mut UserTx<'_>,
    actor: Option<Actor>,
    ended: &[SessionId],
    reason: SessionRevokedReason,
) -> Result<(), StoreError> {
    for listed in ended.chunks(MAX_ENDED_SESSIONS) {
        let revoked = SessionRevoked {
            session_id: match listed {
                [only] => Some(only.as_uuid()),
                _ => None,
            },
            reason: reason.clone(),
            ended_session_ids: ids(listed),
        };
        tx.record_as(actor.clone(), revoked).await?;
    }
    Ok(())
}

fn ids(sessions: &[SessionId]) -> Vec<Uuid> {
    sessions.iter().map(|session| session.as_uuid()).collect()
}
