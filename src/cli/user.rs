//! `watchword user …`: the first administrator, and help for one who cannot log in.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{counted, print};
use crate::app::AppError;
use crate::app::commands::{self, UserTarget};
use crate::config::Settings;

/// Arguments of `user`.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create an administrator; the password is read from standard input
    #[command(
        after_help = "Example: printf '%s' \"$PASSWORD\" | watchword user create-admin --email admin@example.com"
    )]
    CreateAdmin {
        /// Email address of the administrator
        #[arg(long)]
        email: String,
    },
    /// Forget the failed logins of a user
    Unlock(OneUser),
    /// Enable a disabled user
    Enable(OneUser),
    /// Grant a role to a user
    GrantRole {
        #[command(flatten)]
        user: OneUser,
        /// The role, for example admin
        role: String,
    },
    /// Remove the lost authenticator of a user, and its recovery codes
    RemoveMfa(OneUser),
    /// Set a new password and end all sessions of a user; the password is read from standard input
    #[command(after_help = "Example: printf '%s' \"$PASSWORD\" | watchword user reset-password admin@example.com")]
    ResetPassword(OneUser),
}

/// The user to change.
#[derive(Debug, Args)]
pub(super) struct OneUser {
    /// Email address or id of the user
    #[arg(value_name = "USER", value_parser = target)]
    user: UserTarget,
}

impl User {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let done = match self {
            Self::CreateAdmin { email } => {
                let password = read_password()?;
                commands::create_admin(settings, &email, password.expose_secret()).await?.to_string()
            }
            Self::Unlock(OneUser { user }) => format!("Unlocked {}.", commands::unlock_user(settings, user).await?),
            Self::Enable(OneUser { user }) => format!("Enabled {}.", commands::enable_user(settings, user).await?),
            Self::GrantRole { user: OneUser { user }, role } => {
                let id = commands::grant_role(settings, user, &role).await?;
                format!("Granted {role} to {id}.")
            }
            Self::RemoveMfa(OneUser { user }) => {
                format!("Removed the authenticator of {}.", commands::remove_mfa(settings, user).await?)
            }
            Self::ResetPassword(OneUser { user }) => {
                let password = read_password()?;
                let (id, ended) = commands::reset_password(settings, user, password.expose_secret()).await?;
                format!("Set the password of {id}, and ended {}.", counted(ended as u64, "session"))
            }
        };
        print(&format!("{done}\n"));
        Ok(ExitCode::SUCCESS)
    }
}

/// An id, or else an email address.
fn target(text: &str) -> Result<UserTarget, String> {
    if let Ok(id) = text.parse::<Uuid>() {
        return Ok(UserTarget::Id(id.into()));
    }
    text.parse()
        .map(UserTarget::Email)
        .map_err(|_| "use an email address or the id of a user".to_owned())
}

/// Read the password from standard input: an argument would appear in the process list and in the
/// shell's history.
fn read_password() -> Result<SecretString, AppError> {
    let unreadable = |error: std::io::Error| AppError::argument("the password", error);
    let mut text = String::new();
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _ = write!(std::io::stderr(), "Password (visible while typing): ");
        stdin.read_line(&mut text).map_err(unreadable)?;
    } else {
        stdin.lock().take(4096).read_to_string(&mut text).map_err(unreadable)?;
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
}
