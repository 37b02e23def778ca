//! Email addresses: stored as the user wrote them, compared in a canonical form.

use std::fmt;
use std::str::FromStr;

use email_address::EmailAddress;

use crate::domain::text::{self, TextError};

const MIN_LENGTH: usize = 3;
const MAX_LENGTH: usize = 254;

/// An email address (RFC 5321, RFC 6531) without display name, comment or address literal.
///
/// Two addresses name the same account when their [canonical](Self::canonical) forms are equal:
/// Unicode form C, lower case. `Debug` hides the address, so that no log line carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    canonical: String,
}

impl Email {
    /// The address as the user wrote it, in Unicode form C.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The form that is compared and indexed.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

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
        let address = text::normalize(address, MIN_LENGTH, MAX_LENGTH)?;
        if address.chars().any(|c| c.is_whitespace() || text::is_deceptive(c)) {
            return Err(FORM);
        }
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let parsed = EmailAddress::parse_with_options(&address, options).map_err(|_| FORM)?;
        if parsed.local_part().starts_with('"') {
            return Err(FORM);
        }
        let canonical = canonical(&address);
        Ok(Self { address, canonical })
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(***)")
    }
}

/// Return the canonical form of an identifier as a login submits it, whether or not it is a valid
/// address.
#[must_use]
pub fn canonical(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}
