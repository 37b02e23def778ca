//! Changes an account, for its owner and for administrators alike. An identifier that changes has
//! an event of its own; one `updated` has the other fields. The order is `email_changed`,
//! `username_changed`, `updated`.

use serde_json::{Map, Value};
use watchword_events::{Actor, ChangedField, EmailChanged, Updated, UsernameChanged};

use super::identifier_taken::{IdentifierTaken, identifier_taken};
use crate::actions::ActionError::{self, Refused};
use crate::actions::Context;
use crate::domain::user::User;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::account_types::SchemaViolation;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::username::Username;
use crate::store::{UserChange, UserTx};

/// What to change: `None` leaves a field, `Some(None)` clears it.
#[derive(Default)]
pub struct Change {
    pub email: Option<Email>,
    pub username: Option<Option<Username>>,
    pub name: Option<Option<DisplayName>>,
    pub account_type: Option<AccountType>,
    pub profile: Option<ProfileChange>,
}

pub enum ProfileChange {
    /// Replace all its fields.
    Replace(Map<String, Value>),
    /// Merge these fields into it (RFC 7396).
    Merge(Map<String, Value>),
}

/// Why an account cannot have this type or profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The account type is not configured.
    #[error("no such account type")]
    UnknownType,
    #[error("the profile is too large")]
    TooLarge,
    #[error("the profile violates the schema of its account type")]
    Violations(Vec<SchemaViolation>),
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Taken(#[from] IdentifierTaken),
}

/// The profile of a new account, checked when there is one.
pub(in crate::actions) fn new_profile(
    cx: &Context,
    account_type: &AccountType,
    given: Option<Map<String, Value>>,
) -> Result<Profile, ProfileError> {
    if !cx.services.accounts.knows(account_type) {
        return Err(ProfileError::UnknownType);
    }
    let Some(given) = given else {
        return Ok(Profile::default());
    };
    let profile = Profile::new(given).map_err(|_| ProfileError::TooLarge)?;
    cx.services.accounts.check(account_type, &profile).map_err(ProfileError::Violations)?;
    Ok(profile)
}

/// Change the locked user and record it; false when the user has these values already. Nothing is
/// left to commit then.
pub(in crate::actions) async fn apply(
    cx: &Context,
    tx: &mut UserTx<'_>,
    change: Change,
    actor: Option<Actor>,
) -> Result<bool, ActionError<Refusal>> {
    let change = differences(cx, tx.user(), change).map_err(|error| Refused(error.into()))?;
    let updated = updated(&change);
    let (email, username) = (change.email.is_some(), change.username.is_some());
    if updated.changed_fields.is_empty() && !email && !username {
        return Ok(false);
    }
    let before = tx.user().clone();
    tx.update_user(change).await.map_err(identifier_taken)?;
    if email {
        let changed = EmailChanged {
            previous_email: Some((&before.email).into()),
            email: Some((&tx.user().email).into()),
            email_verified: tx.user().email_verified,
        };
        tx.record_as(actor.clone(), changed).await?;
    }
    if username {
        let changed = UsernameChanged {
            previous_username: before.username.as_ref().map(Into::into),
            username: tx.user().username.as_ref().map(Into::into),
        };
        tx.record_as(actor.clone(), changed).await?;
    }
    if !updated.changed_fields.is_empty() {
        tx.record_as(actor, updated).await?;
    }
    Ok(true)
}

/// The fields of a change that have no event of their own.
fn updated(change: &UserChange) -> Updated {
    let fields = [
        (ChangedField::Name, change.name.is_some()),
        (ChangedField::AccountType, change.account_type.is_some()),
        (ChangedField::Profile, change.profile.is_some()),
    ];
    let changed = fields.into_iter().filter_map(|(field, changed)| changed.then_some(field));
    Updated {
        changed_fields: changed.collect(),
        name: change.name.as_ref().and_then(|name| name.as_ref().map(Into::into)),
        account_type: change.account_type.as_ref().map(ToString::to_string),
        profile: change.profile.as_ref().map(|profile| profile.fields().clone()),
    }
}

/// Keep what differs from the user as they are, and check it.
fn differences(cx: &Context, user: &User, change: Change) -> Result<UserChange, ProfileError> {
    let account_type = change.account_type.filter(|new| *new != user.account_type);
    if account_type.as_ref().is_some_and(|new| !cx.services.accounts.knows(new)) {
        return Err(ProfileError::UnknownType);
    }
    let written = match change.profile {
        None => None,
        Some(ProfileChange::Replace(fields)) => Some(Profile::new(fields)),
        Some(ProfileChange::Merge(fields)) => Some(user.profile.patched(fields)),
    };
    let profile = written.transpose().map_err(|_| ProfileError::TooLarge)?;
    let profile = profile.filter(|new| *new != user.profile);
    // A profile is checked when it is written and when its type changes, never because a schema
    // changed.
    let changes_type = account_type.is_some() && !user.profile.is_empty();
    if profile.is_some() || changes_type {
        let kind = account_type.as_ref().unwrap_or(&user.account_type);
        let result = cx.services.accounts.check(kind, profile.as_ref().unwrap_or(&user.profile));
        result.map_err(ProfileError::Violations)?;
    }
    Ok(UserChange {
        email: change.email.filter(|new| *new != user.email),
        username: change.username.filter(|new| *new != user.username),
        name: change.name.filter(|new| *new != user.name),
        account_type,
        profile,
    })
}
