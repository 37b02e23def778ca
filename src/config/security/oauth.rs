//! Section `oauth`: services that introspect and revoke tokens.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::config::loader::Problems;

const KEY: &str = "oauth.clients";

/// Prefix of a secret's hash. 64 hexadecimal digits follow.
pub const CLIENT_HASH_PREFIX: &str = "sha256:";

/// Maximum number of secrets per client: the one in use and its replacement.
const MAX_SECRETS: usize = 2;

/// Minimum number of different byte values in a hash. A real SHA-256 hash has fewer with a
/// probability below 10^-12.
const MIN_DISTINCT_BYTES: usize = 16;

/// The clients of introspection and revocation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OauthSettings {
    /// Clients that may call `/oauth/introspect` and `/oauth/revoke`.
    pub clients: Vec<OauthClient>,
}

/// A service and the hash of its secret. An id may appear twice while its secret is replaced.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "Entry")]
pub struct OauthClient {
    /// The id with which the client authenticates.
    pub id: String,
    /// `sha256:` and the secret's hash in hexadecimal, as `watchword oauth client-secret` prints
    /// it.
    #[serde(serialize_with = "hidden")]
    pub secret_hash: SecretString,
}

/// A table, or a text `id=hash` for environment variables.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    secret_hash: String,
}

impl From<Entry> for OauthClient {
    fn from(entry: Entry) -> Self {
        let (id, hash) = match entry {
            Entry::Table(Table { id, secret_hash }) => (id, secret_hash),
            // Without `=` the hash is empty, and the check refuses it with the client's id.
            Entry::Text(text) => {
                let (id, hash) = text.split_once('=').unwrap_or((&text, ""));
                (id.trim().to_owned(), hash.trim().to_owned())
            }
        };
        Self { id, secret_hash: hash.into() }
    }
}

impl OauthClient {
    /// The decoded hash. `None`: the text is not a hash.
    #[must_use]
    pub fn hash(&self) -> Option<[u8; 32]> {
        let digits = self.secret_hash.expose_secret().strip_prefix(CLIENT_HASH_PREFIX)?;
        let mut hash = [0_u8; 32];
        if digits.len() != 2 * hash.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(hash)
    }
}

impl OauthSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        let mut known: BTreeMap<&str, Vec<[u8; 32]>> = BTreeMap::new();
        for client in &self.clients {
            if !is_id(&client.id) {
                // The text is not repeated: it may be a secret in the wrong place.
                problems.refuse(KEY, "an id must have 1 to 64 letters, digits, '-', '.', '_' or '~'");
                continue;
            }
            let id = client.id.as_str();
            let Some(hash) = client.hash() else {
                problems.refuse(
                    KEY,
                    format!(
                        "the secret_hash of {id} must be \"sha256:\" and 64 hexadecimal digits; \
                         create one with: watchword oauth client-secret"
                    ),
                );
                continue;
            };
            if is_weak(&hash) {
                problems.refuse(
                    KEY,
                    format!(
                        "the secret_hash of {id} is not the hash of a random secret; \
                         create one with: watchword oauth client-secret"
                    ),
                );
            }
            let hashes = known.entry(id).or_default();
            if hashes.contains(&hash) {
                problems.refuse(KEY, format!("{id} is listed twice with the same secret_hash"));
            }
            hashes.push(hash);
            if hashes.len() > MAX_SECRETS {
                problems.refuse(KEY, format!("{id} has more than {MAX_SECRETS} secrets"));
            }
        }
    }
}

/// Whether the id needs no encoding in HTTP Basic (RFC 3986 section 2.3).
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}

/// Whether the hash is a placeholder or the hash of the empty secret.
fn is_weak(hash: &[u8; 32]) -> bool {
    let mut seen = hash.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len() < MIN_DISTINCT_BYTES || digest::digest(&digest::SHA256, b"").as_ref() == hash
}

/// A hash of a random secret is not confidential, but no output needs to show it.
fn hidden<S: Serializer>(_: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}
