//! The first administrator, made on the command line and nowhere else.

use watchword_events::AuthEvent;

use crate::actions::accounts::register::{Error, registered};
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::{AccountType, Role, User};
use crate::store::NewUser;

/// Makes an account with the role `admin`.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(services: &Services, email: Email, password: Password) -> Result<User, Error> {
    let words = [
        services.service.as_str(),
        "watchword",
        "admin",
        email.canonical(),
        email.local_part(),
    ];
    services.passwords.check(&password, &words).map_err(Error::Password)?;
    let now = services.clock.now();
    let new = NewUser {
        id: UserId::new_v7(now, &*services.random),
        email,
        username: None,
        name: None,
        account_type: AccountType::user(),
        profile: Profile::default(),
        roles: vec![Role::User, Role::Admin],
        password_hash: services
            .hasher
            .hash(password)
            .await
            .map_err(Failure::from)?
            .into_string()
            .into(),
    };
    let request = RequestMetadata::default();
    let mut tx = services.store.begin(now, &request).await?;
    let (user, mut lock) = tx.insert_user(new).await?;
    tx.record(&mut lock, AuthEvent::Registered(registered(&user))).await?;
    tx.commit().await?;
    Ok(user)
}
