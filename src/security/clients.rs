//! The OAuth clients of the configuration, and their secrets.
//!
//! A secret is 256 random bits that this service generated, so one SHA-256 is enough to store it:
//! there is nothing to guess (ADR 0025). What does not have the form of a secret is refused before
//! it is hashed, so that a word that an operator hashed by hand never works.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prometheus::{IntCounter, IntCounterVec};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::sha256::sha256;
use crate::config::{CLIENT_HASH_PREFIX, OauthClient};
use crate::domain::random::Random;
use crate::domain::text::prefixes::CLIENT_SECRET_PREFIX;

/// In characters: the prefix and 32 bytes in base64url.
pub const CLIENT_SECRET_LEN: usize = 4 + 43;

/// Generate a secret for the client, and its hash for the configuration.
#[must_use]
pub fn new_client_secret(random: &dyn Random) -> (SecretString, String) {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    random.fill(bytes.as_mut());
    let mut secret = String::with_capacity(CLIENT_SECRET_LEN);
    secret.push_str(CLIENT_SECRET_PREFIX);
    URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut secret);
    let digits: String = sha256(&secret).iter().map(|byte| format!("{byte:02x}")).collect();
    (SecretString::from(secret), format!("{CLIENT_HASH_PREFIX}{digits}"))
}

/// The id of an authenticated client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(Arc<str>);

impl ClientId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub struct ClientStats {
    /// Introspections, by the kind of token and whether it was active.
    pub introspections: IntCounterVec,
    /// Requests with an unknown id or a wrong secret.
    pub refused: IntCounter,
}

#[derive(Debug)]
pub struct Clients {
    known: Vec<(ClientId, [u8; 32])>,
    stats: ClientStats,
}

impl Clients {
    /// An entry without a hash authenticates no client.
    #[must_use]
    pub fn new(configured: &[OauthClient], stats: ClientStats) -> Self {
        let known = configured
            .iter()
            .filter_map(|client| Some((ClientId(client.id.as_str().into()), client.hash()?)));
        Self { known: known.collect(), stats }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Authenticate a client by its secret. The hash of every client is compared, in constant time,
    /// so that the time does not reveal which ids exist.
    #[must_use]
    pub fn authenticate(&self, id: &str, secret: &str) -> Option<ClientId> {
        let hash = if is_secret(secret) { sha256(secret) } else { [0; 32] };
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

    /// Count an introspection.
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
