//! Passwords: a secret type, and the policy that a new one has to satisfy (NIST SP 800-63B-4 section 3.1.1).

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::text::{TextError, is_deceptive};

/// A password in Unicode form C. Wiped when dropped, never printed, never serialized.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Longest accepted password in code points; longer ones are refused, never cut.
    pub const MAX: usize = 128;

    /// Takes a password as somebody typed it, to be compared with a stored hash.
    ///
    /// # Errors
    /// [`TextError`] when it is empty, longer than [`Self::MAX`] or has control characters: no stored password is like that.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        // Counted before normalizing too, so that the work is bounded.
        if text.chars().count() > 4 * Self::MAX {
            return Err(TextError::TooLong { max: Self::MAX });
        }
        let normal = Zeroizing::new(text.nfc().collect::<String>());
        match normal.chars().count() {
            0 => Err(TextError::Empty),
            n if n > Self::MAX => Err(TextError::TooLong { max: Self::MAX }),
            _ => Ok(Self(normal)),
        }
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn folded(&self) -> Zeroizing<String> {
        Zeroizing::new(
            self.0
                .chars()
                .filter(|c| !is_deceptive(*c))
                .flat_map(char::to_lowercase)
                .collect(),
        )
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// What a new password has to satisfy. There are no composition rules.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// Fewest code points.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// Checks a new password; `context` holds the account's own words (email, its local part, username, service name).
    ///
    /// # Errors
    /// [`TextError`] when the password is too short or is one of the account's own words.
    pub fn check(&self, password: &Password, context: &[&str]) -> Result<(), TextError> {
        if password.0.chars().count() < self.min_length {
            return Err(TextError::TooShort { min: self.min_length });
        }
        let folded = password.folded();
        let own_word = context.iter().filter(|word| word.chars().count() >= 4).any(|word| {
            let rest = folded.replace(&word.to_lowercase(), "");
            rest.chars().count() < 4 && rest.len() < folded.len()
        });
        if own_word || folded.chars().collect::<std::collections::HashSet<_>>().len() < 3 {
            return Err(TextError::Form(
                "is too easy to guess: it is little more than your own name or one repeated character",
            ));
        }
        Ok(())
    }
}
