//! One user: anybody for an administrator, oneself for everybody else.

use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::ids::UserId;
use crate::domain::user::User;

/// Reads a user, deleted ones too. To everybody but administrators, somebody else and nobody look alike: `None`.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(auth: &Auth, who: &Identity, target: UserId) -> Result<Option<User>, Failure> {
    if !who.user.is_admin() && target != who.user.id {
        return Ok(None);
    }
    Ok(auth.store.user(target).await?)
}
