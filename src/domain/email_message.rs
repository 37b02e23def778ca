//! Emails to users, before rendering.

use secrecy::SecretString;
use time::Duration;

use super::hide_in_debug;
use super::text_enum::text_enum;

text_enum! {
    /// The purpose of an email; also the name of its templates.
    EmailKind {
        /// Asks the owner of a new account to confirm the address.
        VerifyEmail = "verify_email",
        /// Lets the owner of an account set a new password.
        ResetPassword = "reset_password",
    }
}

/// The content of an email. `Debug` hides all of it.
#[derive(Clone)]
pub struct EmailMessage {
    pub to: String,
    /// The display name of the recipient.
    pub name: Option<String>,
    /// The one-time code, as text.
    pub code: SecretString,
    /// The lifetime of the code, in minutes.
    pub minutes: u64,
}

hide_in_debug! { EmailMessage }

#[derive(Debug, Clone, Copy)]
pub struct MailPolicy {
    /// Whether there is a mail server, or the terminal of a developer.
    pub delivers: bool,
    /// Lifetime of a one-time code.
    pub code_ttl: Duration,
}
