//! The first administrator.

use uuid::Uuid;

use crate::actions::users::create_admin as action;
use crate::app::build::{build_services, open_store};
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::domain::password::Password;
use crate::domain::text::TextError;
use crate::telemetry::Metrics;

/// Makes an administrator and returns the id. The event waits in the ledger for the service's relay.
///
/// # Errors
/// [`AppError`]; nothing is changed then.
pub async fn create_admin(settings: &Settings, email: &str, password: &str) -> Result<Uuid, AppError> {
    let argument = |what: &'static str| {
        move |error: TextError| AppError::Argument {
            what,
            problem: error.to_string(),
        }
    };
    let email = email.parse().map_err(argument("the email address"))?;
    let password = Password::parse(password).map_err(argument("the password"))?;
    let environment = Environment::default();
    let store = open_store(settings, &environment).await?;
    store.migrate_up().await?;
    let auth = build_services(settings, &environment, store, &*Metrics::new()?)?;
    Ok(action::run(&auth, email, password).await?.id.as_uuid())
}
