//! The one list of all events. A new event is a payload type, its example and one line here; the enums,
//! the subjects, the schemas, the documentation and the tests follow from it.

use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::event::Event;
use crate::example::{self, Example};
use crate::payload;
use crate::wire;

/// What every subject begins with. Exactly one token follows, so the stream's filter is `auth.user.*`.
pub const SUBJECT_PREFIX: &str = "auth.user.";

/// What the catalogue says about one event.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// The event.
    pub kind: EventKind,
    /// Its name: past tense, snake_case, such as `logged_in`.
    pub name: &'static str,
    /// Its subject: `auth.user.<name>`.
    pub subject: &'static str,
    /// Its major version; it rises only when a field is removed, renamed or gets another meaning.
    pub version: u32,
    /// One line about it.
    pub description: &'static str,
    /// Whether it is always about a known account, so that `userId` and `userSeq` are required.
    pub about_known_user: bool,
    example: fn() -> Event,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl EventType {
    /// A realistic event of this type, the same on every call.
    #[must_use]
    pub fn example(&self) -> Event {
        (self.example)()
    }

    /// The schema of the whole message body, before it is finished by [`crate::schema::document`].
    pub(crate) fn body_schema(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.schema)(generator)
    }
}

macro_rules! catalogue {
    ($($kind:ident $name:literal v $version:literal $about:ident, $description:literal;)+) => {
        /// Something that happened to an account, with its payload.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum AuthEvent {
            $(#[doc = $description] $kind(payload::$kind),)+
        }

        /// The events' names without their payloads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $description] $kind,)+
        }

        /// All events, in the order of the documentation.
        pub const CATALOGUE: &[EventType] = &[$(EventKind::$kind.definition()),+];

        impl EventKind {
            /// What the catalogue says about this event.
            #[must_use]
            pub const fn definition(self) -> EventType {
                match self {
                    $(Self::$kind => EventType {
                        kind: Self::$kind,
                        name: $name,
                        subject: concat!("auth.user.", $name),
                        version: $version,
                        description: $description,
                        about_known_user: about!($about),
                        example: || example::event(payload::$kind::example()),
                        schema: wire::body_schema::<payload::$kind>,
                    },)+
                }
            }

            /// Reads the payload fields of this event out of a message's `data`.
            pub(crate) fn decode(self, data: &Map<String, Value>) -> Result<AuthEvent, serde_json::Error> {
                match self {
                    $(Self::$kind => payload::$kind::deserialize(data).map(AuthEvent::$kind),)+
                }
            }
        }

        impl AuthEvent {
            /// Which event this is.
            #[must_use]
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind(_) => EventKind::$kind,)+
                }
            }
        }

        $(impl From<payload::$kind> for AuthEvent {
            fn from(payload: payload::$kind) -> Self {
                Self::$kind(payload)
            }
        })+
    };
}

macro_rules! about {
    (known_user) => {
        true
    };
    (anyone) => {
        false
    };
}

catalogue! {
    Registered "registered" v 1 known_user, "A new account exists.";
    LoggedIn "logged_in" v 1 known_user, "Credentials were accepted and a session began.";
    LoggedOut "logged_out" v 1 known_user, "The person ended one or more sessions.";
    TokenRefreshed "token_refreshed" v 1 known_user, "A refresh token was exchanged for its successor.";
    Updated "updated" v 1 known_user, "The account's own data changed.";
    EmailVerificationRequested "email_verification_requested" v 1 known_user, "The person asked for another mail to confirm the address.";
    EmailVerified "email_verified" v 1 known_user, "The person confirmed the account's address.";
    PasswordChanged "password_changed" v 1 known_user, "The password was changed; every session of the account ended.";
    PasswordResetRequested "password_reset_requested" v 1 anyone, "Somebody asked for a new password; `userId` is present only when the account is known.";
    PasswordResetCompleted "password_reset_completed" v 1 known_user, "A new password was set with a mailed code; every session of the account ended.";
    Deleted "deleted" v 1 known_user, "The account was deleted.";
    LoginFailed "login_failed" v 1 anyone, "A login was refused; `userId` is present only when the account is known.";
    RateLimited "rate_limited" v 1 anyone, "Tries were refused for being too many; about a minute of one limiter and key, never about a known account.";
    SessionRevoked "session_revoked" v 1 known_user, "A session was ended before its time; its tokens are no longer accepted.";
    TokenReuseDetected "token_reuse_detected" v 1 known_user, "A refresh token that was already exchanged came back, and its session was revoked.";
    MfaEnrolled "mfa_enrolled" v 1 known_user, "A second factor is in use: logins need it from now on.";
    MfaRemoved "mfa_removed" v 1 known_user, "A second factor was given up: logins need the password alone again.";
    MfaChallenged "mfa_challenged" v 1 known_user, "A login's password was right, and the second factor was asked for.";
    MfaVerified "mfa_verified" v 1 known_user, "The second factor of a login was right.";
    MfaFailed "mfa_failed" v 1 known_user, "The second factor of a login was wrong.";
    RecoveryCodesGenerated "recovery_codes_generated" v 1 known_user, "New recovery codes took the place of the old ones.";
    RecoveryCodeUsed "recovery_code_used" v 1 known_user, "A login used up a recovery code.";
    Custom "custom" v 1 known_user, "An application recorded something of its own about its user.";
}

impl EventKind {
    /// The subject this event is published on.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        self.definition().subject
    }

    /// The major version of the event's schema.
    #[must_use]
    pub const fn version(self) -> u32 {
        self.definition().version
    }

    /// The event published on `subject`, if this version of the crate knows it.
    #[must_use]
    pub fn from_subject(subject: &str) -> Option<Self> {
        CATALOGUE
            .iter()
            .find(|known| known.subject == subject)
            .map(|known| known.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.subject())
    }
}

impl AuthEvent {
    /// The subject this event is published on.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        self.kind().subject()
    }

    /// The major version of the event's schema.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.kind().version()
    }

    /// The session this event is about: what its payload calls `sessionId`.
    #[must_use]
    pub const fn session_id(&self) -> Option<Uuid> {
        match self {
            Self::LoggedIn(it) => Some(it.session_id),
            Self::LoggedOut(it) => Some(it.session_id),
            Self::TokenRefreshed(it) => Some(it.session_id),
            Self::SessionRevoked(it) => Some(it.session_id),
            Self::TokenReuseDetected(it) => Some(it.session_id),
            // A test compares every example with this.
            _ => None,
        }
    }
}
