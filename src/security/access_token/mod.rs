//! Access tokens: JWTs of type `at+jwt` (RFC 9068), signed with ES256, RS256 or EdDSA (RFC 7518,
//! RFC 8037), verified as RFC 8725 demands. Each key has one algorithm, and a token has the one of
//! its key.

mod claims;
mod policy;
mod verify;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use time::OffsetDateTime;

pub use claims::{AccessClaims, AccessGrant};
pub use policy::{MAX_ACCESS_TTL, MAX_LEEWAY, TokenPolicy, TokenPolicyError};
pub use verify::MAX_TOKEN_BYTES;

use super::sha256::sha256;
use super::signing_keys::{KeyRing, SigningAlgorithm, SigningKey};
use super::token_error::TokenError;
use crate::domain::ids::uuid_v7;
use crate::domain::random::Random;
use crate::domain::session::AuthenticationMethod;
use claims::WireClaims;
use verify::{Rules, VerifiedToken};

/// `typ` of the header (RFC 9068 section 2.1).
const TOKEN_TYPE: &str = "at+jwt";

/// About 10 MiB of ordinary tokens.
pub const MAX_CACHED_TOKENS: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The first key was not created yet, or rotation has failed for too long.
    #[error("no signing key is active")]
    NoSigningKey,
    /// Not expected.
    #[error("the access token could not be written")]
    Json(#[from] serde_json::Error),
    /// Not expected.
    #[error("the access token could not be signed")]
    Signature,
}

#[derive(Debug)]
pub struct IssuedAccessToken {
    /// As in `Authorization: Bearer`.
    pub token: SecretString,
    /// In whole seconds.
    pub expires_at: OffsetDateTime,
    /// `expiresIn` of the response, in seconds.
    pub expires_in: u64,
}

/// Issues and verifies access tokens.
#[derive(Debug)]
pub struct AccessTokens {
    policy: TokenPolicy,
    rules: Rules,
    keys: Arc<KeyRing>,
    verified: Cache<[u8; 32], Arc<VerifiedToken>>,
}

impl AccessTokens {
    /// The keys may be replaced later through the ring.
    ///
    /// # Errors
    /// A policy that is weaker than the service allows.
    pub fn new(policy: TokenPolicy, keys: Arc<KeyRing>) -> Result<Self, TokenPolicyError> {
        policy.check()?;
        // Another crate of the build may enable a second backend; without this line the library
        // would then panic at the first token. An error only means that it was installed before.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        Ok(Self {
            rules: Rules::new(&policy),
            policy,
            keys,
            verified: Cache::new(MAX_CACHED_TOKENS),
        })
    }

    /// Issue a token at `now`.
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
            sub: grant.user_id.to_string(),
            aud: self.policy.audience.clone().into(),
            exp: iat + expires_in,
            iat,
            nbf: None,
            jti: uuid_v7(now, random),
            sid: grant.session_id,
            roles: grant.roles.iter().map(ToString::to_string).collect(),
            client_id: self.policy.client_id.clone(),
            auth_time: u64::try_from(grant.authenticated_at.unix_timestamp()).ok(),
            amr: grant.amr.iter().map(ToString::to_string).collect(),
            acr: Some(AuthenticationMethod::level(grant.amr).to_owned()),
            email_verified: Some(grant.email_verified),
        };
        let mut header = Header::new(jws(key.algorithm()));
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

    /// Verify a token at `now`. The signature of a cached token is not verified again; its times
    /// and its key are checked every time. Whether the session was revoked is not known here.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Arc<AccessClaims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        // The cache thus contains no token.
        let id = sha256(token);
        if let Some(known) = self.verified.get(&id) {
            return self.recheck(&known, now);
        }
        let fresh = Arc::new(verify::verify(token, now, &self.keys, &self.rules)?);
        let claims = self.recheck(&fresh, now)?;
        self.verified.insert(id, fresh);
        Ok(claims)
    }

    /// How many verified tokens are cached, at most [`MAX_CACHED_TOKENS`].
    #[must_use]
    pub fn cached(&self) -> usize {
        self.verified.len()
    }

    #[must_use]
    pub const fn policy(&self) -> &TokenPolicy {
        &self.policy
    }

    #[must_use]
    pub const fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// The checks whose result depends on the time.
    fn recheck(&self, token: &VerifiedToken, now: OffsetDateTime) -> Result<Arc<AccessClaims>, TokenError> {
        if self.keys.verifier(&token.kid, now).is_none() {
            return Err(TokenError::UnknownKey);
        }
        token.times.check(now, self.policy.leeway)?;
        Ok(Arc::clone(&token.claims))
    }
}

/// The compact form (RFC 7515 section 7.1). The library's own `encode` derives the key pair for
/// every token again, which takes as long as the signature.
fn compact(header: &Header, claims: &WireClaims, key: &SigningKey) -> Result<String, IssueError> {
    let mut token = String::with_capacity(1024);
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(header)?, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = key.sign(token.as_bytes()).ok_or(IssueError::Signature)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// The name of an algorithm in the JWT library.
const fn jws(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
