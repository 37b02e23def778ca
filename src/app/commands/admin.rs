//! Creating an administrator.

use uuid::Uuid;

use crate::actions::create_admin as action;
use crate::app::build::{build_auth, open_store};
use crate::app::{AppError, Seams};
use crate::config::Settings;
use crate::domain::password::Password;
use crate::domain::text::TextError;
use crate::telemetry::Metrics;

/// Create an administrator and return the id. The service's relay publishes the event.
///
/// # Errors
/// [`AppError`], without any change.
pub async fn create_admin(settings: &Settings, email: &str, password: &str) -> Result<Uuid, AppError> {
    let argument = |what: &'static str| {
        move |error: TextError| AppError::Argument {
            what,
            problem: error.to_string(),
        }
    };
    let email = email.parse().map_err(argument("the email address"))?;
    let password = Password::parse(password).map_err(argument("the password"))?;
    let seams = Seams::default();
    let store = open_store(settings, &seams).await?;
    store.migrate_up().await?;
    let auth = build_auth(settings, &seams, store, &*Metrics::new()?)?;
    Ok(action::run(&auth, email, password).await?.id.as_uuid())
}
