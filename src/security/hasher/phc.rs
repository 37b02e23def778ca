//! Password hashes as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Version};

use super::error::StoredHashError;
use super::params::HashParams;

/// NIST SP 800-63B-4 demands 4, RFC 9106 section 3.1 recommends 16.
pub(super) const SALT_BYTES: usize = 16;

pub(super) const OUTPUT_BYTES: usize = 32;

const MIN_OUTPUT_BYTES: usize = 16;

/// The hash of a password: parsed, within the limits, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    pub(super) params: HashParams,
    pub(super) salt: Salt,
    pub(super) output: Output,
}

impl PasswordHash {
    /// The PHC string, for the database.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The PHC string, for the database.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// From the parts of a new hash; `None` when the lengths are invalid.
    pub(super) fn from_parts(params: HashParams, salt: &[u8], output: &[u8]) -> Option<Self> {
        let (salt, output) = (Salt::new(salt).ok()?, Output::new(output).ok()?);
        let text = phc::PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params.for_argon2(output.len())?).ok()?,
            salt: Some(salt),
            hash: Some(output),
        }
        .to_string();
        Some(Self { text, params, salt, output })
    }
}

impl FromStr for PasswordHash {
    type Err = StoredHashError;

    fn from_str(text: &str) -> Result<Self, StoredHashError> {
        let parsed = phc::PasswordHash::new(text).map_err(|_| StoredHashError::Malformed)?;
        if parsed.algorithm != ARGON2ID_IDENT || parsed.version != Some(Version::V0x13.into()) {
            return Err(StoredHashError::Algorithm);
        }
        let (Some(salt), Some(output)) = (parsed.salt, parsed.hash) else {
            return Err(StoredHashError::Malformed);
        };
        if output.len() < MIN_OUTPUT_BYTES {
            return Err(StoredHashError::Length);
        }
        let params = params_of(&parsed.params).ok_or(StoredHashError::Params)?;
        params.for_argon2(output.len()).ok_or(StoredHashError::Params)?;
        Ok(Self { text: text.to_owned(), params, salt, output })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("params", &self.params).finish_non_exhaustive()
    }
}

/// `m`, `t` and `p` must all be there, and nothing else: a default or an ignored parameter would be
/// a guess.
fn params_of(params: &ParamsString) -> Option<HashParams> {
    let known = params.iter().all(|(name, _)| matches!(name.as_str(), "m" | "t" | "p"));
    known.then_some(())?;
    Some(HashParams {
        memory_kib: params.get_decimal("m")?,
        iterations: params.get_decimal("t")?,
        parallelism: params.get_decimal("p")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn a_stored_hash_is_parsed_and_written_alike() {
        let hash: PasswordHash = GOOD.parse().unwrap();
        assert_eq!(hash.params, HashParams { memory_kib: 19_456, iterations: 2, parallelism: 1 });
        let again = PasswordHash::from_parts(hash.params, hash.salt.as_ref(), hash.output.as_bytes()).unwrap();
        assert_eq!(again.expose(), GOOD);
        assert!(!format!("{hash:?}").contains("AAEC"), "the debug form shows no salt and no hash");
    }

    #[test]
    fn other_algorithms_costs_and_forms_are_refused() {
        let refused = |from: &str, to: &str| GOOD.replace(from, to).parse::<PasswordHash>().unwrap_err();
        assert_eq!(refused("argon2id", "argon2i"), StoredHashError::Algorithm);
        assert_eq!(refused("argon2id", "scrypt"), StoredHashError::Algorithm);
        assert_eq!(refused("$v=19", "$v=16"), StoredHashError::Algorithm);
        assert_eq!(refused("$v=19", ""), StoredHashError::Algorithm);
        assert_eq!(refused("m=19456", "m=262145"), StoredHashError::Params);
        assert_eq!(refused("m=19456", "m=4294967295"), StoredHashError::Params);
        assert_eq!(refused("t=2", "t=0"), StoredHashError::Params);
        assert_eq!(refused("t=2", "t=1000000"), StoredHashError::Params);
        assert_eq!(refused(",p=1", ""), StoredHashError::Params);
        assert_eq!(refused("p=1", "p=1,data=AAAA"), StoredHashError::Params);
        assert_eq!(refused("$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", ""), StoredHashError::Malformed);
        assert_eq!(refused("DxAREhMUFRYXGBkaGxwdHh8", ""), StoredHashError::Length);
        for text in [
            "",
            "$",
            "plain",
            "$2b$10$abcdefghijklmnopqrstuv",
            "$argon2id",
            &GOOD.repeat(2),
        ] {
            assert!(text.parse::<PasswordHash>().is_err(), "{text}");
        }
    }
}
