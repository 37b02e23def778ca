//! One user: anybody for an administrator, oneself for everybody else.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::UserId;
use crate::domain::user::User;

/// Reads a user, deleted ones too. To everybody but administrators, somebody else and nobody look alike: `None`.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(services: &Services, caller: &Identity, target: UserId) -> Result<Option<User>, Failure> {
    if !caller.user.is_admin() && target != caller.user.id {
        return Ok(None);
    }
    Ok(services.store.user(target).await?)
}
