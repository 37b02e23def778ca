//! The checks of an access token, the cheapest first.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Validation;
use jsonwebtoken::errors::{Error, ErrorKind};
use serde::Deserialize;
use time::OffsetDateTime;

use super::claims::{AccessClaims, WireClaims};
use super::policy::{MAX_ACCESS_TTL, MAX_CLOCK_DIFFERENCE, TokenPolicy};
use super::{KeyRing, SigningAlgorithm, TOKEN_TYPE, TokenError, jws};

/// Tokens of this service have about 1000.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// A token whose signature and fixed claims are valid.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub(super) claims: Arc<AccessClaims>,
    pub(super) kid: Box<str>,
    pub(super) times: Times,
}

/// The times of a token, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
}

/// The header. It has these members and no others, so `crit`, `jku`, `jwk`, `x5u`, `x5c`, `zip` and
/// others are refused before they could have an effect (RFC 8725 section 3.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader {
    alg: String,
    #[serde(default)]
    typ: String,
    #[serde(default)]
    kid: String,
}

/// What the JWT library verifies, for a key of each algorithm: it accepts one algorithm at a time.
#[derive(Debug)]
pub(super) struct Rules {
    es256: Validation,
    rs256: Validation,
    eddsa: Validation,
}

impl Rules {
    pub(super) fn new(policy: &TokenPolicy) -> Self {
        let of = |algorithm| {
            let mut validation = Validation::new(jws(algorithm));
            validation.set_issuer(&[&policy.issuer]);
            validation.set_audience(&policy.audience);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            // The library compares with the time of the system; here time is an argument, see
            // `verify`.
            validation.validate_exp = false;
            validation.validate_nbf = false;
            validation
        };
        Self {
            es256: of(SigningAlgorithm::Es256),
            rs256: of(SigningAlgorithm::Rs256),
            eddsa: of(SigningAlgorithm::EdDsa),
        }
    }

    const fn of(&self, algorithm: SigningAlgorithm) -> &Validation {
        match algorithm {
            SigningAlgorithm::Es256 => &self.es256,
            SigningAlgorithm::Rs256 => &self.rs256,
            SigningAlgorithm::EdDsa => &self.eddsa,
        }
    }
}

/// Verify everything but the times, which [`Times::check`] compares with `now`; here `now` only
/// selects the key.
pub(super) fn verify(
    token: &str,
    now: OffsetDateTime,
    keys: &KeyRing,
    rules: &Rules,
) -> Result<VerifiedToken, TokenError> {
    let header = header_of(token)?;
    if !is_access_token_type(&header.typ) {
        return Err(TokenError::WrongType);
    }
    let key = keys.verifier(&header.kid, now).ok_or(TokenError::UnknownKey)?;
    // The key decides which algorithm verifies, and the header has to agree (RFC 8725 section 3.1).
    if header.alg != key.algorithm().as_str() {
        return Err(TokenError::WrongAlgorithm);
    }
    let wire = jsonwebtoken::decode::<WireClaims>(token, key.decoding(), rules.of(key.algorithm()))
        .map_err(|error| token_error(&error))?
        .claims;
    let times = Times { iat: wire.iat, exp: wire.exp, nbf: wire.nbf };
    Ok(VerifiedToken {
        claims: Arc::new(AccessClaims::try_from(wire)?),
        kid: key.kid().into(),
        times,
    })
}

fn header_of(token: &str) -> Result<WireHeader, TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenError::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// `at+jwt` in any case, with or without `application/` (RFC 7515 section 4.1.9, RFC 9068 section
/// 4).
fn is_access_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TOKEN_TYPE
}

fn token_error(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::BadSignature,
        ErrorKind::InvalidAlgorithm => TokenError::WrongAlgorithm,
        ErrorKind::InvalidToken | ErrorKind::Base64(_) => TokenError::Malformed,
        _ => TokenError::BadClaims,
    }
}

impl Times {
    /// Check the times at `now`: the end with `leeway`, and the beginning with clocks apart by
    /// [`MAX_CLOCK_DIFFERENCE`].
    pub(super) fn check(self, now: OffsetDateTime, leeway: Duration) -> Result<(), TokenError> {
        // 128 bits: no claim of 64 bits can overflow here.
        let now = i128::from(now.unix_timestamp());
        let (leeway, ahead) = (i128::from(leeway.as_secs()), i128::from(MAX_CLOCK_DIFFERENCE.as_secs()));
        let (iat, exp) = (i128::from(self.iat), i128::from(self.exp));
        // This service issues no token with a longer life; such a token exists by mistake or to be
        // misused.
        if exp <= iat || exp - iat > i128::from(MAX_ACCESS_TTL.as_secs()) {
            return Err(TokenError::BadClaims);
        }
        if now >= exp + leeway {
            return Err(TokenError::Expired);
        }
        if iat > now + ahead || self.nbf.is_some_and(|nbf| i128::from(nbf) > now + ahead) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}
