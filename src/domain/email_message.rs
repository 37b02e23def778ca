//! Mails to users, before they have a form.

use std::fmt;

use secrecy::SecretString;
use time::Duration;

use super::user::text_enum;

text_enum! {
    /// What a mail is about; also the name of its templates.
    EmailKind {
        /// Asks the owner of a new account to confirm the address.
        VerifyEmail = "verify_email",
        /// Lets the owner of an account set a new password.
        ResetPassword = "reset_password",
    }
}

/// What a mail says to whom. `Debug` hides all of it.
#[derive(Clone)]
pub struct EmailMessage {
    /// The address.
    pub to: String,
    /// The display name of the account.
    pub name: Option<String>,
    /// The code that the mail brings, as text.
    pub code: SecretString,
    /// How long the code lives, in minutes.
    pub minutes: u64,
}

impl fmt::Debug for EmailMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailMessage(***)")
    }
}

/// Whether mails reach anybody, and how long what they bring is good for.
#[derive(Debug, Clone, Copy)]
pub struct MailPolicy {
    /// Whether there is a mail server, or a developer who reads the terminal.
    pub delivers: bool,
    /// Life of a mailed code.
    pub code_ttl: Duration,
}
