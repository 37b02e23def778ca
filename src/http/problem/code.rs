//! Every kind of problem the service can answer with.

use poem::http::StatusCode;
use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident, $code:literal, $status:ident, $title:literal, $explanation:literal;)*) => {
        /// The stable code of a problem. Its page at `<base>/problems/<code>` is the problem's `type`.
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
            /// Every code, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it is sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it is normally sent with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// A few words, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means and what to do; the detail of an occurrence unless the route has a better one.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }

            /// The end of the problem's `type`, below the configured base.
            pub(crate) fn relative_uri(self) -> String {
                format!("problems/{}", self.as_str())
            }
        }
    };
}

codes! {
    BadRequest, "bad_request", BAD_REQUEST, "Bad request",
        "The request is not one that the service understands.";
    InvalidJson, "invalid_json", BAD_REQUEST, "The body is not valid JSON",
        "Send one JSON value in UTF-8, without duplicate keys and not nested deeper than 32 levels.";
    InvalidParameter, "invalid_parameter", BAD_REQUEST, "A parameter is not valid",
        "A parameter of the path, the query or the headers is missing or not in its documented form.";
    AuthenticationRequired, "authentication_required", UNAUTHORIZED, "Authentication is required",
        "Send an access token: Authorization: Bearer <token>.";
    InvalidToken, "invalid_token", UNAUTHORIZED, "The access token is not valid",
        "The access token is malformed, expired or revoked. Refresh it or log in again.";
    InvalidRefreshToken, "invalid_refresh_token", UNAUTHORIZED, "The refresh token is not valid",
        "The refresh token is malformed, expired, used or revoked. Log in again.";
    InvalidCredentials, "invalid_credentials", UNAUTHORIZED, "The credentials are not valid",
        "No active account has this identifier and password.";
    MfaRequired, "mfa_required", UNAUTHORIZED, "The second factor is required",
        "The password is right. Send challengeToken and a code to /auth/mfa/verify.";
    InvalidChallenge, "invalid_challenge", UNAUTHORIZED, "The login cannot be continued",
        "The challenge is over, was met, or had too many wrong codes. Log in again.";
    InvalidSecondFactor, "invalid_second_factor", UNAUTHORIZED, "The code is not valid",
        "The code is wrong, too old, or was used before. WaitingFor for the next one.";
    Forbidden, "forbidden", FORBIDDEN, "Not allowed",
        "The account may not do this.";
    NotFound, "not_found", NOT_FOUND, "Not found",
        "There is nothing here, or nothing that the account may see.";
    MethodNotAllowed, "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed",
        "The Allow header names the methods that this path understands.";
    RequestTimeout, "request_timeout", REQUEST_TIMEOUT, "The request took too long to arrive",
        "The body did not arrive in time. Send the request again.";
    Conflict, "conflict", CONFLICT, "Conflict with the current state",
        "The request does not fit the current state of the resource. Read it again.";
    EmailTaken, "email_taken", CONFLICT, "The email address is taken",
        "An account with this email address exists. Log in, or use another address.";
    UsernameTaken, "username_taken", CONFLICT, "The username is taken",
        "An account with this username exists. Choose another one.";
    RequestInFlight, "request_in_flight", CONFLICT, "The request is being carried out",
        "The first request with this Idempotency-Key has not ended yet. Send it again after Retry-After to get its answer.";
    AnswerSpent, "answer_spent", CONFLICT, "The answer can't be given again",
        "The request with this Idempotency-Key was carried out, and its tokens were used or its session ended since. Log in.";
    MfaAlreadyEnrolled, "mfa_already_enrolled", CONFLICT, "An authenticator is in use",
        "Give it up first: DELETE /auth/mfa/totp.";
    LastAdministrator, "last_administrator", CONFLICT, "The last administrator",
        "Nobody could administer the service any more. Make another administrator first.";
    PreconditionFailed, "precondition_failed", PRECONDITION_FAILED, "The resource has changed",
        "If-Match names a version that is not the current one. Read the resource again, and decide again.";
    PayloadTooLarge, "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is larger than the service accepts.";
    UnsupportedMediaType, "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The media type is not supported",
        "Send the body with Content-Type: application/json and without Content-Encoding.";
    ValidationFailed, "validation_failed", UNPROCESSABLE_ENTITY, "The request is not acceptable",
        "The errors name the fields or parameters that are not acceptable.";
    IdempotencyKeyReused, "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request",
        "Send another key with every new request, and the same key only with the same request.";
    InvalidCode, "invalid_code", UNPROCESSABLE_ENTITY, "The code is not valid",
        "The code is unknown, used, too old or replaced by a newer one. Ask for a new mail.";
    RateLimited, "rate_limited", TOO_MANY_REQUESTS, "Too many requests",
        "Too many requests of this kind. Retry-After says when to try again.";
    InternalError, "internal_error", INTERNAL_SERVER_ERROR, "Internal error",
        "The service failed. The request id finds the cause in its logs.";
    MailNotConfigured, "mail_not_configured", NOT_IMPLEMENTED, "The service sends no mail",
        "No mail server is configured, so nobody would get the mail that this needs.";
    Overloaded, "overloaded", SERVICE_UNAVAILABLE, "The service is at capacity",
        "The service has more work than it can do now. Nothing was changed. Retry-After says when to try again.";
    ServiceUnavailable, "service_unavailable", SERVICE_UNAVAILABLE, "The service is not available",
        "Something that the service needs is not reachable. Retry-After says when to try again.";
    DeadlineExceeded, "deadline_exceeded", SERVICE_UNAVAILABLE, "The request took too long",
        "The answer was not ready in time; what was asked may still be done. Look before trying again.";
}
