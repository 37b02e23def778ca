//! Creates the first administrator.

use uuid::Uuid;

use crate::actions::users::create_admin as action;
use crate::app::build::{build_services, open_store, secret_key};
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::domain::password::Password;
use crate::domain::text::TextError;
use crate::telemetry::Metrics;

/// Create an administrator and return the id. The service's relay will publish the event.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn create_admin(settings: &Settings, email: &str, password: &str) -> Result<Uuid, AppError> {
    let email = email.parse();
    let email = email.map_err(|error: TextError| AppError::argument("the email address", error))?;
    let password = Password::parse(password).map_err(|error| AppError::argument("the password", error))?;
    let environment = Environment::default();
    let store = open_store(settings, &environment).await?;
    store.migrate_up().await?;
    let secret = secret_key(settings, &environment)?;
    let services = build_services(settings, &environment, store, secret, &*Metrics::new()?)?;
    let user = action::run(services.background(), email, password).await?;
    Ok(user.id.as_uuid())
}
