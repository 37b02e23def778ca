//! What every way to make an account shares: its input, the checks before the transaction, the
//! confirmation email, the event.

use serde_json::{Map, Value};
use watchword_events::{AccountStatus, LoginMethod, Registered};

use super::change::{self, ProfileError};
use super::identifier_taken::IdentifierTaken;
use crate::actions::ActionError::{self, Refused};
use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::passwords::user_inputs::password_user_inputs;
use crate::actions::sessions::open;
use crate::actions::{Context, Failure, idempotency};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::UserId;
use crate::domain::one_time_code::CodePurpose;
use crate::domain::password::Password;
use crate::domain::session::Session;
use crate::domain::text::TextError;
use crate::domain::user::account_type::AccountType;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::username::Username;
use crate::domain::user::{User, UserStatus};
use crate::store::{NewUser, UserTx};

/// The account to make.
pub struct Input {
    pub email: Email,
    /// Not checked against the policy yet.
    pub password: Password,
    pub name: Option<DisplayName>,
    pub username: Option<Username>,
    pub account_type: AccountType,
    pub idempotency_key: Option<IdempotencyKey>,
    pub profile: Option<Map<String, Value>>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the password {0}")]
    Password(TextError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Taken(#[from] IdentifierTaken),
    #[error(transparent)]
    Key(#[from] idempotency::Refusal),
}

/// Check the input and hash the password: all that comes before the transaction.
///
/// # Errors
/// [`Refusal`]
pub(in crate::actions) async fn prepare(cx: &Context, input: Input) -> Result<NewUser, ActionError<Refusal>> {
    let services = &cx.services;
    let profile = change::new_profile(cx, &input.account_type, input.profile.clone())
        .map_err(|error| Refused(Refusal::Profile(error)))?;
    let words = password_user_inputs(cx, &input.email, input.username.as_ref(), input.name.as_ref());
    services
        .passwords
        .check(&input.password, &words)
        .map_err(|error| Refused(Refusal::Password(error)))?;
    let password_hash = services.hasher.hash(input.password).await?.into_string().into();
    Ok(NewUser {
        id: UserId::new_v7(cx.now(), &*services.random),
        email: input.email,
        username: input.username,
        name: input.name,
        roles: services.accounts.initial_roles(&input.account_type),
        account_type: input.account_type,
        profile,
        password_hash,
    })
}

/// Enqueue the email that confirms the new account's address.
///
/// # Errors
/// [`Failure`]
pub(in crate::actions) async fn send_verification(cx: &Context, tx: &mut UserTx<'_>) -> Result<(), Failure> {
    let recipient = Recipient::without_password(tx.user());
    one_time_codes::issue(cx, tx, CodePurpose::EmailVerification, Some(&recipient)).await
}

/// What the event says about a new account, and about the session that its owner gets with it.
pub(in crate::actions) fn registered(cx: &Context, user: &User, session: Option<&Session>) -> Registered {
    Registered {
        email: Some((&user.email).into()),
        username: user.username.as_ref().map(Into::into),
        name: user.name.as_ref().map(Into::into),
        account_type: user.account_type.as_str().to_owned(),
        roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        status: match user.status {
            UserStatus::Active => AccountStatus::Active,
            UserStatus::Disabled => AccountStatus::Disabled,
            UserStatus::Deleted => AccountStatus::Deleted,
        },
        email_verified: user.email_verified,
        profile: Some(user.profile.fields().clone()).filter(|fields| !fields.is_empty()),
        session_id: session.map(|session| session.id.as_uuid()),
        ip: session.and_then(|session| session.ip),
        user_agent: session.and_then(|session| session.user_agent.clone()),
        method: session.map(|_| LoginMethod::Password),
        amr: session.map(|session| open::published(&session.amr)),
        expires_at: session.map(|session| session.expires_at),
        idle_expires_at: session.map(|session| session.ends_at(&cx.services.sessions)),
    }
}
