//! `watchword events verify`.

use time::OffsetDateTime;

use super::{Findings, Progress};
use crate::app::build::open_store_beside;
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::jetstream::StreamReader;
use crate::relay;

/// Compare the ledger with the stream without changes. The service may run.
///
/// # Errors
/// [`AppError`] if they cannot be compared.
pub async fn verify(
    settings: &Settings,
    since: Option<OffsetDateTime>,
    progress: &mut dyn Progress,
) -> Result<Findings, AppError> {
    let environment = Environment::default();
    let store = open_store_beside(settings, &environment).await?;
    let reader = StreamReader::connect(settings).await?;
    let mut reported = 0;
    let findings = relay::verify(&store.ledger(), &reader, since, |done, total| {
        if total != reported {
            reported = total;
            progress.total(total);
        }
        progress.done(done);
    })
    .await?;
    store.close().await;
    Ok(findings)
}
