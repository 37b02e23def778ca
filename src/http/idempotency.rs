//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) and the problems of
//! requests with a key.

use std::time::Duration;

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::problem::{FieldError, Problem, ProblemCode};
use crate::actions::idempotency::Refusal;
use crate::domain::idempotency::{IdempotencyKey, MAX_KEY_LENGTH};

/// Problems of every operation that takes a key.
pub const IDEMPOTENCY: &[ProblemCode] = &[
    ProblemCode::InvalidParameter,
    ProblemCode::RequestInFlight,
    ProblemCode::IdempotencyKeyReused,
];

/// The name of the header.
const HEADER: &str = "Idempotency-Key";

/// When a request in flight has probably ended.
const IN_FLIGHT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The key of the request, if it has one: `#[oai(name = "Idempotency-Key")]`.
///
/// Several keys or an invalid one: 400 `invalid_parameter`.
#[derive(Debug, Clone)]
pub struct IdempotencyHeader(pub Option<IdempotencyKey>);

impl<'a> ApiExtractor<'a> for IdempotencyHeader {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(2 * MAX_KEY_LENGTH + 2),
            pattern: Some("^[\\x21-\\x7E]+$".to_owned()),
            example: Some("8e03978e-40d5-43dd-bc93-6894a57f9324".into()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let mut values = request.headers().get_all(options.name).iter();
        let (Some(value), rest) = (values.next(), values.next()) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        match (key, rest) {
            (Some(key), None) => Ok(Self(Some(key))),
            _ => {
                let detail = "must be one key of 1 to 255 visible ASCII characters";
                Err(Problem::from(FieldError::header(HEADER, "invalid_format", detail)).into())
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::KeyReused => {
                let detail = "was used for another request";
                let error = FieldError::header(HEADER, "reused", detail);
                Self::new(ProblemCode::IdempotencyKeyReused).with_error(error)
            }
            Refusal::InFlight => Self::new(ProblemCode::RequestInFlight).with_retry_after(IN_FLIGHT_RETRY_AFTER),
            Refusal::ReplayUnavailable => Self::new(ProblemCode::AnswerSpent),
        }
    }
}
