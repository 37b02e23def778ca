//! Converts the framework's errors to problems. poem's own messages are not used, since they repeat
//! the client's input.

use poem::Error;
use poem::error::{MethodNotAllowedError, NotFoundError, ParsePathError, ReadBodyError};
use poem::http::StatusCode;
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseMultipartError, ParseParamError, ParseRequestPayloadError,
};

use super::{FieldError, Problem, ProblemCode};

pub(crate) fn problem_of_error(error: &Error) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if error.is::<NotFoundError>() {
        return ProblemCode::NotFound.into();
    }
    if error.is::<MethodNotAllowedError>() {
        return ProblemCode::MethodNotAllowed.into();
    }
    if error.is::<ContentTypeError>() {
        return ProblemCode::UnsupportedMediaType.into();
    }
    if error.is::<AuthorizationError>() {
        return ProblemCode::AuthenticationRequired.into();
    }
    if error.is::<ParseRequestPayloadError>() || error.is::<ParseMultipartError>() {
        return ProblemCode::BadRequest.into();
    }
    // No route was looked for. What a route finds in its path is parsed by `http::parameters`.
    if error.is::<ParsePathError>() {
        return Problem::new(ProblemCode::BadRequest).with_detail("The path is not UTF-8.");
    }
    if let Some(parameter) = error.downcast_ref::<ParseParamError>() {
        // The name is that of the operation's parameter, not input. Headers have extractors of
        // their own, with errors of their own.
        return FieldError::parameter(parameter.name, "invalid_format", "is missing or malformed").into();
    }
    if let Some(ReadBodyError::PayloadTooLarge) = error.downcast_ref::<ReadBodyError>() {
        return ProblemCode::PayloadTooLarge.into();
    }
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), error = %error, "request failed");
    }
    problem_of_status(status)
}

pub(crate) fn problem_of_status(status: StatusCode) -> Problem {
    let code = match status {
        StatusCode::UNAUTHORIZED => ProblemCode::AuthenticationRequired,
        StatusCode::FORBIDDEN => ProblemCode::Forbidden,
        StatusCode::NOT_FOUND => ProblemCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemCode::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => ProblemCode::RequestTimeout,
        StatusCode::CONFLICT => ProblemCode::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemCode::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemCode::UnsupportedMediaType,
        StatusCode::UNPROCESSABLE_ENTITY => ProblemCode::ValidationFailed,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ProblemCode::HeadTooLarge,
        StatusCode::TOO_MANY_REQUESTS => ProblemCode::RateLimited,
        StatusCode::SERVICE_UNAVAILABLE => ProblemCode::ServiceUnavailable,
        other if other.is_client_error() => ProblemCode::BadRequest,
        _ => ProblemCode::InternalError,
    };
    Problem::new(code)
}
