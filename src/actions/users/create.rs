//! An administrator makes an account: `registered`, and nobody is signed in.

use watchword_events::AuthEvent;

use super::admin_guard;
use crate::actions::accounts::register::{self, registered};
use crate::actions::accounts::registration_replay;
use crate::actions::idempotency::{self, Fingerprint, Idempotent};
use crate::actions::passwords::confirm::is_password_of;
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Services, one_time_codes};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::User;
use crate::domain::user::account::Role;
use crate::store::StoreError;

/// Whom to make.
pub struct Input {
    /// As in a registration.
    pub account: register::Input,
    /// What the user may do; none: what the account type says.
    pub roles: Option<Vec<Role>>,
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such role is configured.
    #[error("no such role")]
    UnknownRole,
    /// What a registration can end in.
    #[error(transparent)]
    Account(#[from] register::Error),
    /// Who may.
    #[error(transparent)]
    Refused(#[from] admin_guard::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

/// Makes an account.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    input: Input,
) -> Result<User, Error> {
    admin_guard::authorize(services, request, caller).await?;
    if let Some(roles) = &input.roles
        && !roles.iter().all(|role| services.accounts.knows_role(role))
    {
        return Err(Error::UnknownRole);
    }
    let key = input.account.idempotency_key.as_ref();
    let keyed = idempotency::begin(services, Some(caller.user.id.as_uuid()), key, || fingerprint(&input)).await;
    let guard = match keyed.map_err(key_error)? {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(made) => return again(services, request, made.into(), input.account.password).await,
    };
    let password = input.account.password.clone();
    let mut new = register::prepare(services, input.account).await?;
    if let Some(mut roles) = input.roles {
        roles.sort();
        roles.dedup();
        new.roles = roles;
    }
    let may_mail = one_time_codes::may_mail(services, request, new.email.canonical()).await;
    let mut tx = services.store.begin(services.clock.now(), request).await?;
    // Whoever has just lost the right must not make an administrator: with the guard the two come one after the other.
    if new.roles.contains(&Role::Admin) {
        tx.guard_admins().await?;
    }
    // The key comes before everything else: who repeats a request must not be told that the address is taken.
    let keyed = idempotency::claim(services, guard.as_ref(), tx, new.id.as_uuid()).await;
    let mut tx = match keyed.map_err(key_error)? {
        Idempotent::New(tx) => tx,
        Idempotent::Replay(made) => return again(services, request, made.into(), password).await,
    };
    admin_guard::recheck_admin(services, &mut tx, caller).await?;
    let (user, mut lock) = tx.insert_user(new).await?;
    if may_mail {
        register::ask_to_confirm(services, &mut tx, &user)
            .await
            .map_err(register::Error::from)?;
    }
    let event = AuthEvent::Registered(registered(&user));
    tx.record_by(admin_guard::actor(caller), &mut lock, event).await?;
    tx.commit().await?;
    Ok(user)
}

/// What the request asks for, without the password: that is compared with the account's.
fn fingerprint(input: &Input) -> Fingerprint {
    let roles = input
        .roles
        .as_ref()
        .map(|roles| roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" "));
    registration_replay::fingerprint("create_user", &input.account).text(roles.as_deref())
}

/// The account that a repeated request made, as it is now, for whoever has its password: a key is no proof.
async fn again(
    services: &Services,
    request: &RequestMetadata,
    made: UserId,
    password: Password,
) -> Result<User, Error> {
    let found = services.store.credentials_by_id(made).await?;
    let found = found.ok_or_else(|| key_error(idempotency::Error::ReplayUnavailable))?;
    let is_right = is_password_of(services, request, &found, password).await;
    if is_right.map_err(register::Error::from)? {
        Ok(found.user)
    } else {
        Err(key_error(idempotency::Error::Reused))
    }
}

fn key_error(error: idempotency::Error) -> Error {
    Error::Account(error.into())
}
