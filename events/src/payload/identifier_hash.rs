//! The keyed hash of a submitted identifier.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A keyed hash of the identifier that a client submitted, written as 64 lower-case hexadecimal
/// digits. Equal identifiers have equal hashes; without the service's key a hash does not reveal
/// its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentifierHash([u8; 32]);

impl IdentifierHash {
    /// Wraps the 32-byte MAC (HMAC-SHA256) of the normalized identifier. Never pass an unkeyed
    /// hash.
    #[must_use]
    pub const fn from_mac(mac: [u8; 32]) -> Self {
        Self(mac)
    }

    /// Returns the 32 bytes of the MAC.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for IdentifierHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// The error of a text that is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 lower-case hexadecimal digits")]
pub struct ParseIdentifierHashError;

impl FromStr for IdentifierHash {
    type Err = ParseIdentifierHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(ParseIdentifierHashError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut mac = [0; 32];
        if pairs.len() != mac.len() || !rest.is_empty() {
            return Err(ParseIdentifierHashError);
        }
        for (byte, [high, low]) in mac.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(mac))
    }
}

impl Serialize for IdentifierHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdentifierHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for IdentifierHash {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IdentifierHash".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}
