//! `watchword events reconcile`.

use crate::app::build::open_store;
use crate::app::{AppError, Seams};
use crate::config::Settings;
use crate::jetstream::StreamReader;
use crate::relay::{self, ReconcileReport};
use crate::store::StoreError;

/// Settle events that the stream has and reopen those that it has lost, as the relay does at start.
/// Refused while an instance holds the lease.
///
/// # Errors
/// [`AppError::Led`], or an error of the comparison. Running the command again is safe.
pub async fn reconcile(settings: &Settings) -> Result<ReconcileReport, AppError> {
    let seams = Seams::default();
    let store = match open_store(settings, &seams).await {
        Err(AppError::Store(StoreError::InUse(_))) => return Err(AppError::Led),
        opened => opened?,
    };
    let ledger = store.ledger();
    let lead = ledger.candidate().try_lead().await?.ok_or(AppError::Led)?;
    let reader = StreamReader::connect(settings).await?;
    let reconciled = relay::reconcile(&ledger, &reader.publisher(), seams.clock.now()).await?;
    drop(lead);
    store.close().await;
    Ok(reconciled)
}
