//! Identifiers and sequence numbers, with a type for each kind.
//!
//! Identifiers are `UUIDv7` (RFC 9562 section 5.7), so that keys sort by creation time.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::random::Random;

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
            /// An id that is never assigned. A query for it costs as much as a query for any other
            /// id.
            pub const NIL: Self = Self(Uuid::nil());

            #[must_use]
            pub fn new_v7(now: OffsetDateTime, random: &dyn Random) -> Self {
                Self(uuid_v7(now, random))
            }

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
    UserId
}
id! {
    /// A session: one login on one device.
    SessionId
}
id! {
    FactorId
}
id! {
    /// A login that waits for the second factor.
    ChallengeId
}
id! {
    /// An event; also its `Nats-Msg-Id` and CloudEvents `id`.
    EventId
}

impl EventId {
    /// The lower bound of the ids of events at `at` or later. Ids have whole milliseconds, so it
    /// rounds up.
    #[must_use]
    pub fn first_at(at: OffsetDateTime) -> Self {
        let nanos = u128::try_from(at.unix_timestamp_nanos()).unwrap_or(0);
        Self(Uuid::from_u128(nanos.div_ceil(1_000_000) << 80))
    }
}

macro_rules! sequence {
    ($(#[$doc:meta])* $name:ident($number:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name($number);

        impl $name {
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }

            #[must_use]
            pub const fn saturating_add(self, distance: $number) -> Self {
                Self(self.0.saturating_add(distance))
            }

            #[must_use]
            pub const fn saturating_sub(self, distance: $number) -> Self {
                Self(self.0.saturating_sub(distance))
            }
        }

        impl From<$number> for $name {
            fn from(number: $number) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

sequence! {
    /// The position of an event in the ledger. The default comes before every event.
    LedgerSeq(i64)
}
sequence! {
    /// The stream sequence: where JetStream stored a message. The default comes before every
    /// message.
    StreamSeq(u64)
}
sequence! {
    /// The user sequence: the number of an event among the events about its user, counted from 1.
    UserSeq(i64)
}

/// The history that sequences belong to. When rows get other sequences, as after the restore of a
/// backup, the epoch rises, and cursors of the epochs before it are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u32);

impl Epoch {
    pub const FIRST: Self = Self(1);

    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<u32> for Epoch {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

/// The place behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub epoch: Epoch,
    pub seq: LedgerSeq,
}

/// Why a cursor is not of this ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignCursor {
    #[error("the cursor is of an earlier history of the ledger")]
    OtherEpoch,
    /// The ledger has not reached the sequence, so that it is one of another ledger.
    #[error("the cursor is beyond the end of the ledger")]
    BeyondEnd,
}
