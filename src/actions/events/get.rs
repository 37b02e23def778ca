//! Returns one event by its id.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Context, Failure};
use crate::domain::ids::EventId;

/// Return the exact bytes of an event; `None` when there is no such event, or none that the caller
/// may see.
///
/// # Errors
/// [`Failure`]
pub async fn run(cx: Context, caller: Identity, id: EventId) -> Result<Option<Vec<u8>>, Failure> {
    let about = (!caller.user.is_admin()).then_some(caller.user.id);
    Ok(cx.services.store.ledger().event(id, about).await?)
}
