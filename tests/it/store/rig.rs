//! A store whose connections go through a proxy.

use std::time::Duration;

use secrecy::SecretString;
use watchword::config::Settings;
use watchword::domain::clock::{Clock as _, SystemClock};
use watchword::domain::request_metadata::RequestMetadata;
use watchword::store::{Store, StoreError};
use watchword_events::{AuthEvent, IdentifierHash, LoginFailed, LoginFailedReason};

use crate::relay::rig::{open, settings};

/// The limits of the stores in these tests: shorter than the defaults, so that the tests are.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);
/// The client waits for an answer so much longer than the server's limit.
pub(super) const STATEMENT_MARGIN: Duration = Duration::from_secs(2);
pub(super) const CONNECTIONS: u32 = 16;

/// Returns the settings of a database with this URL.
pub(super) fn database_at(url: &str) -> Settings {
    let mut settings = settings(None);
    settings.database.url = Some(SecretString::from(url.to_owned()));
    settings.database.max_connections = CONNECTIONS;
    settings.database.acquire_timeout = ACQUIRE_TIMEOUT;
    settings.database.statement_timeout = STATEMENT_TIMEOUT;
    settings
}

/// Opens a store on a database with this URL.
pub(super) async fn store_at(url: &str) -> Store {
    open(&database_at(url)).await
}

/// An event about no user.
pub(super) fn event() -> AuthEvent {
    AuthEvent::LoginFailed(LoginFailed {
        identifier_hash: IdentifierHash::from_mac([7; 32]),
        reason: LoginFailedReason::UnknownAccount,
        ip: None,
        user_agent: None,
    })
}

/// Records an event.
pub(super) async fn record(store: &Store) -> Result<(), StoreError> {
    let request = RequestMetadata::default();
    let mut tx = store.begin_system(SystemClock.now(), &request).await?;
    tx.record(event()).await?;
    tx.commit().await
}
