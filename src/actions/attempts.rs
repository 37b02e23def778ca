//! Tries that are counted: of a password, wherever one is asked for, before it is looked at and by the identifier as it was typed,
//! whether or not there is such an account; and what a signed-in user does.

use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::email;
use crate::domain::origin::Origin;
use crate::domain::user::User;
use crate::limits::{Identifier, Limited};

/// Counts what a signed-in user does.
///
/// # Errors
/// [`Failure::Limited`] when it must not be carried out.
pub(super) async fn reserve_for(auth: &Auth, origin: &Origin, who: &Identity, what: Limited) -> Result<(), Failure> {
    let user = who.user.id.to_string();
    Ok(auth.limits.reserve(what, &user, origin.ip, auth.clock.now()).await?)
}

/// Counts a try with a canonical identifier.
///
/// # Errors
/// [`Failure::Limited`] when the password must not be looked at.
pub(super) async fn reserve_password(auth: &Auth, origin: &Origin, identifier: &str) -> Result<(), Failure> {
    let identifier = hashed(auth, identifier);
    let reserved = auth.limits.reserve_login(identifier, origin.ip, auth.clock.now());
    Ok(reserved.await?)
}

/// The password was right, and the session is committed: the owner's failed tries from here are forgotten, and strangers elsewhere
/// can't keep the owner from logging in here again, by address or by username.
pub(super) async fn password_accepted(auth: &Auth, origin: &Origin, identifier: &str, user: &User) {
    let identifiers = identifiers(auth, identifier, user);
    let now = auth.clock.now();
    auth.limits.login_succeeded(&identifiers, origin.ip, now).await;
}

/// Somebody has proven to be the owner without a try of the password, by a mailed code or by having made the account: the network is
/// known, and no try is given back.
pub(super) async fn owner_proven(auth: &Auth, origin: &Origin, user: &User) {
    let identifiers = identifiers(auth, &email::canonical(&user.email), user);
    let now = auth.clock.now();
    auth.limits.owner_proven(&identifiers, origin.ip, now).await;
}

/// The identifier that was used, then the account's others.
fn identifiers(auth: &Auth, used: &str, user: &User) -> Vec<Identifier> {
    let mut identifiers = vec![hashed(auth, used)];
    for other in std::iter::once(&user.email).chain(&user.username) {
        let other = hashed(auth, &email::canonical(other));
        if !identifiers.contains(&other) {
            identifiers.push(other);
        }
    }
    identifiers
}

/// An administrator lets an account be tried again by strangers.
pub(super) async fn forget_tries(auth: &Auth, user: &User) {
    let names = std::iter::once(&user.email).chain(&user.username);
    let identifiers: Vec<Identifier> = names.map(|name| hashed(auth, &email::canonical(name))).collect();
    auth.limits.unlock(&identifiers, auth.clock.now()).await;
}

fn hashed(auth: &Auth, identifier: &str) -> Identifier {
    Identifier::new(auth.secret.identifier_hash(identifier))
}
