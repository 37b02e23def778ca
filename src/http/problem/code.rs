//! The kinds of problems.

use poem::http::StatusCode;
use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

/// Where the `type` of every problem begins, on every installation: an identifier, which clients
/// may compare and which does not change with the address of the service (RFC 9457 section 3.1.1).
const TYPE_BASE: &str = "https://watchword-auth.github.io/watchword/problems/";

macro_rules! codes {
    ($($variant:ident, $code:literal, $status:ident, $title:literal, $explanation:literal;)*) => {
        /// The stable code of a problem. The service explains it at `/problems/<code>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
        #[oai(rename_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $(
                #[doc = $title]
                $variant,
            )*
        }

        impl ProblemCode {
            /// Every code, by status.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as the client gets it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status of the code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// A short title, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what to do: the default detail of an occurrence.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }

            /// The problem's `type`: the same on every installation.
            pub(crate) fn type_uri(self) -> String {
                format!("{TYPE_BASE}{}", self.as_str())
            }
        }
    };
}

codes! {
    BadRequest, "bad_request", BAD_REQUEST, "Bad request",
        "The service does not understand the request.";
    InvalidJson, "invalid_json", BAD_REQUEST, "The body is not valid JSON",
        "Send one JSON value in UTF-8, without duplicate keys and not nested deeper than 32 levels.";
    InvalidParameter, "invalid_parameter", BAD_REQUEST, "A parameter is not valid",
        "The errors list the parameters of the path or the query and the headers that are not valid.";
    AuthenticationRequired, "authentication_required", UNAUTHORIZED, "Authentication is required",
        "Send an access token: Authorization: Bearer <token>.";
    InvalidToken, "invalid_token", UNAUTHORIZED, "The access token is not valid",
        "The access token is malformed, expired or revoked. Refresh it or log in again.";
    InvalidRefreshToken, "invalid_refresh_token", UNAUTHORIZED, "The refresh token is not valid",
        "The refresh token is malformed, expired, already used or revoked. Log in again.";
    InvalidCredentials, "invalid_credentials", UNAUTHORIZED, "The credentials are not valid",
        "No active account has this identifier and password.";
    InvalidChallenge, "invalid_challenge", UNAUTHORIZED, "The login cannot be continued",
        "The challenge expired, was used, or had too many wrong codes. Log in again.";
    InvalidSecondFactor, "invalid_second_factor", UNAUTHORIZED, "The code is not valid",
        "The code is wrong, expired or already used. Wait for the next one.";
    MfaRequired, "mfa_required", FORBIDDEN, "A second factor is required",
        "The password is correct. Send the challengeToken and a code to /auth/mfa/verify.";
    Forbidden, "forbidden", FORBIDDEN, "Not allowed",
        "This account is not allowed to do this.";
    NotFound, "not_found", NOT_FOUND, "Not found",
        "There is no such resource, or this account is not allowed to see it.";
    MethodNotAllowed, "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed",
        "The Allow header lists the methods of this path.";
    RequestTimeout, "request_timeout", REQUEST_TIMEOUT, "The request took too long to arrive",
        "The body did not arrive in time. Retry the request.";
    Conflict, "conflict", CONFLICT, "Conflict with the current state",
        "The request conflicts with the current state of the resource. Read it again.";
    EmailTaken, "email_taken", CONFLICT, "The email address is taken",
        "An account with this email address exists. Log in, or use another address.";
    UsernameTaken, "username_taken", CONFLICT, "The username is taken",
        "An account with this username exists. Choose another one.";
    RequestInFlight, "request_in_flight", CONFLICT, "The request is in flight",
        "The first request with this Idempotency-Key has not ended. Retry after the seconds in Retry-After.";
    AnswerSpent, "answer_spent", CONFLICT, "The response cannot be replayed",
        "The request with this Idempotency-Key succeeded, but its tokens were used or its session ended since. Log in.";
    MfaAlreadyEnrolled, "mfa_already_enrolled", CONFLICT, "An authenticator is active",
        "Remove it first: POST /auth/mfa/totp/remove.";
    LastAdministrator, "last_administrator", CONFLICT, "The last administrator",
        "The service must keep one active administrator. Appoint another one first.";
    PreconditionFailed, "precondition_failed", PRECONDITION_FAILED, "The resource has changed",
        "If-Match does not name the current version. Read the resource again before you change it.";
    PayloadTooLarge, "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is larger than the service accepts.";
    UnsupportedMediaType, "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The media type is not supported",
        "Send the body with Content-Type: application/json and without Content-Encoding.";
    ValidationFailed, "validation_failed", UNPROCESSABLE_ENTITY, "The request is not valid",
        "The errors list the fields of the body that are not valid.";
    IdempotencyKeyReused, "idempotency_key_reused", UNPROCESSABLE_ENTITY,
        "The Idempotency-Key was used for another request",
        "Send a new key with each new request, and the same key only to repeat a request.";
    InvalidCode, "invalid_code", UNPROCESSABLE_ENTITY, "The code is not valid",
        "The code is unknown, expired, already used or replaced by a newer one. Request a new email.";
    HeadTooLarge, "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large",
        "The path and the headers are larger than 16 KiB together, or more than 100. Send fewer headers and cookies.";
    RateLimited, "rate_limited", TOO_MANY_REQUESTS, "Too many requests",
        "Too many requests of this kind. Retry after the seconds in Retry-After.";
    InternalError, "internal_error", INTERNAL_SERVER_ERROR, "Internal error",
        "The service failed. Its logs have the cause under the request id.";
    CustomEventsDisabled, "custom_events_disabled", NOT_IMPLEMENTED, "Custom events are switched off",
        "This installation records no events of applications (`events.custom`).";
    MailNotConfigured, "mail_not_configured", NOT_IMPLEMENTED, "Mail is not configured",
        "This operation sends an email, and no mail server is configured.";
    Overloaded, "overloaded", SERVICE_UNAVAILABLE, "The service is at capacity",
        "The service has no free capacity. Nothing was changed. Retry after the seconds in Retry-After.";
    ServiceUnavailable, "service_unavailable", SERVICE_UNAVAILABLE, "The service is not available",
        "Something that the service depends on does not answer. Retry after the seconds in Retry-After.";
    DeadlineExceeded, "deadline_exceeded", SERVICE_UNAVAILABLE, "The request took too long",
        "The response was not ready in time, and the request may still succeed. Check before you retry.";
}
