//! The 429 response.

use poem::http::{HeaderName, HeaderValue};

use super::problem::{Problem, ProblemCode};
use crate::actions::Exceeded;
use crate::domain::clock::ceil_seconds;

/// What is left of a quota (draft-ietf-httpapi-ratelimit-headers section 4).
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quota (section 3 of the same draft).
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Answer 429 with `Retry-After`, `RateLimit` and `RateLimit-Policy`: the name of the limit, its
/// quota and window in seconds, the remaining quota (none) and the seconds to wait.
#[must_use]
pub fn rate_limited(exceeded: &Exceeded) -> Problem {
    let name = exceeded.limit.as_str();
    let wait = ceil_seconds(exceeded.retry_after);
    let (quota, window) = (exceeded.quota.burst, ceil_seconds(exceeded.quota.period));
    let problem = Problem::new(ProblemCode::RateLimited).with_retry_after(exceeded.retry_after);
    [
        (RATELIMIT, format!("\"{name}\";r=0;t={wait}")),
        (RATELIMIT_POLICY, format!("\"{name}\";q={quota};w={window}")),
    ]
    .into_iter()
    // A name and numbers are always a valid header; without it, `Retry-After` still says when to
    // retry.
    .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    .fold(problem, |problem, (name, value)| problem.with_header(name, value))
}
