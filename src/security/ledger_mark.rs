//! The mark of a published message: which event of which ledger it is. The message authentication
//! code proves that this installation made it, so that nobody else's message is taken for one.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use uuid::Uuid;

use super::secret_key::{MacKey, SecretKey, SecretKeyError};
use crate::domain::ids::LedgerSeq;

/// Enough against forgery, and short in every message.
const MAC_BYTES: usize = 16;

/// A place in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerPlace {
    /// The ledger's own id.
    pub ledger: Uuid,
    pub seq: LedgerSeq,
}

/// Makes and checks marks.
#[derive(Clone, Debug)]
pub struct LedgerMarks(MacKey);

impl LedgerMarks {
    /// Derive the key from the secret key.
    ///
    /// # Errors
    /// [`SecretKeyError::Crypto`]; not expected.
    pub fn new(secret: &SecretKey) -> Result<Self, SecretKeyError> {
        secret.mac_key("ledger-mark").map(Self)
    }

    /// Make the mark of a message: `<ledger>/<seq>/<mac>`.
    #[must_use]
    pub fn make(&self, place: LedgerPlace, message_id: &str, body: &[u8]) -> String {
        let mac = self.0.sign(&authenticated(place, message_id, body));
        let mut mark = format!("{}/{}/", place.ledger, place.seq);
        for byte in mac.iter().take(MAC_BYTES) {
            // Writing to a String cannot fail.
            let _ = write!(mark, "{byte:02x}");
        }
        mark
    }

    /// Read a mark, if it is one of ours on this message.
    #[must_use]
    pub fn read(&self, mark: &str, message_id: &str, body: &[u8]) -> Option<LedgerPlace> {
        let Claim(place) = mark.parse().ok()?;
        (self.make(place, message_id, body) == mark).then_some(place)
    }

    /// Read the place that a mark names, without the proof, which needs the body.
    #[must_use]
    pub fn claimed(mark: &str) -> Option<LedgerPlace> {
        mark.parse().ok().map(|Claim(place)| place)
    }
}

struct Claim(LedgerPlace);

impl FromStr for Claim {
    type Err = fmt::Error;

    fn from_str(mark: &str) -> Result<Self, fmt::Error> {
        let mut parts = mark.split('/');
        let mut next = || parts.next().ok_or(fmt::Error);
        let ledger = next()?.parse().map_err(|_| fmt::Error)?;
        let seq = next()?.parse().map_err(|_| fmt::Error)?;
        Ok(Self(LedgerPlace { ledger, seq }))
    }
}

fn authenticated(place: LedgerPlace, message_id: &str, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(16 + 8 + message_id.len() + 1 + body.len());
    message.extend_from_slice(place.ledger.as_bytes());
    message.extend_from_slice(&place.seq.get().to_be_bytes());
    message.extend_from_slice(message_id.as_bytes());
    message.push(0);
    message.extend_from_slice(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_place_one_message_and_one_key() {
        let marks = |number: u8| {
            let key: [u8; 32] =
                std::array::from_fn(|at| number.wrapping_mul(31).wrapping_add(u8::try_from(at * 7).unwrap()));
            LedgerMarks::new(&SecretKey::from_bytes(&key).unwrap()).unwrap()
        };
        let place = LedgerPlace { ledger: Uuid::from_u128(7), seq: 42.into() };
        let mark = marks(1).make(place, "id", b"body");
        assert_eq!(marks(1).read(&mark, "id", b"body"), Some(place));
        assert_eq!(LedgerMarks::claimed(&mark), Some(place));
        assert_eq!(marks(2).read(&mark, "id", b"body"), None);
        assert_eq!(marks(1).read(&mark, "id.copy", b"body"), None);
        assert_eq!(marks(1).read(&mark, "id", b"other"), None);
        assert_eq!(marks(1).read(&mark.replace("/42/", "/43/"), "id", b"body"), None);
        for other in ["", "x", "7/42", "00000000-0000-0000-0000-000000000007/x/00"] {
            assert_eq!(marks(1).read(other, "id", b"body"), None, "{other}");
        }
    }
}
