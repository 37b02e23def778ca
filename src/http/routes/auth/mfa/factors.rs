//! GET /auth/mfa.

use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::actions::mfa::list::{self, Factors, Totp};
use crate::http::api::Api;
use crate::http::bearer::BearerToken;
use crate::http::error_responses::{ALWAYS, BEARER, error_responses};
use crate::http::middleware::RequestContext;
use crate::http::responses::Success;
use crate::http::routes::Tag;
use crate::http::timestamp::Timestamp;

/// A user's second factors, without any secret.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct FactorList {
    /// The authenticator in use.
    #[oai(skip_serializing_if_is_none)]
    totp: Option<TotpFactor>,
    /// Number of unused recovery codes.
    recovery_codes_left: u64,
}

/// An authenticator.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TotpFactor {
    /// ID of the factor; `factorId` in events.
    id: Uuid,
    /// When the authenticator was enrolled.
    created_at: Timestamp,
}

impl From<Factors> for FactorList {
    fn from(factors: Factors) -> Self {
        Self {
            totp: factors.totp.map(TotpFactor::from),
            recovery_codes_left: factors.recovery_codes_left,
        }
    }
}

impl From<Totp> for TotpFactor {
    fn from(totp: Totp) -> Self {
        Self { id: totp.id.as_uuid(), created_at: totp.created_at.into() }
    }
}

error_responses! { ListError: [BEARER, ALWAYS], [] }

pub struct FactorRoutes(pub Api);

#[OpenApi]
impl FactorRoutes {
    /// List the caller's second factors
    ///
    /// The authenticator in use, and how many recovery codes are left.
    #[oai(path = "/auth/mfa", method = "get", operation_id = "listFactors", tag = "Tag::Mfa")]
    async fn list(&self, context: RequestContext, bearer: BearerToken) -> Result<Success<FactorList>, ListError> {
        let caller = self.0.identify(&context, &bearer).await?;
        let factors = self.0.call(&context, |cx| list::run(cx, caller)).await?;
        Ok(Success::new(factors))
    }
}
