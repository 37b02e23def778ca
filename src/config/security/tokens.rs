//! Section `tokens`: access tokens, refresh tokens and signing keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::loader::{
    Problems,
    checks::{between_durations, label},
    parse,
};

/// Each is in every token.
const MAX_AUDIENCES: usize = 8;

/// The algorithm that signs access tokens.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Claims and lifetimes of tokens, and the rotation of signing keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokensSettings {
    /// Claim `iss`. `None`: `http.public_url` and `http.base_path`.
    pub issuer: Option<String>,
    /// Claim `aud`: the services that the tokens are for, as a list or one text.
    #[serde(deserialize_with = "parse::list_or_text")]
    pub audience: Vec<String>,
    /// Claim `client_id`: the first-party application that users log in with.
    pub client_id: String,
    /// Algorithm of new signing keys.
    pub algorithm: TokenAlgorithm,
    /// Lifetime of an access token.
    #[serde(with = "humantime_serde")]
    pub access_ttl: Duration,
    /// How long an exchanged refresh token still returns the same successor.
    #[serde(with = "humantime_serde")]
    pub refresh_grace: Duration,
    /// How long an access token is accepted after its end.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    /// Age at which the signing key is replaced.
    #[serde(with = "humantime_serde")]
    pub key_rotation: Duration,
}

impl TokensSettings {
    pub(in crate::config) fn check(&self, problems: &mut Problems) {
        const SECOND: Duration = Duration::from_secs(1);
        const HOUR: Duration = Duration::from_secs(60 * 60);
        if let Some(issuer) = &self.issuer {
            label(problems, "tokens.issuer", issuer);
        }
        self.check_audience(problems);
        label(problems, "tokens.client_id", &self.client_id);
        for (key, value, min, max) in [
            ("tokens.access_ttl", self.access_ttl, SECOND, 15 * 60 * SECOND),
            ("tokens.refresh_grace", self.refresh_grace, Duration::ZERO, 60 * SECOND),
            ("tokens.leeway", self.leeway, Duration::ZERO, 5 * SECOND),
            ("tokens.key_rotation", self.key_rotation, HOUR, 366 * 24 * HOUR),
        ] {
            between_durations(problems, key, value, min, max);
        }
    }

    fn check_audience(&self, problems: &mut Problems) {
        const KEY: &str = "tokens.audience";
        if !(1..=MAX_AUDIENCES).contains(&self.audience.len()) {
            let given = self.audience.len();
            problems.refuse(KEY, format!("must have between 1 and {MAX_AUDIENCES} names; got {given}"));
        }
        for (at, name) in self.audience.iter().enumerate() {
            label(problems, KEY, name);
            if self.audience.iter().take(at).any(|before| before == name) {
                problems.refuse(KEY, format!("lists {name:?} twice"));
            }
        }
    }
}
