//! Email addresses: stored as the user wrote them, compared in a canonical form.

use std::str::FromStr;

use email_address::EmailAddress;

use super::personal_text::personal_text;
use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 254;

personal_text! {
    /// An email address (RFC 5321, RFC 6531) without display name, comment or address literal.
    ///
    /// Two addresses name the same account when their [canonical](Self::canonical) forms are equal:
    /// Unicode form C, lower case.
    Email { text, canonical }
}

impl Email {
    /// The part before the `@`, in canonical form.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.canonical.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = TextError;

    fn from_str(address: &str) -> Result<Self, TextError> {
        const FORM: TextError = TextError::Form("must be an email address such as name@example.com");
        let text = text::normalize(address, MIN_LENGTH, MAX_LENGTH)?;
        if text.chars().any(|c| c.is_whitespace() || text::is_deceptive(c)) {
            return Err(FORM);
        }
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let parsed = EmailAddress::parse_with_options(&text, options).map_err(|_| FORM)?;
        if parsed.local_part().starts_with('"') {
            return Err(FORM);
        }
        let canonical = canonical(&text);
        Ok(Self { text, canonical })
    }
}

/// Return the canonical form of an identifier as a login submits it, whether or not it is a valid
/// address.
#[must_use]
pub fn canonical(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}
