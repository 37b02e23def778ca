//! `watchword events reconcile`.

use crate::app::build::open_store;
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::jetstream::StreamReader;
use crate::relay::{self, ReconcileReport};
use crate::store::OpenError;

/// Settle events that the stream has and reopen those that it has lost, as the relay does at start.
/// Refused while an instance holds the lease.
///
/// # Errors
/// [`AppError::Led`], or that the two could not be compared; running it again is safe.
pub async fn reconcile(settings: &Settings) -> Result<ReconcileReport, AppError> {
    let environment = Environment::default();
    let store = match open_store(settings, &environment).await {
        Err(AppError::Open(OpenError::InUse(_))) => return Err(AppError::Led),
        opened => opened?,
    };
    let ledger = store.ledger();
    let lead = ledger.leader_election().try_acquire().await?.ok_or(AppError::Led)?;
    let reader = StreamReader::connect(settings).await?;
    let reconciled = relay::reconcile(&ledger, &reader.publisher(), environment.clock.now()).await?;
    drop(lead);
    store.close().await;
    Ok(reconciled)
}
