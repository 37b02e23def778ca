//! Passwords, and the policy for new ones (NIST SP 800-63B-4 section 3.1.1).

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::hide_in_debug;
use super::text::TextError;

/// A password in Unicode form C, with spaces of one kind. Wiped when dropped, never printed, never
/// serialized.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// In code points. Longer passwords are refused, never truncated.
    pub const MAX_LENGTH: usize = 128;

    /// Accept a password as the user typed it, to be compared with a stored hash.
    ///
    /// # Errors
    /// [`TextError`] when it is empty, too long or has control characters: no stored password is
    /// like that.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        // Count before normalizing too, so that the work is bounded.
        if text.chars().count() > 4 * Self::MAX_LENGTH {
            return Err(TextError::TooLong { max: Self::MAX_LENGTH });
        }
        // Keyboards and the clipboard type other spaces where people mean this one (RFC 8265).
        let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
        let normal = Zeroizing::new(spaced.nfc().collect::<String>());
        match normal.chars().count() {
            0 => Err(TextError::Empty),
            n if n > Self::MAX_LENGTH => Err(TextError::TooLong { max: Self::MAX_LENGTH }),
            _ => Ok(Self(normal)),
        }
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

hide_in_debug! { Password }

/// A password that is found within ten thousand guesses is no secret, however slow the hash.
const MIN_GUESSES_LOG10: f64 = 4.0;

/// The rules for new passwords. There are no composition rules.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    /// In code points.
    pub min_length: usize,
}

impl PasswordPolicy {
    /// Check a new password against the length and the user inputs: email, its local part, username
    /// and service name.
    ///
    /// A password is refused if an attacker tries it within the first ten thousand guesses: common
    /// passwords, the user inputs, and slight variations of both.
    ///
    /// # Errors
    /// [`TextError`] when the password is too short or too easy to guess.
    pub fn check(&self, password: &Password, user_inputs: &[&str]) -> Result<(), TextError> {
        if password.0.chars().count() < self.min_length {
            return Err(TextError::TooShort { min: self.min_length });
        }
        let parts = with_parts(user_inputs);
        let user_inputs: Vec<&str> = parts.iter().map(String::as_str).collect();
        if is_guessable(&password.0, &user_inputs) {
            return Err(TextError::Form("is easy to guess: a common password, or one made of your own data"));
        }
        Ok(())
    }
}

/// Whether the estimate is below [`MIN_GUESSES_LOG10`]. The work is bounded: the estimator tries
/// every way of reading symbols as letters, which explodes with the number of different symbols. No
/// common password mixes more than a few symbols, and none is longer than the prefix that is
/// estimated.
fn is_guessable(password: &str, user_inputs: &[&str]) -> bool {
    const MAX_ESTIMATED: usize = 40;
    const MAX_SYMBOLS: usize = 3;
    let head: Zeroizing<String> = Zeroizing::new(password.chars().take(MAX_ESTIMATED).collect());
    let symbols: std::collections::BTreeSet<char> = head.chars().filter(|c| c.is_ascii_punctuation()).collect();
    symbols.len() <= MAX_SYMBOLS && zxcvbn::zxcvbn(&head, user_inputs).guesses_log10() < MIN_GUESSES_LOG10
}

/// Return the words, their parts, and their parts without separators: "Ada Lovelace" gives "Ada"
/// and "AdaLovelace" too.
fn with_parts(words: &[&str]) -> Vec<String> {
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
        let user_inputs = ["ada.lovelace@example.com", "ada.lovelace", "Ada Lovelace", "watchword"];
        PasswordPolicy { min_length: 8 }
            .check(&Password::parse(password).unwrap(), &user_inputs)
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
            let password: String = password.chars().take(Password::MAX_LENGTH).collect();
            is_accepted(&password);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[test]
    fn other_passwords_need_no_kinds_of_characters() {
        let good = ["password123!x", "correct horse battery", "kvartira-solnce", "mnbhgqtr"];
        let refused: Vec<_> = good.into_iter().filter(|password| !is_accepted(password)).collect();
        assert_eq!(refused, [""; 0]);
    }
}
