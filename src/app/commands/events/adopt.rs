//! `watchword events adopt`.

use super::Progress;
use crate::app::build::{open_store, secret_key};
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::domain::request_metadata::RequestMetadata;
use crate::jetstream::{CommandServer, StreamReader};
use crate::relay;
pub use crate::relay::LedgerGap;
use crate::security::LedgerMarks;
pub use crate::store::Adopted;
use crate::store::{LeaderLease, Store};

/// Take the events into the ledger that the stream has and the ledger lacks. `confirm` sees them
/// before anything changes. `None`: the ledger lacks nothing.
///
/// # Errors
/// [`AppError::Led`] while an instance leads. Nothing has changed after an error.
pub async fn adopt(
    settings: &Settings,
    progress: &mut dyn Progress,
    confirm: impl FnOnce(&LedgerGap) -> Result<(), AppError>,
) -> Result<(LedgerGap, Option<Adopted>), AppError> {
    let environment = Environment::default();
    let store = open_store(settings, &environment).await?;
    let lease = store.ledger().leader_election().try_acquire().await?.ok_or(AppError::Led)?;
    lease.allow_idle().await?;
    let server = CommandServer::start(settings, &*environment.random).await?;
    let gap = find(settings, &environment, &lease, progress).await;
    server.stop().await;
    let gap = gap?;
    if gap.is_empty() {
        return Ok((gap, None));
    }
    confirm(&gap)?;
    let adopted = write(&store, lease, &environment, &gap).await?;
    store.close().await;
    Ok((gap, Some(adopted)))
}

async fn find(
    settings: &Settings,
    environment: &Environment,
    lease: &LeaderLease,
    progress: &mut dyn Progress,
) -> Result<LedgerGap, AppError> {
    let marks = LedgerMarks::new(&*secret_key(settings, environment)?)?;
    let reader = StreamReader::connect(settings).await?;
    let mut reported = 0;
    let gap = relay::find_gap(lease, &reader, &marks, |done, total| {
        if total != reported {
            reported = total;
            progress.total(total);
        }
        progress.done(done);
    });
    Ok(gap.await?)
}

/// Adopt while `lease` is held, so that nothing is published in between.
async fn write(
    store: &Store,
    lease: LeaderLease,
    environment: &Environment,
    gap: &LedgerGap,
) -> Result<Adopted, AppError> {
    lease.check().await?;
    let request = RequestMetadata::default();
    let mut tx = store.begin_system(environment.clock.now(), &request).await?;
    let adopted = tx.adopt(&gap.adoption).await?;
    tx.commit().await?;
    Ok(adopted)
}
