//! Answers a registration that is repeated because its response was lost: the same account and
//! session, and tokens for it.

use serde_json::Value;
use watchword_events::ReauthenticationOperation;

use super::registration::{Input, Refusal};
use crate::actions::ActionError::{self, Refused};
use crate::actions::idempotency::{self, Fingerprint};
use crate::actions::passwords::confirm::{Reauthentication, is_password_of};
use crate::actions::{Context, TokenPair};
use crate::domain::ids::SessionId;
use crate::domain::password::Password;
use crate::domain::session::SessionState;
use crate::domain::user::UserStatus;

/// The content of a registration but for the password, which is verified against the account's: a
/// guess costs what a login costs.
pub(in crate::actions) fn fingerprint(operation: &'static str, input: &Input) -> Fingerprint {
    let profile = input.profile.clone().map(Value::Object);
    Fingerprint::of(operation)
        .text(Some(input.email.as_str()))
        .text(input.name.as_ref().map(|name| name.as_str()))
        .text(input.username.as_ref().map(|name| name.as_str()))
        .text(Some(input.account_type.as_str()))
        .json(profile.as_ref())
}

/// Return the tokens again, to a client that knows the password: a key is no proof. Until the first
/// refresh token is used it is the same one; the access token is new.
///
/// # Errors
/// `KeyReused` for another password, which is recorded as `reauthentication_failed`;
/// `ReplayUnavailable` once the session has been refreshed or has ended.
pub(in crate::actions) async fn run(
    cx: &Context,
    password: Password,
    session: SessionId,
) -> Result<TokenPair, ActionError<Refusal>> {
    let store = &cx.services.store;
    let unavailable = || Refused(idempotency::Refusal::ReplayUnavailable.into());
    let (_, user) = store.session_with_user(session).await?.ok_or_else(unavailable)?;
    let found = store.credentials_by_id(user.id).await?.ok_or_else(unavailable)?;
    // A client that repeats the request has not shown a session yet.
    let operation = ReauthenticationOperation::RepeatRegistration;
    let reauthentication = Reauthentication { operation, session: None, actor: None };
    if !is_password_of(cx, &found, password, reauthentication).await? {
        return Err(Refused(idempotency::Refusal::KeyReused.into()));
    }
    // Read again: hashing takes a while.
    let now = cx.now();
    let (session, user) = store.session_with_user(session).await?.ok_or_else(unavailable)?;
    let is_untouched = session.state(now, &cx.services.sessions) == SessionState::Active && session.generation == 1;
    // With a second factor, which came later than the request, the password alone is not enough.
    if !is_untouched || user.second_factor || user.status != UserStatus::Active {
        return Err(unavailable());
    }
    Ok(cx.issue_tokens(&session, &user, now)?.of(user))
}
