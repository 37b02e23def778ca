//! The problem `mfa_required`: the password of a login was right, and a second factor is missing.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ProblemCode, ProblemDocument};
use crate::domain::second_factor::{FactorKind, UsableFactor};

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum FactorType {
    /// The time-based codes of an authenticator.
    Totp,
    /// A recovery code.
    RecoveryCode,
}

impl From<FactorKind> for FactorType {
    fn from(kind: FactorKind) -> Self {
        match kind {
            FactorKind::Totp => Self::Totp,
            FactorKind::RecoveryCode => Self::RecoveryCode,
        }
    }
}

impl From<FactorType> for FactorKind {
    fn from(factor: FactorType) -> Self {
        match factor {
            FactorType::Totp => Self::Totp,
            FactorType::RecoveryCode => Self::RecoveryCode,
        }
    }
}

/// A second factor that completes the login.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize, Deserialize)]
pub struct LoginFactor {
    /// Send it as `factor`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    factor_type: FactorType,
    /// ID of the factor; absent for recovery codes.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
}

impl From<UsableFactor> for LoginFactor {
    fn from(factor: UsableFactor) -> Self {
        Self {
            factor_type: factor.kind.into(),
            id: factor.id.map(|id| id.as_uuid()),
        }
    }
}

/// The members that only this kind of problem has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MfaMembers {
    challenge_token: String,
    expires_in: u64,
    factors: Vec<LoginFactor>,
}

/// A login that waits for a second factor: a problem with the means to continue.
#[derive(Object)]
#[oai(rename_all = "camelCase", example)]
pub struct MfaRequired {
    #[oai(flatten)]
    problem: ProblemDocument,
    /// Continue the login with it at `/auth/mfa/verify`. It stands for the password: do not log it.
    challenge_token: String,
    /// Seconds until the token expires.
    expires_in: u64,
    /// The factors that complete the login, the usual one first.
    factors: Vec<LoginFactor>,
}

impl Example for MfaRequired {
    fn example() -> Self {
        let code = ProblemCode::MfaRequired;
        Self {
            problem: ProblemDocument {
                type_uri: code.type_uri(),
                title: code.title().to_owned(),
                status: code.status().as_u16(),
                code,
                detail: code.explanation().to_owned(),
                errors: Vec::new(),
                request_id: Some("01a2031e-cd43-7e5f-9b1a-2c3d4e5f6a7b".to_owned()),
                mfa: None,
            },
            challenge_token: "wlc_AZLzpH0efDqbIA1fanuMnQ...".to_owned(),
            expires_in: 300,
            factors: vec![
                LoginFactor {
                    factor_type: FactorType::Totp,
                    id: Some(Uuid::from_u128(0x01a2_031e_cd42_7d11_a2b3_c4d5_e6f7_0819)),
                },
                LoginFactor { factor_type: FactorType::RecoveryCode, id: None },
            ],
        }
    }
}

/// The challenge of a login, until it is written into a response.
#[derive(Debug, Clone)]
pub(super) struct Challenge {
    pub(super) token: SecretString,
    pub(super) expires_in: u64,
    pub(super) factors: Vec<LoginFactor>,
}

impl From<Challenge> for MfaMembers {
    fn from(challenge: Challenge) -> Self {
        Self {
            challenge_token: challenge.token.expose_secret().to_owned(),
            expires_in: challenge.expires_in,
            factors: challenge.factors,
        }
    }
}
