//! Versions of a user, for optimistic concurrency (RFC 9110 section 8.8.3).

use aws_lc_rs::digest::{Context, SHA256};

use super::User;
use super::display_name::DisplayName;
use super::username::Username;

/// A hash of everything that a response shows about a user. It is derived from the values instead
/// of counted, so that no change of a row can leave it as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(u128);

/// The versions that a conditional request accepts (RFC 9110 section 13.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Any,
    OneOf(Vec<Version>),
}

impl Version {
    #[must_use]
    pub fn of(user: &User) -> Self {
        let mut context = Context::new(&SHA256);
        let mut part = |text: &str| {
            // The length keeps adjacent fields apart.
            context.update(&text.len().to_le_bytes());
            context.update(text.as_bytes());
        };
        part(&user.id.to_string());
        part(user.email.as_str());
        part(if user.email_verified { "verified" } else { "" });
        // None and an empty text differ.
        let username = user.username.as_ref().map(Username::as_str);
        for text in [username, user.name.as_ref().map(DisplayName::as_str)] {
            part(if text.is_some() { "some" } else { "none" });
            part(text.unwrap_or_default());
        }
        part(user.account_type.as_str());
        part(&user.profile.to_json());
        part(&user.roles.len().to_string());
        user.roles.iter().for_each(|role| part(role.as_str()));
        part(user.status.as_str());
        part(&user.created_at.unix_timestamp_nanos().to_string());
        part(&user.updated_at.unix_timestamp_nanos().to_string());
        let digest = context.finish();
        let first = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        Self(u128::from_be_bytes(first))
    }

    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }
}

impl Expected {
    #[must_use]
    pub fn is_met_by(&self, user: &User) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&Version::of(user)),
        }
    }
}
