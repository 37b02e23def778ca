//! The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header) and the problems of
//! requests with a key.

use std::time::Duration;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

use super::parameters::ParamError;
use super::parameters::header::{Header, HeaderParameter};
use super::problem::{Problem, ProblemCode};
use crate::actions::idempotency::Refusal;
use crate::domain::idempotency::{IdempotencyKey, MAX_KEY_LENGTH};

/// Problems of every operation that takes a key.
pub const IDEMPOTENCY: &[ProblemCode] = &[
    ProblemCode::InvalidParameter,
    ProblemCode::RequestInFlight,
    ProblemCode::IdempotencyKeyReused,
];

/// When a request in flight has probably ended.
const IN_FLIGHT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A bare word, or a string in quotes with the escapes `\"` and `\\`.
const PATTERN: &str = r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#;

/// The key of the request, if it has one.
pub type IdempotencyHeader = Header<Option<IdempotencyKey>>;

impl HeaderParameter for Option<IdempotencyKey> {
    const NAME: &'static str = "Idempotency-Key";

    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: Some(1),
            max_length: Some(2 * MAX_KEY_LENGTH + 2),
            pattern: Some(PATTERN.to_owned()),
            example: Some("8e03978e-40d5-43dd-bc93-6894a57f9324".into()),
            ..MetaSchema::new("string")
        }))
    }

    fn parse(lines: &[&str]) -> Option<Self> {
        match lines {
            [] => Some(None),
            [key] => key.trim().parse().ok().map(Some),
            _ => None,
        }
    }

    fn malformed() -> ParamError {
        ParamError::new("invalid_format", "must be one key of 1 to 255 visible ASCII characters")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::KeyReused => {
                let error = ParamError::new("reused", "was used for another request");
                let error = error.of_header(Option::<IdempotencyKey>::NAME);
                Self::new(ProblemCode::IdempotencyKeyReused).with_error(error)
            }
            Refusal::InFlight => Self::new(ProblemCode::RequestInFlight).with_retry_after(IN_FLIGHT_RETRY_AFTER),
            Refusal::ReplayUnavailable => Self::new(ProblemCode::AnswerSpent),
        }
    }
}
