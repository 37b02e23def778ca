//! The public keys: fetched at the start, periodically, and for an unknown key, but not for each
//! such token.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::locked;

/// The shortest time between two fetches for unknown keys.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(5);

/// A public key and its algorithm. The algorithm of a token is the one of its key; what the token
/// says about it counts for nothing.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let algorithm = match jwk.common.key_algorithm? {
            KeyAlgorithm::ES256 => Algorithm::ES256,
            KeyAlgorithm::RS256 => Algorithm::RS256,
            KeyAlgorithm::EdDSA => Algorithm::EdDSA,
            _ => return None,
        };
        let decoding = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { algorithm, decoding })
    }
}

/// The public keys, by their ids.
pub(super) struct Keys {
    url: String,
    http: reqwest::Client,
    known: Mutex<HashMap<String, Key>>,
    last_attempt: tokio::sync::Mutex<Instant>,
}

impl Keys {
    /// Creates an empty set; [`Self::fetch`] fills it.
    pub(super) fn at(url: String) -> Self {
        Self {
            url,
            http: reqwest::Client::new(),
            known: Mutex::default(),
            last_attempt: tokio::sync::Mutex::new(Instant::now()),
        }
    }

    /// Replaces the keys with those that are published now. An error keeps the known ones.
    pub(super) async fn fetch(&self) -> anyhow::Result<()> {
        let request = self.http.get(&self.url).timeout(Duration::from_secs(2));
        let set: JwkSet = request.send().await?.error_for_status()?.json().await?;
        let named = |jwk: &Jwk| Some((jwk.common.key_id.clone()?, Key::of(jwk)?));
        *locked(&self.known) = set.keys.iter().filter_map(named).collect();
        Ok(())
    }

    /// Returns the key with this id. Fetches the keys again if it is unknown; an error keeps the
    /// known ones.
    pub(super) async fn find(&self, id: &str) -> Option<Key> {
        let known = || locked(&self.known).get(id).cloned();
        if known().is_none() {
            let mut last_attempt = self.last_attempt.lock().await;
            if known().is_none() && last_attempt.elapsed() > MIN_FETCH_INTERVAL {
                *last_attempt = Instant::now();
                self.fetch().await.ok()?;
            }
        }
        known()
    }
}
