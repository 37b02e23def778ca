//! Changing what an account is called and says about itself: by its owner and by administrators, with the same events.
//!
//! An identifier that changes has an event of its own; everything else is one `updated` with the names of the fields. Several
//! facts are several events, in this order: `email_changed`, `username_changed`, `updated`.

use serde_json::{Map, Value};
use watchword_events::{Actor, AuthEvent, ChangedField, EmailChanged, Updated, UsernameChanged};

use crate::actions::Services;
use crate::domain::user::User;
use crate::domain::user::account::AccountType;
use crate::domain::user::account_types::SchemaViolation;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::profile::Profile;
use crate::domain::user::username::Username;
use crate::store::{Conflict, StoreError, Tx, UserChange, UserLock};

/// What to change: `None` leaves it, `Some(None)` clears it.
#[derive(Default)]
pub struct Change {
    /// The address.
    pub email: Option<Email>,
    /// The second identifier.
    pub username: Option<Option<Username>>,
    /// The display name.
    pub name: Option<Option<DisplayName>>,
    /// The kind of account.
    pub account_type: Option<AccountType>,
    /// The profile.
    pub profile: Option<ProfileChange>,
}

/// What to make of a profile.
pub enum ProfileChange {
    /// These fields and no others.
    Replace(Map<String, Value>),
    /// These fields merged into it (RFC 7396).
    Merge(Map<String, Value>),
}

/// What is wrong with a new account type or profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such account type is configured.
    #[error("no such account type")]
    UnknownType,
    /// The profile is too large.
    #[error("the profile is too large")]
    TooLarge,
    /// The profile is not as its account type wants it.
    #[error("the profile does not fit its account type")]
    Profile(Vec<SchemaViolation>),
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub(in crate::actions) enum ChangeError {
    /// The new type or profile.
    #[error(transparent)]
    ProfileError(#[from] ProfileError),
    /// A live account has the address.
    #[error("the email address is taken")]
    EmailTaken,
    /// A live account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The database.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::Email) => Self::EmailTaken,
            StoreError::Conflict(Conflict::Username) => Self::UsernameTaken,
            other => Self::Store(other),
        }
    }
}

/// A profile for a new account: one that is given has to fit.
pub(in crate::actions) fn new_profile(
    services: &Services,
    account_type: &AccountType,
    given: Option<Map<String, Value>>,
) -> Result<Profile, ProfileError> {
    if !services.accounts.knows(account_type) {
        return Err(ProfileError::UnknownType);
    }
    let Some(given) = given else {
        return Ok(Profile::default());
    };
    let profile = Profile::new(given).map_err(|_| ProfileError::TooLarge)?;
    services
        .accounts
        .check(account_type, &profile)
        .map_err(ProfileError::Profile)?;
    Ok(profile)
}

/// Changes a locked user and records it. What is the same already is no change; `None` when nothing is left to change, and then
/// the transaction must not be committed.
pub(in crate::actions) async fn apply(
    services: &Services,
    tx: &mut Tx<'_>,
    lock: &mut UserLock,
    user: &User,
    change: Change,
    actor: Option<Actor>,
) -> Result<Option<User>, ChangeError> {
    let change = differences(services, user, change)?;
    let fields: Vec<ChangedField> = [
        (ChangedField::Name, change.name.is_some()),
        (ChangedField::AccountType, change.account_type.is_some()),
        (ChangedField::Profile, change.profile.is_some()),
    ]
    .into_iter()
    .filter_map(|(field, changed)| changed.then_some(field))
    .collect();
    let (email, username) = (change.email.is_some(), change.username.is_some());
    if fields.is_empty() && !email && !username {
        return Ok(None);
    }
    let after = tx.update_user(user, change).await?;
    let mut events = Vec::new();
    if email {
        events.push(AuthEvent::EmailChanged(EmailChanged {
            old: Some(user.email.clone()),
            new: Some(after.email.clone()),
        }));
    }
    if username {
        events.push(AuthEvent::UsernameChanged(UsernameChanged {
            old: user.username.clone(),
            new: after.username.clone(),
        }));
    }
    if !fields.is_empty() {
        events.push(AuthEvent::Updated(Updated { changed_fields: fields }));
    }
    for event in events {
        tx.record_by(actor.clone(), lock, event).await?;
    }
    Ok(Some(after))
}

/// What would really change, checked.
fn differences(services: &Services, user: &User, change: Change) -> Result<UserChange, ProfileError> {
    let account_type = change.account_type.filter(|new| *new != user.account_type);
    if account_type.as_ref().is_some_and(|new| !services.accounts.knows(new)) {
        return Err(ProfileError::UnknownType);
    }
    let written = match change.profile {
        None => None,
        Some(ProfileChange::Replace(fields)) => Some(Profile::new(fields)),
        Some(ProfileChange::Merge(fields)) => Some(user.profile.patched(fields)),
    };
    let profile = written.transpose().map_err(|_| ProfileError::TooLarge)?;
    let profile = profile.filter(|new| *new != user.profile);
    // A profile is checked when it is written, and when it gets under another type; never because its schema changed.
    let moves = account_type.is_some() && !user.profile.is_empty();
    if profile.is_some() || moves {
        let kind = account_type.as_ref().unwrap_or(&user.account_type);
        let result = services.accounts.check(kind, profile.as_ref().unwrap_or(&user.profile));
        result.map_err(ProfileError::Profile)?;
    }
    Ok(UserChange {
        email: change.email.filter(|new| new.as_str() != user.email),
        username: change
            .username
            .filter(|new| new.as_ref().map(Username::as_str) != user.username.as_deref()),
        name: change
            .name
            .filter(|new| new.as_ref().map(DisplayName::as_str) != user.name.as_deref()),
        account_type,
        profile,
    })
}
