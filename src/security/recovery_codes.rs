//! Recovery codes: 80 random bits each, stored as keyed hashes. They cannot be guessed, so they
//! need no slow hash.

use std::fmt::Write as _;

use secrecy::SecretString;
use totp_rs::Secret;
use zeroize::Zeroizing;

use super::secret_key::{SecretKey, SecretKeyError};
use crate::domain::ids::UserId;
use crate::domain::random::Random;
use crate::domain::second_factor::RECOVERY_CODES;

const BYTES: usize = 10;
/// Characters between two hyphens.
const GROUP: usize = 4;
const LABEL: &str = "recovery-code";

/// New codes, for the user and for the database.
pub struct RecoveryCodes {
    /// As shown to the user, once.
    pub texts: Vec<SecretString>,
    /// As stored.
    pub hashes: Vec<[u8; 32]>,
}

impl RecoveryCodes {
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn generate(secret: &SecretKey, user: UserId, random: &dyn Random) -> Result<Self, SecretKeyError> {
        let (mut texts, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..RECOVERY_CODES {
            let mut bytes = Zeroizing::new([0; BYTES]);
            random.fill(&mut *bytes);
            let code = Zeroizing::new(Secret::from(bytes.to_vec()).to_base32());
            hashes.push(recovery_code_hash(secret, user, &code)?);
            texts.push(grouped(&code).into());
        }
        Ok(Self { texts, hashes })
    }
}

/// Hash a code, in upper case and without hyphens, for the database.
///
/// # Errors
/// [`SecretKeyError::Crypto`]; not expected.
pub fn recovery_code_hash(secret: &SecretKey, user: UserId, code: &str) -> Result<[u8; 32], SecretKeyError> {
    let mut message = Zeroizing::new(user.as_uuid().as_bytes().to_vec());
    message.extend_from_slice(code.as_bytes());
    secret.mac(LABEL, &message)
}

/// `ABCD-EFGH-…`.
fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + code.len() / GROUP);
    for (at, character) in code.chars().enumerate() {
        let hyphen = if at > 0 && at % GROUP == 0 { "-" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{hyphen}{character}");
    }
    text
}
