//! Idempotency keys: names that clients give to requests, so that they can send them again
//! (draft-ietf-httpapi-idempotency-key-header).

use std::str::FromStr;

use super::hide_in_debug;

/// In characters.
pub const MAX_KEY_LENGTH: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters, with or without quotes around them")]
pub struct InvalidKey;

/// 1 to 255 visible ASCII characters. Quotes make no difference: the draft wants a string with
/// quotes (RFC 9651 section 3.3.3), and most clients send a bare word.
///
/// `Debug` hides it: with the key and the request a client gets the response.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

hide_in_debug! { IdempotencyKey }

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let key = match text.strip_prefix('"') {
            Some(rest) => unescape(rest.strip_suffix('"').ok_or(InvalidKey)?)?,
            None => text.to_owned(),
        };
        let fits = (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(key)).ok_or(InvalidKey)
    }
}

/// Decode the inside of a quoted string. Only `\"` and `\\` are escapes, and a bare quote is an
/// error.
fn unescape(text: &str) -> Result<String, InvalidKey> {
    let mut key = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Err(InvalidKey),
            '\\' => key.push(characters.next().filter(|next| matches!(next, '"' | '\\')).ok_or(InvalidKey)?),
            other => key.push(other),
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_make_no_difference() {
        let bare: IdempotencyKey = "8e03978e-40d5-43dd-bc93-6894a57f9324".parse().unwrap();
        let quoted: IdempotencyKey = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"".parse().unwrap();
        assert_eq!(bare, quoted);
        assert_eq!(r#""a\"b\\c""#.parse::<IdempotencyKey>().unwrap().as_str(), r#"a"b\c"#);
        assert_eq!(format!("{bare:?}"), "IdempotencyKey(***)");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let longest = "k".repeat(MAX_KEY_LENGTH);
        assert!(longest.parse::<IdempotencyKey>().is_ok());
        let too_long = format!("{longest}k");
        for text in [
            "", "\"\"", "\"", "a b", "\"a b\"", "a\u{7f}", "é", "\"a", "\"a\"b\"", r#""a\n""#, r#""a\""#, &too_long,
        ] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(InvalidKey), "{text:?}");
        }
    }
}
