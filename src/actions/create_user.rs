//! An administrator makes an account: `registered`, and nobody is signed in.

use watchword_events::AuthEvent;

use super::Auth;
use super::administration;
use super::authenticate::Identity;
use super::register::{self, registered};
use crate::domain::account::Role;
use crate::domain::origin::Origin;
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
    administration::admit(auth, who).await?;
    if let Some(roles) = &input.roles
        && !roles.iter().all(|role| auth.accounts.knows_role(role))
    {
        return Err(Error::UnknownRole);
    }
    let mut new = register::prepare(auth, input.account).await?;
    if let Some(mut roles) = input.roles {
        roles.sort();
        roles.dedup();
        new.roles = roles;
    }
    let mut tx = auth.store.begin(auth.clock.now(), origin).await?;
    administration::confirm(auth, &mut tx, who).await?;
    let (user, mut lock) = tx.insert_user(new).await?;
    let event = AuthEvent::Registered(registered(&user));
    tx.record_by(administration::actor(who), &mut lock, event).await?;
    tx.commit().await?;
    Ok(user)
}
