//! Users, for operators: the first administrator, and help for one who cannot log in.

use uuid::Uuid;

pub use crate::actions::users::break_glass::Target as UserTarget;

use crate::actions::Context;
use crate::actions::users::{break_glass, create_admin as action};
use crate::app::build::{build_services, open_store, secret_key};
use crate::app::{AppError, Environment};
use crate::config::Settings;
use crate::domain::password::Password;
use crate::domain::text::TextError;
use crate::domain::user::role::Role;
use crate::telemetry::Metrics;

/// Create an administrator and return the id. The service's relay will publish the event.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn create_admin(settings: &Settings, email: &str, password: &str) -> Result<Uuid, AppError> {
    let email = email.parse();
    let email = email.map_err(|error: TextError| AppError::argument("the email address", error))?;
    let password = parse_password(password)?;
    let user = action::run(context(settings).await?, email, password).await?;
    Ok(user.id.as_uuid())
}

/// Forget the failed logins of a user, and return the id.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn unlock_user(settings: &Settings, user: UserTarget) -> Result<Uuid, AppError> {
    Ok(break_glass::unlock(context(settings).await?, user).await?.as_uuid())
}

/// Enable a disabled user, and return the id.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn enable_user(settings: &Settings, user: UserTarget) -> Result<Uuid, AppError> {
    Ok(break_glass::enable(context(settings).await?, user).await?.as_uuid())
}

/// Grant a role, and return the user's id.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn grant_role(settings: &Settings, user: UserTarget, role: &str) -> Result<Uuid, AppError> {
    let form = "must have at most 32 lower-case letters, digits, '_' and '-', and start with a letter";
    let role = role.parse::<Role>().map_err(|_| AppError::argument("the role", form))?;
    Ok(break_glass::grant_role(context(settings).await?, user, role).await?.as_uuid())
}

/// Remove the authenticator of a user, and return the id.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn remove_mfa(settings: &Settings, user: UserTarget) -> Result<Uuid, AppError> {
    Ok(break_glass::remove_mfa(context(settings).await?, user).await?.as_uuid())
}

/// Set a new password, and return the user's id and the number of ended sessions.
///
/// # Errors
/// [`AppError`]; nothing has changed then.
pub async fn reset_password(settings: &Settings, user: UserTarget, password: &str) -> Result<(Uuid, usize), AppError> {
    let password = parse_password(password)?;
    let (id, ended) = break_glass::reset_password(context(settings).await?, user, password).await?;
    Ok((id.as_uuid(), ended))
}

fn parse_password(text: &str) -> Result<Password, AppError> {
    Password::parse(text).map_err(|error| AppError::argument("the password", error))
}

async fn context(settings: &Settings) -> Result<Context, AppError> {
    let environment = Environment::default();
    let secret = secret_key(settings, &environment)?;
    let store = open_store(settings, &environment).await?;
    store.migrate_up().await?;
    let services = build_services(settings, &environment, store, secret, &*Metrics::new()?).await?;
    Ok(services.background())
}
