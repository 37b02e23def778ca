//! Passwords: a secret type, and the policy that a new one has to satisfy (NIST SP 800-63B-4 section 3.1.1).

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::text::TextError;

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
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

/// A password that is found within ten thousand guesses is no secret, however slow the hash.
const FEWEST_GUESSES_LOG10: f64 = 4.0;

/// What a new password has to satisfy. There are no composition rules.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// Fewest code points.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// Checks a new password; `own_words` are the account's (email, its local part, username, service name).
    ///
    /// Refused are the passwords that an attacker tries within the first ten thousand: the common ones, the account's own words,
    /// and little more than those.
    ///
    /// # Errors
    /// [`TextError`] when the password is too short or too easy to guess.
    pub fn check(&self, password: &Password, own_words: &[&str]) -> Result<(), TextError> {
        if password.0.chars().count() < self.min_length {
            return Err(TextError::TooShort { min: self.min_length });
        }
        let own_words = in_parts(own_words);
        let own_words: Vec<&str> = own_words.iter().map(String::as_str).collect();
        if zxcvbn::zxcvbn(&password.0, &own_words).guesses_log10() < FEWEST_GUESSES_LOG10 {
            return Err(TextError::Form(
                "is among the first that anybody would try: common, or one of your own words",
            ));
        }
        Ok(())
    }
}

/// The words, their parts and their parts without what is between them: a name gives its first name too, and `adalovelace`.
fn in_parts(words: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for word in words {
        let parts: Vec<&str> = word
            .split(|c: char| !c.is_alphanumeric())
            .filter(|part| part.chars().count() > 2)
            .collect();
        all.push((*word).to_owned());
        all.push(parts.concat());
        all.extend(parts.into_iter().map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(password: &str) -> bool {
        let own_words = ["ada.lovelace@example.com", "ada.lovelace", "Ada Lovelace", "watchword"];
        PasswordPolicy { min_length: 8 }
            .check(&Password::parse(password).unwrap(), &own_words)
            .is_ok()
    }

    #[test]
    fn what_would_be_tried_first_is_refused() {
        let easy = [
            "password",
            "Password1",
            "12345678",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "adalovelace",
        ];
        let accepted: Vec<_> = easy.into_iter().filter(|password| is_accepted(password)).collect();
        assert_eq!(accepted, [""; 0]);
    }

    #[test]
    fn other_passwords_need_no_kinds_of_characters() {
        let good = ["password123!x", "correct horse battery", "kvartira-solnce", "mnbhgqtr"];
        let refused: Vec<_> = good.into_iter().filter(|password| !is_accepted(password)).collect();
        assert_eq!(refused, [""; 0]);
    }
}
