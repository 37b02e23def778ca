//! A registration that is repeated because its answer was lost: the same account and session, and tokens for it.

use serde_json::Value;

use super::register;
use crate::actions::idempotency::{Error, Fingerprint};
use crate::actions::passwords::confirm::is_password_of;
use crate::actions::{Services, TokenPair};
use crate::domain::ids::SessionId;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::session::SessionState;
use crate::domain::user::UserStatus;

/// What a registration asks for; the password is compared with the account's, which costs a guess what a login costs.
pub(in crate::actions) fn fingerprint(operation: &'static str, input: &register::Input) -> Fingerprint {
    let profile = input.profile.clone().map(Value::Object);
    Fingerprint::of(operation)
        .text(Some(input.email.as_str()))
        .text(input.name.as_ref().map(|name| name.as_str()))
        .text(input.username.as_ref().map(|name| name.as_str()))
        .text(Some(input.account_type.as_str()))
        .json(profile.as_ref())
}

/// The answer once more, for whoever has the password: a key is no proof. As long as the first refresh token is unused, it is the
/// same one; the access token is new.
///
/// # Errors
/// [`Error::Reused`] for another password, which is recorded as a failed login; [`Error::ReplayUnavailable`] when the session went on or ended.
pub(in crate::actions) async fn run(
    services: &Services,
    request: &RequestMetadata,
    password: Password,
    made: SessionId,
) -> Result<TokenPair, Error> {
    let (_, user) = services
        .store
        .session_with_user(made)
        .await?
        .ok_or(Error::ReplayUnavailable)?;
    let found = services
        .store
        .credentials_by_id(user.id)
        .await?
        .ok_or(Error::ReplayUnavailable)?;
    if !is_password_of(services, request, &found, password).await? {
        return Err(Error::Reused);
    }
    // Looked at last: hashing takes a while.
    let now = services.clock.now();
    let (session, user) = services
        .store
        .session_with_user(made)
        .await?
        .ok_or(Error::ReplayUnavailable)?;
    let is_untouched = session.state(now, &services.sessions) == SessionState::Active && session.generation == 1;
    // A second factor came later than the request: the password alone opens nothing any more.
    if !is_untouched || user.second_factor || user.status != UserStatus::Active {
        return Err(Error::ReplayUnavailable);
    }
    Ok(services.token_pair(&session, user, now)?)
}
