//! Registration: a new account, its first session and the event `registered`.

use serde_json::{Map, Value};
use watchword_events::{AuthEvent, Registered};

use super::change::{self, ProfileError};
use super::registration_replay;
use crate::actions::idempotency::{self, Idempotent};
use crate::actions::one_time_codes::{self, Recipient};
use crate::actions::passwords::user_inputs::password_user_inputs;
use crate::actions::rate_limits::trust_network_of;
use crate::actions::{Failure, Services, TokenPair};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::one_time_code::CodePurpose;
use crate::domain::password::Password;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::text::TextError;
use crate::domain::user::display_name::DisplayName;
use crate::domain::user::email::Email;
use crate::domain::user::username::Username;
use crate::domain::user::{AccountType, User};
use crate::limits::RateLimit;
use crate::store::{Conflict, NewSession, NewUser, StoreError, Tx};

/// Who wants an account.
pub struct Input {
    /// The address.
    pub email: Email,
    /// The password, not checked against the policy yet.
    pub password: Password,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The second identifier.
    pub username: Option<Username>,
    /// The kind of account.
    pub account_type: AccountType,
    /// The request's name, when it may be repeated.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the account says about itself.
    pub profile: Option<Map<String, Value>>,
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password does not satisfy the policy.
    #[error("the password {0}")]
    Password(TextError),
    /// The account type or the profile.
    #[error(transparent)]
    ProfileError(#[from] ProfileError),
    /// A live account has the address.
    #[error("the email address is taken")]
    EmailTaken,
    /// A live account has the username.
    #[error("the username is taken")]
    UsernameTaken,
    /// The request's key stands in the way.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// Try later.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::Email) => Self::EmailTaken,
            StoreError::Conflict(Conflict::Username) => Self::UsernameTaken,
            other => Self::Failure(other.into()),
        }
    }
}

/// Registers.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn run(services: &Services, request: &RequestMetadata, input: Input) -> Result<TokenPair, Error> {
    let now = services.clock.now();
    services
        .limits
        .charge_network(RateLimit::Register, request.ip, now)
        .await
        .map_err(Failure::from)?;
    let (password, key) = (input.password.clone(), input.idempotency_key.as_ref());
    let guard = match idempotency::begin(services, None, key, || {
        registration_replay::fingerprint("register", &input)
    })
    .await?
    {
        Idempotent::New(guard) => guard,
        Idempotent::Replay(made) => {
            return Ok(registration_replay::run(services, request, password, made.into()).await?);
        }
    };
    let new = prepare(services, input).await?;
    let may_mail = one_time_codes::may_mail(services, request, new.email.canonical()).await;
    let tx = services.store.begin(services.clock.now(), request).await?;
    let session_id = SessionId::new_v7(tx.now(), &*services.random);
    // The key comes before everything else: who repeats a request must not be told that the address is taken.
    let mut tx = match idempotency::claim(services, guard.as_ref(), tx, session_id.as_uuid()).await? {
        Idempotent::New(tx) => tx,
        Idempotent::Replay(made) => {
            return Ok(registration_replay::run(services, request, password, made.into()).await?);
        }
    };
    let (user, mut lock) = tx.insert_user(new).await?;
    if may_mail {
        ask_to_confirm(services, &mut tx, &user).await?;
    }
    let session = NewSession {
        id: session_id,
        user_id: user.id,
        expires_at: tx.now() + services.sessions.absolute_ttl,
    };
    let session = tx.open_session(session, &services.sessions).await?.session;
    tx.record(&mut lock, AuthEvent::Registered(registered(&user))).await?;
    let pair = services.token_pair(&session, user, tx.now())?;
    tx.commit().await?;
    trust_network_of(services, request, &pair.user).await;
    Ok(pair)
}

/// Checks what was given and hashes the password: all that comes before the transaction.
pub(in crate::actions) async fn prepare(services: &Services, input: Input) -> Result<NewUser, Error> {
    let profile = change::new_profile(services, &input.account_type, input.profile.clone())?;
    services
        .passwords
        .check(&input.password, &words_of(services, &input))
        .map_err(Error::Password)?;
    let password_hash = services
        .hasher
        .hash(input.password)
        .await
        .map_err(Failure::from)?
        .into_string()
        .into();
    Ok(NewUser {
        id: UserId::new_v7(services.clock.now(), &*services.random),
        email: input.email,
        username: input.username,
        name: input.name,
        roles: services.accounts.initial_roles(&input.account_type),
        account_type: input.account_type,
        profile,
        password_hash,
    })
}

/// Writes the mail with the code that confirms the new account's address.
pub(in crate::actions) async fn ask_to_confirm(
    services: &Services,
    tx: &mut Tx<'_>,
    user: &User,
) -> Result<(), Failure> {
    let recipient = Recipient {
        user,
        password_hash: "",
    };
    one_time_codes::issue(services, tx, CodePurpose::EmailVerification, Some(&recipient)).await
}

/// What the event says about a new account.
pub(in crate::actions) fn registered(user: &User) -> Registered {
    Registered {
        email: Some(user.email.clone()),
        username: user.username.clone(),
        name: user.name.clone(),
        account_type: user.account_type.as_str().to_owned(),
        roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
    }
}

fn words_of<'a>(services: &'a Services, input: &'a Input) -> Vec<&'a str> {
    let username = input.username.as_ref().map(Username::canonical);
    let name = input.name.as_ref().map(DisplayName::as_str);
    password_user_inputs(services, input.email.canonical(), username, name)
}
