//! Tries that are counted: of a password, wherever one is asked for, before it is looked at and by the identifier as it was typed,
//! whether or not there is such an account; and what a signed-in user does.

use super::sessions::authenticate::Identity;
use super::{Failure, Services};
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::user::{User, email};
use crate::limits::{Identifier, RateLimit};

/// Counts what a signed-in user does.
///
/// # Errors
/// [`Failure::RateLimit`] when it must not be carried out.
pub(super) async fn charge_user(
    services: &Services,
    request: &RequestMetadata,
    caller: &Identity,
    what: RateLimit,
) -> Result<(), Failure> {
    let user = caller.user.id.to_string();
    Ok(services
        .limits
        .charge(what, &user, request.ip, services.clock.now())
        .await?)
}

/// Counts a try with a canonical identifier.
///
/// # Errors
/// [`Failure::RateLimit`] when the password must not be looked at.
pub(super) async fn charge_password(
    services: &Services,
    request: &RequestMetadata,
    identifier: &str,
) -> Result<(), Failure> {
    let identifier = hashed(services, identifier);
    let reserved = services
        .limits
        .charge_login(identifier, request.ip, services.clock.now());
    Ok(reserved.await?)
}

/// The password was right, and the session is committed: the owner's failed tries from here are forgotten, and strangers elsewhere
/// can't keep the owner from logging in here again, by address or by username.
pub(super) async fn login_succeeded(services: &Services, request: &RequestMetadata, identifier: &str, user: &User) {
    let identifiers = identifiers(services, identifier, user);
    let now = services.clock.now();
    services.limits.login_succeeded(&identifiers, request.ip, now).await;
}

/// Somebody has proven to be the owner without a try of the password, by a mailed code or by having made the account: the network is
/// known, and no try is given back.
pub(super) async fn trust_network_of(services: &Services, request: &RequestMetadata, user: &User) {
    let identifiers = identifiers(services, &email::canonical(&user.email), user);
    let now = services.clock.now();
    services.limits.trust_network(&identifiers, request.ip, now).await;
}

/// The identifier that was used, then the account's others.
fn identifiers(services: &Services, used: &str, user: &User) -> Vec<Identifier> {
    let mut identifiers = vec![hashed(services, used)];
    for other in std::iter::once(&user.email).chain(&user.username) {
        let other = hashed(services, &email::canonical(other));
        if !identifiers.contains(&other) {
            identifiers.push(other);
        }
    }
    identifiers
}

/// An administrator lets an account be tried again by strangers.
pub(super) async fn reset_account(services: &Services, user: &User) {
    let names = std::iter::once(&user.email).chain(&user.username);
    let identifiers: Vec<Identifier> = names.map(|name| hashed(services, &email::canonical(name))).collect();
    services.limits.unlock(&identifiers, services.clock.now()).await;
}

fn hashed(services: &Services, identifier: &str) -> Identifier {
    Identifier::new(services.secret.identifier_hash(identifier))
}
