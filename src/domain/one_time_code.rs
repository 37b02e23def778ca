//! One-time codes: they prove that the user reads the mail of an address.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::hide_in_debug;
use super::random::Random;
use super::text::prefixes::CODE_PREFIX;
use super::text_enum::text_enum;

text_enum! {
    CodePurpose {
        /// Verifies the address of an account.
        EmailVerification = "email_verification",
        /// Sets a new password.
        PasswordReset = "password_reset",
    }
}

/// A code of 256 random bits. Wiped when dropped, never printed, never stored.
#[derive(Clone)]
pub struct OneTimeCode(Zeroizing<[u8; 32]>);

impl OneTimeCode {
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim().strip_prefix(CODE_PREFIX)?).ok()?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// The code as it is mailed: letters, digits, `-` and `_`, which need no escapes in a link.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CODE_PREFIX.len() + 43));
        text.push_str(CODE_PREFIX);
        URL_SAFE_NO_PAD.encode_string(self.0.as_slice(), &mut text);
        text
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

hide_in_debug! { OneTimeCode }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn a_code_is_read_as_it_was_written_and_shown_nowhere() {
        let code = OneTimeCode::generate(&SystemRandom::default());
        let text = code.text();
        let read = OneTimeCode::parse(&format!(" {}\n", text.as_str())).unwrap();
        assert_eq!(read.expose_bytes(), code.expose_bytes());
        assert_eq!(format!("{code:?}"), "OneTimeCode(***)");
        let short = text.get(..text.len() - 1).unwrap();
        let padded = format!("{}=", text.as_str());
        for other in ["", "wmc_", &text[CODE_PREFIX.len()..], short, &padded] {
            assert!(OneTimeCode::parse(other).is_none(), "{other}");
        }
    }
}
