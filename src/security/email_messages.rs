//! Email messages as the database may have them: encrypted.

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::email_message::{EmailKind, EmailMessage};
use crate::domain::random::Random;

/// Separates sealed messages from other sealed data.
const SEAL_LABEL: &str = "outgoing-mail";

/// Why an email message cannot be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum EmailSealError {
    /// Another `secret_key`, or damaged data.
    #[error(transparent)]
    Key(#[from] SecretKeyError),
    #[error("the sealed data is not an email message")]
    Form(#[from] serde_json::Error),
}

/// A message before encryption. Wiped when dropped.
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

/// Encrypt a message for the row `id`. The kind of the row is authenticated too.
///
/// # Errors
/// [`EmailSealError`]; not expected.
pub fn encrypt_message(
    secret: &SecretKey,
    id: Uuid,
    kind: EmailKind,
    message: &EmailMessage,
    random: &dyn Random,
) -> Result<Vec<u8>, EmailSealError> {
    let plain = Plain {
        to: message.to.clone(),
        name: message.name.clone(),
        code: message.code.expose_secret().to_owned(),
        minutes: message.minutes,
    };
    let plain = Zeroizing::new(serde_json::to_vec(&plain)?);
    Ok(secret.seal(SEAL_LABEL, &context(id, kind), &plain, random)?)
}

/// Decrypt what [`encrypt_message`] returned for the same row.
///
/// # Errors
/// [`EmailSealError`] when it was encrypted for another row or under another key, or is damaged.
pub fn decrypt_message(
    secret: &SecretKey,
    id: Uuid,
    kind: EmailKind,
    sealed: &[u8],
) -> Result<EmailMessage, EmailSealError> {
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

    #[test]
    fn a_message_is_decrypted_in_its_own_row_alone() {
        let random = SystemRandom::default();
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        let secret = SecretKey::from_bytes(&bytes).unwrap();
        let message = EmailMessage {
            to: "ada@example.com".to_owned(),
            name: None,
            code: "wmc_code".to_owned().into(),
            minutes: 30,
        };
        let (id, kind) = (Uuid::from_u128(1), EmailKind::ResetPassword);
        let sealed = encrypt_message(&secret, id, kind, &message, &random).unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        let opened = decrypt_message(&secret, id, kind, &sealed).unwrap();
        assert_eq!((opened.to.as_str(), opened.code.expose_secret()), ("ada@example.com", "wmc_code"));
        assert!(decrypt_message(&secret, Uuid::from_u128(2), kind, &sealed).is_err());
        assert!(decrypt_message(&secret, id, EmailKind::VerifyEmail, &sealed).is_err());
    }
}
