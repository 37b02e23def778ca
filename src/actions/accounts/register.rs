//! Registers an account: the account, its first session and the event `registered`.

use super::identifier_taken::identifier_taken;
use super::registration::{Input, Refusal, prepare, registered, send_verification};
use super::registration_replay;
use crate::actions::error::widen;
use crate::actions::idempotency::{self, Idempotent};
use crate::actions::rate_limits::{charge_network, trust_network_of};
use crate::actions::{ActionError, Context, TokenPair, one_time_codes};
use crate::domain::ids::SessionId;
use crate::domain::session::AuthenticationMethod;
use crate::limits::RateLimit;
use crate::store::NewSession;

/// Register an account.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, input: Input) -> Result<TokenPair, ActionError<Refusal>> {
    cx.services.hasher.check_room()?;
    charge_network(&cx, RateLimit::Register).await?;
    let (password, key) = (input.password.clone(), input.idempotency_key.as_ref());
    let fingerprint = || registration_replay::fingerprint("register", &input);
    let guard = match idempotency::begin(&cx, None, key, fingerprint).await.map_err(widen)? {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(session) => return registration_replay::run(&cx, password, session.into()).await,
    };
    let new = prepare(&cx, input).await?;
    let may_mail = one_time_codes::may_mail(&cx, new.email.canonical()).await;
    let tx = cx.begin().await?;
    let session_id = SessionId::new_v7(tx.now(), &*cx.services.random);
    // The key comes before everything else: a repeated request must not be told that the address is
    // taken.
    let claimed = idempotency::claim(&cx, guard.as_ref(), tx, session_id.as_uuid()).await;
    let tx = match claimed.map_err(widen)? {
        Idempotent::New(tx) => tx,
        Idempotent::Replay(session) => return registration_replay::run(&cx, password, session.into()).await,
    };
    let mut tx = tx.insert_user(new).await.map_err(identifier_taken)?;
    if may_mail {
        send_verification(&cx, &mut tx).await?;
    }
    let session = NewSession {
        id: session_id,
        expires_at: tx.now() + cx.services.sessions.absolute_ttl,
        amr: vec![AuthenticationMethod::Password],
    };
    let session = tx.open_session(session, &cx.services.sessions).await?.session;
    let event = registered(&cx, tx.user(), Some(&session));
    tx.record(event).await?;
    let tokens = cx.issue_tokens(&session, tx.user(), tx.now())?;
    let pair = tokens.of(tx.commit().await?);
    trust_network_of(&cx, &pair.user).await;
    Ok(pair)
}
