//! Creates a user without logging in, and records `registered`.

use watchword_events::ReauthenticationOperation;

use super::admin_guard;
use crate::actions::ActionError::{self, Refused};
use crate::actions::accounts::identifier_taken::{IdentifierTaken, identifier_taken};
use crate::actions::accounts::registration::{self, registered};
use crate::actions::accounts::registration_replay;
use crate::actions::error::widen;
use crate::actions::idempotency::{self, Fingerprint, Idempotent};
use crate::actions::passwords::confirm::{Reauthentication, is_password_of};
use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, one_time_codes};
use crate::domain::ids::UserId;
use crate::domain::password::Password;
use crate::domain::user::User;
use crate::domain::user::role::Role;

pub struct Input {
    pub account: registration::Input,
    /// The user's roles; those of the account type when left out.
    pub roles: Option<Vec<Role>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A role is not configured.
    #[error("no such role")]
    UnknownRole,
    #[error(transparent)]
    Account(#[from] registration::Refusal),
    #[error(transparent)]
    Taken(#[from] IdentifierTaken),
    #[error(transparent)]
    Key(#[from] idempotency::Refusal),
    #[error(transparent)]
    Admin(#[from] admin_guard::Refusal),
}

/// Create a user.
///
/// # Errors
/// [`Refusal`]; nothing has changed then.
pub async fn run(cx: Context, caller: Identity, input: Input) -> Result<User, ActionError<Refusal>> {
    admin_guard::authorize(&cx, &caller).await.map_err(widen)?;
    let accounts = &cx.services.accounts;
    if let Some(roles) = &input.roles
        && !roles.iter().all(|role| accounts.knows_role(role))
    {
        return Err(Refused(Refusal::UnknownRole));
    }
    let (owner, key) = (caller.user.id.as_uuid(), input.account.idempotency_key.as_ref());
    let begun = idempotency::begin(&cx, Some(owner), key, || fingerprint(&input)).await;
    let guard = match begun.map_err(widen)? {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(user) => return replay(&cx, &caller, user.into(), input.account.password).await,
    };
    let password = input.account.password.clone();
    let mut new = registration::prepare(&cx, input.account).await.map_err(widen)?;
    if let Some(mut roles) = input.roles {
        roles.sort();
        roles.dedup();
        new.roles = roles;
    }
    let may_mail = one_time_codes::may_mail(&cx, new.email.canonical()).await;
    let mut tx = cx.begin().await?;
    // Take the admin lock so that a concurrent demotion of the caller is seen.
    if new.roles.contains(&Role::Admin) {
        tx.guard_admins().await?;
    }
    // The key comes first: a repeated request must not be told that its address is taken.
    let claimed = idempotency::claim(&cx, guard.as_ref(), tx, new.id.as_uuid()).await;
    let mut tx = match claimed.map_err(widen)? {
        Idempotent::New(tx) => tx,
        Idempotent::Replay(user) => return replay(&cx, &caller, user.into(), password).await,
    };
    admin_guard::recheck_admin(&cx, &mut tx, &caller).await.map_err(widen)?;
    let mut tx = tx.insert_user(new).await.map_err(identifier_taken)?;
    if may_mail {
        registration::send_verification(&cx, &mut tx).await?;
    }
    let event = registered(&cx, tx.user(), None);
    tx.record_as(admin_guard::actor(&caller), event).await?;
    Ok(tx.commit().await?)
}

/// The content of the request but for the password, which is verified against the account's.
fn fingerprint(input: &Input) -> Fingerprint {
    let roles = input
        .roles
        .as_ref()
        .map(|roles| roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" "));
    registration_replay::fingerprint("create_user", &input.account).text(roles.as_deref())
}

/// Return the user that the first request created, as they are now, to a client that knows the
/// password: a key is no proof.
async fn replay(
    cx: &Context,
    caller: &Identity,
    user: UserId,
    password: Password,
) -> Result<User, ActionError<Refusal>> {
    let found = cx.services.store.credentials_by_id(user).await?;
    let found = found.ok_or(Refused(Refusal::Key(idempotency::Refusal::ReplayUnavailable)))?;
    let reauthentication = Reauthentication {
        operation: ReauthenticationOperation::RepeatUserCreation,
        session: None,
        actor: admin_guard::actor(caller),
    };
    if is_password_of(cx, &found, password, reauthentication).await? {
        Ok(found.user)
    } else {
        Err(Refused(Refusal::Key(idempotency::Refusal::KeyReused)))
    }
}
