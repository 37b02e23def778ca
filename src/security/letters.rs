//! Mailed codes and the mails that bring them, as the database may have them: hashed, and sealed.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use crate::domain::email_message::{EmailKind, EmailMessage};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};
use crate::domain::random::Random;

/// Separates sealed mails from everything else that is sealed.
const SEAL_LABEL: &str = "outgoing-mail";

/// Why a mail can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// Another `secret_key`, or damaged data.
    #[error(transparent)]
    Key(#[from] SecretKeyError),
    /// What was sealed is not a mail.
    #[error("a sealed mail has not the form of one")]
    Form(#[from] serde_json::Error),
}

/// Recognises codes by keyed hashes: who reads the table can neither use a code nor test a guess.
#[derive(Debug)]
pub struct Codes {
    hashes: MacKey,
    bindings: MacKey,
}

impl Codes {
    /// Derives the keys from the secret key.
    ///
    /// # Errors
    /// The library refuses; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            hashes: secret.mac_key("one-time-code")?,
            bindings: secret.mac_key("one-time-code-binding")?,
        })
    }

    /// What a code is stored as.
    #[must_use]
    pub fn hash(&self, purpose: CodePurpose, code: &OneTimeCode) -> [u8; 32] {
        let message = Zeroizing::new([purpose.as_str().as_bytes(), b"\0", code.expose_bytes()].concat());
        self.hashes.sign(&message)
    }

    /// What a code is good for: it is worth nothing once the account has another address, or, when it sets a password,
    /// another password than it had.
    #[must_use]
    pub fn binding(&self, purpose: CodePurpose, canonical_email: &str, password_hash: &str) -> [u8; 32] {
        let state = match purpose {
            CodePurpose::EmailVerification => "",
            CodePurpose::PasswordReset => password_hash,
        };
        let parts = [purpose.as_str(), canonical_email, state];
        self.bindings.sign(parts.join("\0").as_bytes())
    }
}

/// Whether two bindings are the same; takes the same time wherever they differ.
#[must_use]
pub fn same_binding(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// A letter as it is sealed. Wiped when dropped.
#[derive(Serialize, Deserialize)]
struct Plain {
    to: String,
    name: Option<String>,
    code: String,
    minutes: u64,
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.to.zeroize();
        self.name.zeroize();
        self.code.zeroize();
    }
}

/// Seals a mail for the row `id`; the row's kind can't be changed unnoticed either.
///
/// # Errors
/// [`LetterError`]; not expected.
pub fn seal_letter(
    secret: &SecretKey,
    id: Uuid,
    kind: EmailKind,
    letter: &EmailMessage,
    random: &dyn Random,
) -> Result<Vec<u8>, LetterError> {
    let plain = Plain {
        to: letter.to.clone(),
        name: letter.name.clone(),
        code: letter.code.expose_secret().to_owned(),
        minutes: letter.minutes,
    };
    let plain = Zeroizing::new(serde_json::to_vec(&plain)?);
    Ok(secret.seal(SEAL_LABEL, &context(id, kind), &plain, random)?)
}

/// Opens what [`seal_letter`] made for the same row.
///
/// # Errors
/// [`LetterError`] when it was sealed for another row or under another key, or is damaged.
pub fn open_letter(secret: &SecretKey, id: Uuid, kind: EmailKind, sealed: &[u8]) -> Result<EmailMessage, LetterError> {
    let plain = secret.open(SEAL_LABEL, &context(id, kind), sealed)?;
    let mut plain: Plain = serde_json::from_slice(&plain)?;
    Ok(EmailMessage {
        to: std::mem::take(&mut plain.to),
        name: plain.name.take(),
        code: std::mem::take(&mut plain.code).into(),
        minutes: plain.minutes,
    })
}

fn context(id: Uuid, kind: EmailKind) -> Vec<u8> {
    [id.as_bytes(), kind.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    fn secret() -> SecretKey {
        let mut bytes = [0; 32];
        SystemRandom::default().fill(&mut bytes);
        SecretKey::from_bytes(&bytes).unwrap()
    }

    #[test]
    fn a_letter_is_opened_in_its_own_row_alone() {
        let (secret, random) = (secret(), SystemRandom::default());
        let letter = EmailMessage {
            to: "ada@example.com".to_owned(),
            name: None,
            code: "wmc_code".to_owned().into(),
            minutes: 30,
        };
        let (id, kind) = (Uuid::from_u128(1), EmailKind::ResetPassword);
        let sealed = seal_letter(&secret, id, kind, &letter, &random).unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        let opened = open_letter(&secret, id, kind, &sealed).unwrap();
        assert_eq!(
            (opened.to.as_str(), opened.code.expose_secret()),
            ("ada@example.com", "wmc_code")
        );
        assert!(open_letter(&secret, Uuid::from_u128(2), kind, &sealed).is_err());
        assert!(open_letter(&secret, id, EmailKind::VerifyEmail, &sealed).is_err());
    }

    #[test]
    fn a_code_is_bound_to_purpose_address_and_password() {
        let codes = Codes::new(&secret()).unwrap();
        let code = OneTimeCode::generate(&SystemRandom::default());
        let (verify, reset) = (CodePurpose::EmailVerification, CodePurpose::PasswordReset);
        assert_ne!(codes.hash(verify, &code), codes.hash(reset, &code));
        let bound = codes.binding(reset, "ada@example.com", "old");
        assert_ne!(bound, codes.binding(reset, "ada@example.com", "new"));
        assert_ne!(bound, codes.binding(reset, "eve@example.com", "old"));
        let verified = codes.binding(verify, "ada@example.com", "old");
        assert_eq!(verified, codes.binding(verify, "ada@example.com", "new"));
    }
}
