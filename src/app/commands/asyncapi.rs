//! The AsyncAPI document.

use watchword_contract::asyncapi;

use crate::app::AppError;
use crate::app::contract::deployment;
use crate::config::Settings;

/// The document of a service with default settings, as it is committed under
/// `docs/reference/asyncapi.json`.
///
/// # Errors
/// [`AppError`] if an embedded file cannot be parsed.
pub fn asyncapi() -> Result<String, AppError> {
    let defaults = Settings::load_from(None, [])?;
    Ok(asyncapi::text(&deployment(&defaults)?))
}
