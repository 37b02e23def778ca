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
    /// Checks a new password; `password_user_inputs` are the account's (email, its local part, username, service name).
    ///
    /// Refused are the passwords that an attacker tries within the first ten thousand: the common ones, the account's own words,
    /// and little more than those.
    ///
    /// # Errors
    /// [`TextError`] when the password is too short or too easy to guess.
    pub fn check(&self, password: &Password, password_user_inputs: &[&str]) -> Result<(), TextError> {
        if password.0.chars().count() < self.min_length {
            return Err(TextError::TooShort { min: self.min_length });
        }
        let password_user_inputs = in_parts(password_user_inputs);
        let password_user_inputs: Vec<&str> = password_user_inputs.iter().map(String::as_str).collect();
        if is_guessable(&password.0, &password_user_inputs) {
            return Err(TextError::Form(
                "is among the first that anybody would try: common, or one of your own words",
            ));
        }
        Ok(())
    }
}

/// Whether the estimate is below [`FEWEST_GUESSES_LOG10`]. The work is bounded: the estimator tries every way of reading symbols as
/// letters, which explodes with the kinds of symbols, and no common password mixes more than a few; nor is one longer than this.
fn is_guessable(password: &str, password_user_inputs: &[&str]) -> bool {
    const LOOKED_AT: usize = 40;
    const MOST_SYMBOLS: usize = 3;
    let head: Zeroizing<String> = Zeroizing::new(password.chars().take(LOOKED_AT).collect());
    let symbols: std::collections::BTreeSet<char> = head.chars().filter(|c| c.is_ascii_punctuation()).collect();
    symbols.len() <= MOST_SYMBOLS && zxcvbn::zxcvbn(&head, password_user_inputs).guesses_log10() < FEWEST_GUESSES_LOG10
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
        let password_user_inputs = ["ada.lovelace@example.com", "ada.lovelace", "Ada Lovelace", "watchword"];
        PasswordPolicy { min_length: 8 }
            .check(&Password::parse(password).unwrap(), &password_user_inputs)
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
    fn no_password_makes_the_estimate_slow() {
        let all: String = "4@8({[<369&#!1/|0$5+7%2".repeat(6);
        let few = ["1234567890!|$", "4@8(369170$52", "@(8{4369170521", "!|1734698052+"].map(|text| text.repeat(9));
        let started = std::time::Instant::now();
        for password in few.iter().chain([&all]) {
            let password: String = password.chars().take(Password::MAX).collect();
            is_accepted(&password);
        }
        assert!(
            started.elapsed() < std::time::Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
    }

    #[test]
    fn other_passwords_need_no_kinds_of_characters() {
        let good = ["password123!x", "correct horse battery", "kvartira-solnce", "mnbhgqtr"];
        let refused: Vec<_> = good.into_iter().filter(|password| !is_accepted(password)).collect();
        assert_eq!(refused, [""; 0]);
    }
}
