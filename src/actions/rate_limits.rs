//! Rate limits of actions: of the caller, and of password attempts, which are charged before the
//! password is verified and by the identifier as it was submitted, whether or not an account has
//! it.

use super::sessions::authenticate::Identity;
use super::{Context, Failure};
use crate::domain::user::User;
use crate::limits::{Identifier, RateLimit};

/// Charge what a caller does.
///
/// # Errors
/// [`Failure::Limited`]: do not go on.
pub(super) async fn charge_user(cx: &Context, caller: &Identity, limit: RateLimit) -> Result<(), Failure> {
    let (user, limits) = (caller.user.id.to_string(), &cx.services.limits);
    Ok(limits.charge(limit, &user, cx.request.ip, cx.now()).await?)
}

/// Charge what a network does.
///
/// # Errors
/// [`Failure::Limited`]: do not go on.
pub(super) async fn charge_network(cx: &Context, limit: RateLimit) -> Result<(), Failure> {
    let limits = &cx.services.limits;
    Ok(limits.charge_network(limit, cx.request.ip, cx.now()).await?)
}

/// Charge a password attempt for a canonical identifier.
///
/// # Errors
/// [`Failure::Limited`]: do not verify the password.
pub(super) async fn charge_password(cx: &Context, identifier: &str) -> Result<(), Failure> {
    let limits = &cx.services.limits;
    Ok(limits.charge_login(hashed(cx, identifier), cx.request.ip, cx.now()).await?)
}

/// The password was right and the session is committed: reset what the owner was charged from this
/// network, and trust it, so that strangers elsewhere cannot keep the owner from logging in here
/// again, by address or by username.
pub(super) async fn login_succeeded(cx: &Context, identifier: &str, user: &User) {
    let (identifiers, limits) = (identifiers(cx, identifier, user), &cx.services.limits);
    limits.login_succeeded(&identifiers, cx.request.ip, cx.now()).await;
}

/// The owner was proven without a password attempt, by a mailed code or by registering: trust the
/// network; no charge is given back.
pub(super) async fn trust_network_of(cx: &Context, user: &User) {
    let identifiers = identifiers(cx, user.email.canonical(), user);
    let limits = &cx.services.limits;
    limits.trust_network(&identifiers, cx.request.ip, cx.now()).await;
}

/// Reset the limits that an account has over all networks.
pub(super) async fn reset_account(cx: &Context, user: &User) {
    let identifiers: Vec<Identifier> = user.identifiers().map(|name| hashed(cx, name)).collect();
    cx.services.limits.unlock(&identifiers, cx.now()).await;
}

/// The identifier that was used, then the account's others.
fn identifiers(cx: &Context, used: &str, user: &User) -> Vec<Identifier> {
    let mut identifiers = vec![hashed(cx, used)];
    for other in user.identifiers() {
        let other = hashed(cx, other);
        if !identifiers.contains(&other) {
            identifiers.push(other);
        }
    }
    identifiers
}

fn hashed(cx: &Context, identifier: &str) -> Identifier {
    Identifier::new(cx.services.secret.identifier_hash(identifier))
}
