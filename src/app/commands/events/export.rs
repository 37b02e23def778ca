//! `watchword events export`.

use tokio_util::sync::CancellationToken;

use super::lines::{Destination, Lines};
use super::{Progress, Selection};
use crate::app::build::open_store_beside;
use crate::app::{AppError, Environment};
use crate::config::Settings;

/// Number of events per query.
const PAGE_SIZE: u64 = 1000;

/// Write the published bytes of every selected event, one per line, and return their number. All
/// events that were committed before the call are included. A file is complete or absent.
///
/// # Errors
/// [`AppError`], also if `stop` is cancelled first.
pub async fn export(
    settings: &Settings,
    selection: &Selection,
    destination: Destination,
    progress: &mut dyn Progress,
    stop: &CancellationToken,
) -> Result<u64, AppError> {
    let store = open_store_beside(settings, &Environment::default()).await?;
    let ledger = store.ledger();
    let mut rest = ledger.full_range().await?;
    progress.total(ledger.count_selected(selection, rest).await?);
    let mut lines = Lines::create(destination)?;
    let mut written = 0;
    while !rest.is_empty() && !lines.is_closed() {
        if stop.is_cancelled() {
            return Err(AppError::Stopped("nothing was written"));
        }
        let page = ledger.selected(selection, rest, PAGE_SIZE).await?;
        for row in &page.rows {
            lines.write(&row.payload)?;
        }
        written += u64::try_from(page.rows.len()).unwrap_or_default();
        progress.done(written);
        rest = page.rest;
    }
    lines.finish()?;
    store.close().await;
    Ok(written)
}
