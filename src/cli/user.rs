//! `watchword user create-admin`.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};

use super::print;
use crate::app::{AppError, commands};
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
}

impl User {
    pub(super) async fn run(self, settings: &Settings) -> Result<ExitCode, AppError> {
        let Self::CreateAdmin { email } = self;
        let password = read_password()?;
        let id = commands::create_admin(settings, &email, password.expose_secret()).await?;
        print(&format!("{id}\n"));
        Ok(ExitCode::SUCCESS)
    }
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
