//! Creates the first administrator, from the command line only, and records `registered`.

use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::actions::accounts::identifier_taken::identifier_taken;
use crate::actions::accounts::registration::{Refusal, registered};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::role::Role;
use crate::store::NewUser;

/// Create a user with the role `admin`.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, email: Email, password: Password) -> Result<User, ActionError<Refusal>> {
    let services = &cx.services;
    let inputs = [
        services.service.as_str(),
        "watchword",
        "admin",
        email.canonical(),
        email.local_part(),
    ];
    let checked = services.passwords.check(&password, &inputs);
    checked.map_err(|error| Refused(Refusal::Password(error)))?;
    let new = NewUser {
        id: UserId::new_v7(cx.now(), &*services.random),
        email,
        username: None,
        name: None,
        account_type: AccountType::user(),
        profile: Profile::default(),
        roles: vec![Role::User, Role::Admin],
        password_hash: services.hasher.hash(password).await?.into_string().into(),
    };
    let tx = cx.begin().await?;
    let mut tx = tx.insert_user(new).await.map_err(identifier_taken)?;
    let event = registered(&cx, tx.user(), None);
    tx.record(event).await?;
    Ok(tx.commit().await?)
}
