//! The request id: the client's own, or a new one.

use poem::http::{HeaderMap, HeaderName};

use crate::domain::clock::Clock;
use crate::domain::ids::uuid_v7;
use crate::domain::random::Random;

/// The header in both directions.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 64;

/// The id that the client gave if it is well formed (1 to 64 of `A-Za-z0-9._-`), else a `UUIDv7`.
pub(super) fn of(headers: &HeaderMap, clock: &dyn Clock, random: &dyn Random) -> String {
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_well_formed(id));
    given.map_or_else(|| uuid_v7(clock.now(), random).to_string(), ToOwned::to_owned)
}

fn is_well_formed(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
