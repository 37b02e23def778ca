//! One event, by its id.

use super::authenticate::Identity;
use super::{Auth, Failure};
use crate::domain::ids::EventId;

/// The exact bytes of an event; `None` when there is none, or none that the caller may see.
///
/// # Errors
/// [`Failure`] of the database.
pub async fn run(auth: &Auth, who: &Identity, id: EventId) -> Result<Option<Vec<u8>>, Failure> {
    let about = (!who.user.is_admin()).then_some(who.user.id);
    Ok(auth.store.ledger().event(id, about).await?)
}
