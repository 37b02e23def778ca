//! Registration: a new account, its first session and the event `registered`.

use serde_json::{Map, Value};
use watchword_events::{AuthEvent, Registered};

use super::account_change::{self, Unfit};
use super::attempts::owner_proven;
use super::codes::{self, Reader};
use super::idempotency::{self, Keyed};
use super::own_words::own_words;
use super::{Auth, Failure, TokenPair, register_again};
use crate::domain::code::CodePurpose;
use crate::domain::email::Email;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::name::DisplayName;
use crate::domain::origin::Origin;
use crate::domain::password::Password;
use crate::domain::text::TextError;
use crate::domain::user::{AccountType, User};
use crate::domain::username::Username;
use crate::limits::Limited;
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
    Unfit(#[from] Unfit),
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
pub async fn run(auth: &Auth, origin: &Origin, input: Input) -> Result<TokenPair, Error> {
    let now = auth.clock.now();
    auth.limits
        .reserve_network(Limited::Register, origin.ip, now)
        .await
        .map_err(Failure::from)?;
    let (password, key) = (input.password.clone(), input.idempotency_key.as_ref());
    let once = match idempotency::first(auth, None, key, || register_again::asked("register", &input)).await? {
        Keyed::First(once) => once,
        Keyed::Repeated(made) => return Ok(register_again::run(auth, origin, password, made.into()).await?),
    };
    let new = prepare(auth, input).await?;
    let may_mail = codes::may_mail(auth, origin, new.email.canonical()).await;
    let tx = auth.store.begin(auth.clock.now(), origin).await?;
    let session_id = SessionId::new_v7(tx.now(), &*auth.random);
    // The key comes before everything else: who repeats a request must not be told that the address is taken.
    let mut tx = match idempotency::carry_out(auth, once.as_ref(), tx, session_id.as_uuid()).await? {
        Keyed::First(tx) => tx,
        Keyed::Repeated(made) => return Ok(register_again::run(auth, origin, password, made.into()).await?),
    };
    let (user, mut lock) = tx.insert_user(new).await?;
    if may_mail {
        ask_to_confirm(auth, &mut tx, &user).await?;
    }
    let session = NewSession {
        id: session_id,
        user_id: user.id,
        expires_at: tx.now() + auth.sessions.absolute_ttl,
    };
    let session = tx.open_session(session, &auth.sessions).await?.session;
    tx.record(&mut lock, AuthEvent::Registered(registered(&user))).await?;
    let pair = auth.token_pair(&session, user, tx.now())?;
    tx.commit().await?;
    owner_proven(auth, origin, &pair.user).await;
    Ok(pair)
}

/// Checks what was given and hashes the password: all that comes before the transaction.
pub(super) async fn prepare(auth: &Auth, input: Input) -> Result<NewUser, Error> {
    let profile = account_change::new_profile(auth, &input.account_type, input.profile.clone())?;
    auth.passwords
        .check(&input.password, &words_of(auth, &input))
        .map_err(Error::Password)?;
    let password_hash = auth
        .hasher
        .hash(input.password)
        .await
        .map_err(Failure::from)?
        .into_string()
        .into();
    Ok(NewUser {
        id: UserId::new_v7(auth.clock.now(), &*auth.random),
        email: input.email,
        username: input.username,
        name: input.name,
        roles: auth.accounts.initial_roles(&input.account_type),
        account_type: input.account_type,
        profile,
        password_hash,
    })
}

/// Writes the mail with the code that confirms the new account's address.
pub(super) async fn ask_to_confirm(auth: &Auth, tx: &mut Tx<'_>, user: &User) -> Result<(), Failure> {
    let reader = Reader {
        user,
        password_hash: "",
    };
    codes::issue(auth, tx, CodePurpose::EmailVerification, Some(&reader)).await
}

/// What the event says about a new account.
pub(super) fn registered(user: &User) -> Registered {
    Registered {
        email: Some(user.email.clone()),
        username: user.username.clone(),
        name: user.name.clone(),
        account_type: user.account_type.as_str().to_owned(),
        roles: user.roles.iter().map(|role| role.as_str().to_owned()).collect(),
    }
}

fn words_of<'a>(auth: &'a Auth, input: &'a Input) -> Vec<&'a str> {
    let username = input.username.as_ref().map(Username::canonical);
    let name = input.name.as_ref().map(DisplayName::as_str);
    own_words(auth, input.email.canonical(), username, name)
}
