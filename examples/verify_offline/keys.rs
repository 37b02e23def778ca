//! The public keys: fetched at the start and now and then, and for a key that is not known, but not for every such token.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{Jwk, JwkSet};

use super::locked;

/// The least time between two fetches for keys that are not known.
const PAUSE: Duration = Duration::from_secs(5);

/// The public keys by their ids.
pub(super) struct Keys {
    url: String,
    http: reqwest::Client,
    known: Mutex<HashMap<String, DecodingKey>>,
    tried: tokio::sync::Mutex<Instant>,
}

impl Keys {
    /// No keys yet.
    pub(super) fn at(url: String) -> Self {
        Self {
            url,
            http: reqwest::Client::new(),
            known: Mutex::default(),
            tried: tokio::sync::Mutex::new(Instant::now()),
        }
    }

    /// Takes over the keys that are published now; an error leaves those that are known.
    pub(super) async fn fetch(&self) -> anyhow::Result<()> {
        let request = self.http.get(&self.url).timeout(Duration::from_secs(2));
        let set: JwkSet = request.send().await?.error_for_status()?.json().await?;
        let named = |jwk: &Jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?));
        *locked(&self.known) = set.keys.iter().filter_map(named).collect();
        Ok(())
    }

    /// The key of this id; asks once more for one that is not known. What fails leaves the keys as they are.
    pub(super) async fn find(&self, id: &str) -> Option<DecodingKey> {
        let known = || locked(&self.known).get(id).cloned();
        if known().is_none() {
            let mut tried = self.tried.lock().await;
            if known().is_none() && tried.elapsed() > PAUSE {
                *tried = Instant::now();
                self.fetch().await.ok()?;
            }
        }
        known()
    }
}
