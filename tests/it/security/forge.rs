//! Makes tokens that the service never issues. Most are signed with the real key, so that each
//! check is tested alone.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use watchword::domain::random::Random as _;
use watchword::security::{AccessTokens, SigningKey, TokenError};

use super::support::{AUDIENCE, ISSUER, NOW, Sequence, session, signing_key, tokens, user};

/// The key pair of `signing_key(1, ..)`.
fn pair(start: u64) -> Ed25519KeyPair {
    let mut seed = [0_u8; 32];
    Sequence::new(start).fill(&mut seed);
    Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
}

pub(super) struct Forge {
    pub(super) kid: String,
    pub(super) public: Vec<u8>,
    pub(super) tokens: AccessTokens,
}

impl Forge {
    pub(super) fn new() -> Self {
        let key: SigningKey = signing_key(1, NOW);
        Self {
            kid: key.kid().to_owned(),
            public: key.public().to_vec(),
            tokens: tokens(key),
        }
    }

    pub(super) fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.kid})
    }

    pub(super) fn claims(&self) -> Value {
        let now = NOW.unix_timestamp();
        json!({
            "iss": ISSUER, "sub": user(), "aud": AUDIENCE, "exp": now + 600, "iat": now, "roles": ["user"],
            "jti": "018f0000-0000-7000-8000-0000000000bb", "sid": session(), "client_id": "watchword",
        })
    }

    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = pair(1).sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.tokens.verify(token, NOW).map(|_| ())
    }

    pub(super) fn with_header(&self, change: impl FnOnce(&mut Value)) -> Result<(), TokenError> {
        let mut header = self.header();
        change(&mut header);
        self.verdict(&self.signed(&header.to_string(), &self.claims().to_string()))
    }

    pub(super) fn with_claims(&self, change: impl FnOnce(&mut Value)) -> Result<(), TokenError> {
        let mut claims = self.claims();
        change(&mut claims);
        self.verdict(&self.signed(&self.header().to_string(), &claims.to_string()))
    }
}
