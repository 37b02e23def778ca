//! What an action runs with: the services, and the request behind it.

use std::sync::Arc;

use time::OffsetDateTime;

use super::idempotency::Idempotency;
use crate::domain::clock::Clock;
use crate::domain::email_message::MailPolicy;
use crate::domain::password::PasswordPolicy;
use crate::domain::random::Random;
use crate::domain::request_metadata::RequestMetadata;
use crate::domain::second_factor::SecondFactorPolicy;
use crate::domain::session::SessionPolicy;
use crate::domain::user::account_types::AccountTypes;
use crate::limits::Limits;
use crate::revocation::SessionCache;
use crate::security::{
    AccessTokens, Clients, Hasher, LoginChallenges, OneTimeCodeMac, RefreshTokens, RotationPolicy, SecretKey,
};
use crate::store::{Store, StoreError, SystemTx, Tx};

/// Everything that actions use. Its parts are private to `actions`, so that a route cannot reach
/// past an action.
#[derive(Clone)]
pub struct Services(pub(super) Arc<Dependencies>);

/// The parts of [`Services`].
pub struct Dependencies {
    pub store: Store,
    /// The bounded pool that hashes passwords.
    pub hasher: Hasher,
    pub access: AccessTokens,
    pub refresh: RefreshTokens,
    /// OAuth clients that may introspect and revoke tokens.
    pub clients: Clients,
    /// Encrypts signing keys and seeds; makes the hashes that stand for identifiers in events.
    pub secret: Arc<SecretKey>,
    /// When signing keys are replaced.
    pub rotation: RotationPolicy,
    pub session_cache: SessionCache,
    pub limits: Limits,
    pub idempotency: Idempotency,
    pub passwords: PasswordPolicy,
    /// Hashes mailed codes.
    pub codes: OneTimeCodeMac,
    pub mail: MailPolicy,
    /// Tokens of logins that wait for the second factor.
    pub challenges: LoginChallenges,
    pub second_factors: SecondFactorPolicy,
    /// The account types and roles of this deployment.
    pub accounts: AccountTypes,
    pub sessions: SessionPolicy,
    /// The service's own name, which no password may be.
    pub service: String,
    /// Whether applications may record events of their own.
    pub custom_events: bool,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Services {
    #[must_use]
    pub fn new(dependencies: Dependencies) -> Self {
        Self(Arc::new(dependencies))
    }

    /// The context of an action that `request` asks for.
    #[must_use]
    pub fn context(&self, request: RequestMetadata) -> Context {
        Context { services: Arc::clone(&self.0), request }
    }

    /// The context of work that no request asks for.
    #[must_use]
    pub fn background(&self) -> Context {
        self.context(RequestMetadata::default())
    }
}

/// What an action runs with. Its own, so that the action outlives the request.
pub struct Context {
    pub(super) services: Arc<Dependencies>,
    pub(super) request: RequestMetadata,
}

impl Context {
    pub(super) fn now(&self) -> OffsetDateTime {
        self.services.clock.now()
    }

    /// Begin a transaction that happens now, because of the request.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection is free in time.
    pub(super) async fn begin(&self) -> Result<Tx<'_>, StoreError> {
        self.services.store.begin(self.now(), &self.request).await
    }

    /// Begin a transaction about no user.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) async fn begin_system(&self) -> Result<SystemTx<'_>, StoreError> {
        self.services.store.begin_system(self.now(), &self.request).await
    }
}
