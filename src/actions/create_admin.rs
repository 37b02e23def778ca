//! The first administrator, made on the command line and nowhere else.

use watchword_events::AuthEvent;

use super::register::{Error, registered};
use super::{Auth, Failure};
use crate::domain::email::Email;
use crate::domain::ids::UserId;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::profile::Profile;
use crate::domain::user::{AccountType, Role, User};
use crate::store::NewUser;

/// Makes an account with the role `admin`.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(auth: &Auth, email: Email, password: Password) -> Result<User, Error> {
    let words = [
        auth.service.as_str(),
        "watchword",
        "admin",
        email.canonical(),
        email.local_part(),
    ];
    auth.passwords.check(&password, &words).map_err(Error::Password)?;
    let now = auth.clock.now();
    let new = NewUser {
        id: UserId::new_v7(now, &*auth.random),
        email,
        username: None,
        name: None,
        account_type: AccountType::user(),
        profile: Profile::default(),
        roles: vec![Role::User, Role::Admin],
        password_hash: auth
            .hasher
            .hash(password)
            .await
            .map_err(Failure::from)?
            .into_string()
            .into(),
    };
    let origin = Origin::default();
    let mut tx = auth.store.begin(now, &origin).await?;
    let (user, mut lock) = tx.insert_user(new).await?;
    tx.record(&mut lock, AuthEvent::Registered(registered(&user))).await?;
    tx.commit().await?;
    Ok(user)
}
