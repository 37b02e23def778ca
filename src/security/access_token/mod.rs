//! Access tokens: JWTs of type `at+jwt` (RFC 9068), signed with EdDSA over Ed25519 (RFC 8037), checked as RFC 8725 asks.
//!
//! RFC 9068 section 2.1 asks issuers to support RS256; this service signs with EdDSA alone, on purpose.

mod claims;
mod policy;
mod verify;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use time::OffsetDateTime;

pub use claims::{AccessClaims, AccessGrant};
pub use policy::{DEFAULT_CLIENT_ID, MAX_ACCESS_TTL, MAX_LEEWAY, TokenPolicy, TokenPolicyError};
pub use verify::MAX_TOKEN_BYTES;

use super::signing_keys::{KeyRing, SigningKey};
use super::token_error::TokenError;
use crate::domain::ids::uuid_v7;
use crate::domain::random::Random;
use claims::{Audience, WireClaims};
use verify::Verified;

/// `typ` of the header (RFC 9068 section 2.1).
const TOKEN_TYPE: &str = "at+jwt";

/// Most verified tokens remembered; about 8 MiB when full of ordinary tokens.
pub const VERIFIED_CACHE_TOKENS: usize = 10_000;

/// Why an access token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No key is active: the first one was not made yet, or rotation has stood still for too long.
    #[error("no signing key is active")]
    NoSigningKey,
    /// The claims could not be written as JSON; not expected.
    #[error("the access token could not be written")]
    Json(#[from] serde_json::Error),
}

/// A new access token.
#[derive(Debug)]
pub struct IssuedAccessToken {
    /// The token as it goes into `Authorization: Bearer`.
    pub token: SecretString,
    /// When it expires, in whole seconds.
    pub expires_at: OffsetDateTime,
    /// `expiresIn` of the answer, in seconds.
    pub expires_in: u64,
}

/// Makes and verifies access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    policy: TokenPolicy,
    validation: Validation,
    keys: Arc<KeyRing>,
    verified: Cache<[u8; 32], Arc<Verified>>,
}

impl AccessTokens {
    /// With a policy and the keys, which may be replaced later through the ring.
    ///
    /// # Errors
    /// A policy that is weaker than the service allows.
    pub fn new(policy: TokenPolicy, keys: Arc<KeyRing>) -> Result<Self, TokenPolicyError> {
        policy.check()?;
        // Another crate of the build may switch on a second backend; without this line the library would then panic
        // at the first token. An error only says that it was installed before.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&policy.issuer]);
        validation.set_audience(&[&policy.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library compares with the system's time; here time is an argument, see `verify`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            policy,
            validation,
            keys,
            verified: Cache::new(VERIFIED_CACHE_TOKENS),
        })
    }

    /// Makes a token at `now`.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(
        &self,
        grant: &AccessGrant<'_>,
        now: OffsetDateTime,
        random: &dyn Random,
    ) -> Result<IssuedAccessToken, IssueError> {
        let key = self.keys.signer(now).ok_or(IssueError::NoSigningKey)?;
        let iat = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let expires_in = self.policy.access_ttl.as_secs();
        let claims = WireClaims {
            iss: self.policy.issuer.clone(),
            sub: grant.user_id,
            aud: Audience::One(self.policy.audience.clone()),
            exp: iat + expires_in,
            iat,
            nbf: None,
            jti: uuid_v7(now, random),
            sid: grant.session_id,
            roles: grant.roles.iter().map(ToString::to_string).collect(),
            client_id: self.policy.client_id.clone(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.kid().to_owned());
        let token = compact(&header, &claims, &key)?;
        let issued_at = now - time::Duration::nanoseconds(i64::from(now.nanosecond()));
        Ok(IssuedAccessToken {
            token: SecretString::from(token),
            expires_at: issued_at + self.policy.access_ttl,
            expires_in,
        })
    }

    /// Verifies a token at `now`. The signature of a token seen before is not computed again; its times and its key
    /// are looked at every time. Whether the session has been revoked is not known here.
    ///
    /// # Errors
    /// [`TokenError`]; every garbage has one, nothing panics.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Arc<AccessClaims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let id = verify::token_id(token);
        if let Some(known) = self.verified.get(&id) {
            return self.still_good(&known, now);
        }
        let fresh = Arc::new(verify::verify(token, now, &self.keys, &self.validation)?);
        let claims = self.still_good(&fresh, now)?;
        self.verified.insert(id, fresh);
        Ok(claims)
    }

    /// How many verified tokens are remembered, at most [`VERIFIED_CACHE_TOKENS`].
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.verified.len()
    }

    /// What the tokens say about who made them and for whom.
    #[must_use]
    pub const fn policy(&self) -> &TokenPolicy {
        &self.policy
    }

    /// The keys in use.
    #[must_use]
    pub const fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// The checks that can turn out differently the second time.
    fn still_good(&self, token: &Verified, now: OffsetDateTime) -> Result<Arc<AccessClaims>, TokenError> {
        if self.keys.verifier(&token.kid, now).is_none() {
            return Err(TokenError::UnknownKey);
        }
        token.times.check(now, self.policy.leeway)?;
        Ok(Arc::clone(&token.claims))
    }
}

/// The compact form (RFC 7515 section 7.1). The library's own `encode` derives the key pair anew for every token, which takes as
/// long as the signature.
fn compact(header: &Header, claims: &WireClaims, key: &SigningKey) -> Result<String, serde_json::Error> {
    let mut token = String::with_capacity(640);
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(header)?, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}
