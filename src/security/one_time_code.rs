//! One-time codes as the database may have them: hashed, and bound to the state of the account.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use crate::domain::one_time_code::{CodePurpose, OneTimeCode};

/// Authenticates codes by keyed hashes: a reader of the table can neither use a code nor test a
/// guess.
#[derive(Debug)]
pub struct OneTimeCodeMac {
    hashes: MacKey,
    bindings: MacKey,
}

impl OneTimeCodeMac {
    /// Derive the keys from the secret key.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        Ok(Self {
            hashes: secret.mac_key("one-time-code")?,
            bindings: secret.mac_key("one-time-code-binding")?,
        })
    }

    /// Hash a code for the database.
    #[must_use]
    pub fn hash(&self, purpose: CodePurpose, code: &OneTimeCode) -> [u8; 32] {
        let message = Zeroizing::new([purpose.as_str().as_bytes(), b"\0", code.expose_bytes()].concat());
        self.hashes.sign(&message)
    }

    /// The state of the account that a code is valid for: it expires when the account gets another
    /// address or, if the code sets a password, another password.
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

/// Compare two bindings in constant time.
#[must_use]
pub fn same_binding(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::{Random as _, SystemRandom};

    #[test]
    fn a_code_is_bound_to_purpose_address_and_password() {
        let random = SystemRandom::default();
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        let codes = OneTimeCodeMac::new(&SecretKey::from_bytes(&bytes).unwrap()).unwrap();
        let code = OneTimeCode::generate(&random);
        let (verify, reset) = (CodePurpose::EmailVerification, CodePurpose::PasswordReset);
        assert_ne!(codes.hash(verify, &code), codes.hash(reset, &code));
        let bound = codes.binding(reset, "ada@example.com", "old");
        assert_ne!(bound, codes.binding(reset, "ada@example.com", "new"));
        assert_ne!(bound, codes.binding(reset, "eve@example.com", "old"));
        let verified = codes.binding(verify, "ada@example.com", "old");
        assert_eq!(verified, codes.binding(verify, "ada@example.com", "new"));
    }
}
