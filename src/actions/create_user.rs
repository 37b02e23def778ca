//! An administrator makes an account: `registered`, and nobody is signed in.

use watchword_events::AuthEvent;

use super::Auth;
use super::administration;
use super::authenticate::Identity;
use super::codes;
use super::confirm_password::is_password_of;
use super::idempotency::{self, Asked, Keyed};
use super::register::{self, registered};
use super::register_again;
use crate::domain::account::Role;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::user::User;
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
    Refused(#[from] administration::Error),
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
pub async fn run(auth: &Auth, origin: &Origin, who: &Identity, input: Input) -> Result<User, Error> {
    administration::admit(auth, origin, who).await?;
    if let Some(roles) = &input.roles
        && !roles.iter().all(|role| auth.accounts.knows_role(role))
    {
        return Err(Error::UnknownRole);
    }
    let (caller, key) = (Some(who.user.id.as_uuid()), input.account.idempotency_key.as_ref());
    let keyed = idempotency::first(auth, caller, key, || asked(&input)).await;
    let once = match keyed.map_err(key_error)? {
        Keyed::First(once) => once,
        Keyed::Repeated(made) => return again(auth, origin, made.into(), input.account.password).await,
    };
    let password = input.account.password.clone();
    let mut new = register::prepare(auth, input.account).await?;
    if let Some(mut roles) = input.roles {
        roles.sort();
        roles.dedup();
        new.roles = roles;
    }
    let may_mail = codes::may_mail(auth, origin, new.email.canonical()).await;
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    // Whoever has just lost the right must not make an administrator: with the guard the two come one after the other.
    if new.roles.contains(&Role::Admin) {
        tx.guard_administrators().await?;
    }
    // The key comes before everything else: who repeats a request must not be told that the address is taken.
    let keyed = idempotency::carry_out(auth, once.as_ref(), tx, new.id.as_uuid()).await;
    let mut tx = match keyed.map_err(key_error)? {
        Keyed::First(tx) => tx,
        Keyed::Repeated(made) => return again(auth, origin, made.into(), password).await,
    };
    administration::confirm(auth, &mut tx, who).await?;
    let (user, mut lock) = tx.insert_user(new).await?;
    if may_mail {
        register::ask_to_confirm(auth, &mut tx, &user)
            .await
            .map_err(register::Error::from)?;
    }
    let event = AuthEvent::Registered(registered(&user));
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    Ok(user)
}

/// What the request asks for, without the password: that is compared with the account's.
fn asked(input: &Input) -> Asked {
    let roles = input
        .roles
        .as_ref()
        .map(|roles| roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" "));
    register_again::asked("create_user", &input.account).text(roles.as_deref())
}

/// The account that a repeated request made, as it is now, for whoever has its password: a key is no proof.
async fn again(auth: &Auth, origin: &Origin, made: UserId, password: Password) -> Result<User, Error> {
    let found = auth.store.credentials_by_id(made).await?;
    let found = found.ok_or_else(|| key_error(idempotency::Error::Spent))?;
    let is_right = is_password_of(auth, origin, &found, password).await;
    if is_right.map_err(register::Error::from)? {
        Ok(found.user)
    } else {
        Err(key_error(idempotency::Error::Reused))
    }
}

fn key_error(error: idempotency::Error) -> Error {
    Error::Account(error.into())
}
