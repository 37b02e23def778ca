//! Identifiers: `UUIDv7` (RFC 9562 section 5.7), so that keys sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::random::Random;

/// Makes a `UUIDv7` from a time and random bytes.
#[must_use]
pub fn uuid_v7(now: OffsetDateTime, random: &dyn Random) -> Uuid {
    let mut bytes = [0_u8; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id that nothing has: looking for it costs what looking for another one costs.
            pub const NIL: Self = Self(Uuid::nil());

            /// A new id, ordered by `now`.
            #[must_use]
            pub fn new_v7(now: OffsetDateTime, random: &dyn Random) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The id as a plain UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// A user.
    UserId
}
id! {
    /// A session: one login on one device.
    SessionId
}
id! {
    /// A second factor.
    FactorId
}
id! {
    /// A login that lacks the second factor.
    ChallengeId
}
impl EventId {
    /// A bound that every id of an event at `at` or later reaches, and no id of an earlier one: ids have whole milliseconds.
    #[must_use]
    pub fn first_at(at: OffsetDateTime) -> Self {
        let nanos = u128::try_from(at.unix_timestamp_nanos()).unwrap_or(0);
        Self(Uuid::from_u128(nanos.div_ceil(1_000_000) << 80))
    }
}

id! {
    /// An event; also its `Nats-Msg-Id` and CloudEvents `id`.
    EventId
}
