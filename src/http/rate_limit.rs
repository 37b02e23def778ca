//! The answer to one try too many.

use poem::http::{HeaderName, HeaderValue};

use super::problem::{Problem, ProblemCode};
use crate::actions::Exceeded;

/// What is left of a quota (draft-ietf-httpapi-ratelimit-headers section 4).
pub const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quota (section 3 of the same).
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// 429 with `Retry-After`, `RateLimit` and `RateLimit-Policy`: the limiter's name, its quota and window in seconds, nothing left, and
/// the seconds to wait.
#[must_use]
pub fn rate_limited(exceeded: &Exceeded) -> Problem {
    let name = exceeded.limit.as_str();
    let wait = seconds(exceeded.retry_after);
    let (quota, window) = (exceeded.quota.burst, seconds(exceeded.quota.period));
    let problem = Problem::new(ProblemCode::RateLimited).with_retry_after(exceeded.retry_after);
    [
        (RATELIMIT, format!("\"{name}\";r=0;t={wait}")),
        (RATELIMIT_POLICY, format!("\"{name}\";q={quota};w={window}")),
    ]
    .into_iter()
    // A name and numbers always make a header; without it the answer still says when to come back.
    .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    .fold(problem, |problem, (name, value)| problem.with_header(name, value))
}

/// Whole seconds, rounded up as in `Retry-After`, at least 1.
const fn seconds(duration: std::time::Duration) -> u64 {
    let rounded_up = duration.as_secs() + (duration.subsec_nanos() > 0) as u64;
    if rounded_up == 0 { 1 } else { rounded_up }
}
