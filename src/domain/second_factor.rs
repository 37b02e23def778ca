//! Second factors: an authenticator's time-based codes (RFC 6238), and recovery codes for when it
//! is lost.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::ids::{FactorId, UserId};
use super::text::TextError;

const TOTP_DIGITS: usize = 6;
/// Characters of a recovery code: 80 bits in base32 (RFC 4648 section 6).
const RECOVERY_CHARACTERS: usize = 16;
/// What users type between the characters of a code.
const SEPARATORS: [char; 2] = [' ', '-'];

/// The size of a set of recovery codes.
pub const RECOVERY_CODES: usize = 10;

#[derive(Debug, Clone)]
pub struct SecondFactorPolicy {
    /// What authenticators show next to the account.
    pub issuer: String,
    /// How long a login may wait for its second factor.
    pub challenge_ttl: time::Duration,
}

/// What a login can be completed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    Totp,
    RecoveryCode,
}

/// A factor that completes a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsableFactor {
    pub kind: FactorKind,
    /// None for recovery codes, which are a set.
    pub id: Option<FactorId>,
}

/// A code as the user typed it. Wiped when dropped, never printed.
#[derive(Clone)]
pub enum FactorCode {
    /// Six digits from an authenticator.
    Totp(Zeroizing<String>),
    /// A recovery code, in capitals and without separators.
    Recovery(Zeroizing<String>),
}

impl FactorCode {
    /// The kind of factor that has codes of this form.
    #[must_use]
    pub const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(_) => FactorKind::Totp,
            Self::Recovery(_) => FactorKind::RecoveryCode,
        }
    }
}

impl FromStr for FactorCode {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let code: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !SEPARATORS.contains(c)).map(|c| c.to_ascii_uppercase()).collect());
        let is_base32 = |byte: u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
        match code.len() {
            TOTP_DIGITS if code.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Totp(code)),
            RECOVERY_CHARACTERS if code.bytes().all(is_base32) => Ok(Self::Recovery(code)),
            _ => Err(TextError::Form("must be the six digits of the authenticator, or a recovery code")),
        }
    }
}

impl fmt::Debug for FactorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Totp(_) => "Totp(***)",
            Self::Recovery(_) => "Recovery(***)",
        })
    }
}

/// A TOTP authenticator as the database stores it.
#[derive(Clone)]
pub struct SealedFactor {
    pub id: FactorId,
    pub user_id: UserId,
    /// The seed, encrypted under the secret key.
    pub sealed: Vec<u8>,
    /// The latest time step whose code was used: codes of this step and of earlier ones are refused
    /// (RFC 6238 section 5.2).
    pub last_step: i64,
    pub created_at: OffsetDateTime,
    /// Whether a first code was verified: until then logins do not need it.
    pub confirmed: bool,
}

impl fmt::Debug for SealedFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFactor")
            .field("id", &self.id)
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_users_type_them() {
        let parse = |text: &str| match text.parse::<FactorCode>() {
            Ok(FactorCode::Totp(code)) => format!("totp {}", *code),
            Ok(FactorCode::Recovery(code)) => format!("recovery {}", *code),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(parse("123 456"), "totp 123456");
        assert_eq!(parse("abcd-efgh-2345-67ab"), "recovery ABCDEFGH234567AB");
        for wrong in [
            "",
            "12345",
            "1234567",
            "12345a",
            "ABCD-EFGH-2345-67A1",
            "\u{661}\u{661}\u{661}",
        ] {
            assert_eq!(parse(wrong), "invalid_format", "{wrong}");
        }
    }
}
