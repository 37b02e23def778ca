//! Why a token was refused. Every variant is answered alike (401); the variants are for logs and
//! metrics.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of this service.
    #[error("the token is too long")]
    TooLong,
    /// Not the shape of a token: parts, base64url, JSON, a duplicate member, a header that is not
    /// understood.
    #[error("the token is malformed")]
    Malformed,
    /// The header's `alg` is not the one of the key that `kid` names (RFC 8725 section 3.1).
    #[error("the token's algorithm is not accepted")]
    WrongAlgorithm,
    /// The header's `typ` is not `at+jwt` (RFC 9068 section 2.1).
    #[error("the token is of another type")]
    WrongType,
    /// No signing key has this `kid`: forged, retired, or signed with a key that is not loaded yet.
    #[error("the token's key is unknown")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim is missing, of the wrong type, or has not the required value.
    #[error("the token's claims are not acceptable")]
    BadClaims,
    #[error("the token has expired")]
    Expired,
    /// See `nbf` and `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
}

impl TokenError {
    /// A stable word for logs and metric labels.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::BadClaims => "bad_claims",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}
