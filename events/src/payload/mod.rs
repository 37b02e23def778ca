//! The payload of every event: the fields of `data` beside `userId`, `timestamp`, `userSeq` and
//! `actor`.
//!
//! The types have no field for a secret, and what a client typed into a login form appears as a
//! keyed hash only. Within a major version an optional field may be added, and an enum may get
//! values: each has a case for a value that this version does not know. Only what is sent today is
//! listed.
//!
//! Personal data is optional, since the profile [`Pii`](crate::Pii) may leave it out.
//!
//! Two rules hold for every event, also for those that a reader does not know yet. A field that an
//! account has in the HTTP API has its name here, and its new value. `endedSessionIds` names the
//! sessions that the event ended.

mod accounts;
mod custom;
mod identifier_hash;
mod mfa;
mod passwords;
mod rate_limits;
mod reauthentication;
mod replays;
mod sessions;
mod users;

use schemars::{Schema, SchemaGenerator, json_schema};

pub use self::accounts::{
    AccountStatus, ChangedField, Deleted, DeletedReason, EmailChanged, EmailVerificationRequested, EmailVerified,
    Registered, Updated, UsernameChanged,
};
pub use self::custom::Custom;
pub use self::identifier_hash::{IdentifierHash, ParseIdentifierHashError};
pub use self::mfa::{
    FactorType, MfaChallenged, MfaEnrolled, MfaFailed, MfaRemoved, MfaVerified, RecoveryCodeUsed,
    RecoveryCodesGenerated,
};
pub use self::passwords::{PasswordChanged, PasswordResetCompleted, PasswordResetRequested};
pub use self::rate_limits::RateLimited;
pub use self::reauthentication::{ReauthenticationFailed, ReauthenticationFailedReason, ReauthenticationOperation};
pub use self::replays::{ReplayStarted, ReplayTarget};
pub use self::sessions::{
    AuthMethod, LoggedIn, LoggedOut, LoginFailed, LoginFailedReason, LoginMethod, LogoutScope, ReuseAction,
    SessionRevoked, SessionRevokedReason, TokenRefreshed, TokenReuseDetected,
};
pub use self::users::{
    Disabled, DisabledReason, Enabled, EnabledReason, RoleGranted, RoleRevoked, Unlocked, UnlockedReason,
};

/// The most sessions that one event lists.
pub const MAX_ENDED_SESSIONS: usize = 100;

/// The ids of the sessions that an event ended.
fn ended_sessions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "format": "uuid" },
        "minItems": 1,
        "maxItems": MAX_ENDED_SESSIONS,
    })
}

/// JSON Schema has no format for an IP address of either family.
fn ip_address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
}
