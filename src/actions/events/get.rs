//! One event, by its id.

use crate::actions::sessions::authenticate::Identity;
use crate::actions::{Failure, Services};
use crate::domain::ids::EventId;

/// The exact bytes of an event; `None` when there is none, or none that the caller may see.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(services: &Services, caller: &Identity, id: EventId) -> Result<Option<Vec<u8>>, Failure> {
    let about = (!caller.user.is_admin()).then_some(caller.user.id);
    Ok(services.store.ledger().event(id, about).await?)
}
