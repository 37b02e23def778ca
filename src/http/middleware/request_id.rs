//! The request id: the client's own, or a new one.

use poem::http::{HeaderMap, HeaderName};

use crate::domain::clock::Clock;
use crate::domain::ids::uuid_v7;
use crate::domain::random::Random;

/// The header in both directions.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 64;

/// Random bytes that a new id takes.
pub(super) const RANDOM: usize = 10;

/// The id that the client gave if it is well formed (1 to 64 of `A-Za-z0-9._-`), else a `UUIDv7` of `fresh`.
pub(super) fn of(headers: &HeaderMap, clock: &dyn Clock, fresh: [u8; RANDOM]) -> String {
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_well_formed(id));
    given.map_or_else(|| uuid_v7(clock.now(), &Ready(fresh)).to_string(), ToOwned::to_owned)
}

/// Random bytes that were drawn before: all that a request needs come from one draw.
struct Ready([u8; RANDOM]);

impl Random for Ready {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, ready) in bytes.iter_mut().zip(self.0) {
            *byte = ready;
        }
    }
}

fn is_well_formed(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
