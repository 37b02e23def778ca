//! The services that may ask about tokens, and their secrets.
//!
//! A secret is 256 random bits that this service made, so one SHA-256 is enough to keep it by: there is nothing to guess
//! (ADR 0025). What does not look like a secret of ours is refused before it is hashed, so that a word that somebody
//! hashed by hand never works.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prometheus::{IntCounter, IntCounterVec};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::config::{CLIENT_HASH_PREFIX, OauthClient};
use crate::domain::random::Random;

/// What every client secret starts with, so that secret scanners recognise a leaked one.
pub const CLIENT_SECRET_PREFIX: &str = "wcs_";

/// Length of a client secret in characters: the prefix and 32 bytes in base64url.
pub const CLIENT_SECRET_LEN: usize = 4 + 43;

/// A new secret, to be given to the client, and the hash of it for the configuration.
#[must_use]
pub fn new_client_secret(random: &dyn Random) -> (SecretString, String) {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    random.fill(bytes.as_mut());
    let mut secret = String::with_capacity(CLIENT_SECRET_LEN);
    secret.push_str(CLIENT_SECRET_PREFIX);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut secret);
    let digits: String = hash_of(&secret).iter().map(|byte| format!("{byte:02x}")).collect();
    (SecretString::from(secret), format!("{CLIENT_HASH_PREFIX}{digits}"))
}

/// The name of a client that has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// As it is configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where it is counted what clients do.
#[derive(Debug, Clone)]
pub struct ClientStats {
    /// Introspections, by the kind of token and whether it was active.
    pub introspections: IntCounterVec,
    /// Clients that were refused.
    pub refused: IntCounter,
}

/// The clients that are configured.
#[derive(Debug)]
pub struct Clients {
    known: Vec<(ClientId, [u8; 32])>,
    stats: ClientStats,
}

impl Clients {
    /// The clients of the configuration; an entry without a hash is nobody's.
    #[must_use]
    pub fn new(configured: &[OauthClient], stats: ClientStats) -> Self {
        let known = configured
            .iter()
            .filter_map(|client| Some((ClientId(client.id.as_str().into()), client.hash()?)));
        Self {
            known: known.collect(),
            stats,
        }
    }

    /// Whether nobody may ask.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The client, if the secret is one of its own. Every client's hash is compared, in constant time: how long it takes does not
    /// tell which ids exist.
    #[must_use]
    pub fn authenticate(&self, id: &str, secret: &str) -> Option<ClientId> {
        let hash = if is_secret(secret) { hash_of(secret) } else { [0; 32] };
        let mut found = None;
        for (known, expected) in &self.known {
            let same_secret = constant_time::verify_slices_are_equal(expected, &hash).is_ok();
            if same_secret && known.as_str() == id {
                found = Some(known.clone());
            }
        }
        if found.is_none() {
            self.stats.refused.inc();
        }
        found
    }

    /// Counts an introspection.
    pub fn introspected(&self, token: &'static str, active: bool) {
        let active = if active { "true" } else { "false" };
        self.stats.introspections.with_label_values(&[token, active]).inc();
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == CLIENT_SECRET_LEN
        && text
            .strip_prefix(CLIENT_SECRET_PREFIX)
            .is_some_and(|rest| URL_SAFE_NO_PAD.decode(rest).is_ok())
}

fn hash_of(secret: &str) -> [u8; 32] {
    let mut hash = [0_u8; 32];
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}
