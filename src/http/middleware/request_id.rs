//! Takes the request id from the client, or generates one.

use poem::http::{HeaderMap, HeaderName};

use crate::domain::clock::Clock;
use crate::domain::ids::uuid_v7;
use crate::domain::random::Random;

/// A request header and a response header.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 64;

/// The number of random bytes of a new id.
pub(super) const RANDOM: usize = 10;

/// Return the client's id if it is well-formed (1 to 64 of `A-Za-z0-9._-`), else a `UUIDv7` made of
/// the random bytes `fresh`.
pub(super) fn of(headers: &HeaderMap, clock: &dyn Clock, fresh: [u8; RANDOM]) -> String {
    let sent = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_well_formed(id));
    sent.map_or_else(|| uuid_v7(clock.now(), &Drawn(fresh)).to_string(), ToOwned::to_owned)
}

/// Random bytes that were drawn before, in one draw for the whole request.
struct Drawn([u8; RANDOM]);

impl Random for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, drawn) in bytes.iter_mut().zip(self.0) {
            *byte = drawn;
        }
    }
}

fn is_well_formed(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
