//! The list of all events. A new event needs a payload type, an example and one line here; the
//! enums, the subjects, the schemas, the documentation and the tests follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::payload;

/// The prefix of every subject. Exactly one token follows, so the stream's filter is `auth.user.*`.
pub const SUBJECT_PREFIX: &str = "auth.user.";

/// The catalogue's entry for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// The event.
    pub kind: EventKind,
    /// The event's name, in the past tense and snake_case, such as `logged_in`.
    pub name: &'static str,
    /// The subject: `auth.user.<name>`.
    pub subject: &'static str,
    /// The major version of the schema. It rises when a field is removed, renamed or changes its
    /// meaning.
    pub version: u32,
    /// What the event means, in one or two sentences.
    pub description: &'static str,
    /// Whether the event is always about a known account, so that `userId` and `userSeq` are
    /// required.
    pub about_known_user: bool,
}

macro_rules! catalogue {
    ($($kind:ident $name:literal v $version:literal $about:ident, $description:literal;)+) => {
        /// An event with its payload.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum AuthEvent {
            $(#[doc = $description] $kind(payload::$kind),)+
        }

        /// An event without its payload.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = $description] $kind,)+
        }

        /// All events, in the order in which the documentation lists them.
        pub const CATALOGUE: &[EventType] = &[$(EventKind::$kind.definition()),+];

        impl EventKind {
            /// Returns the catalogue's entry for this event.
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
                    },)+
                }
            }

            /// Reads the event's payload from a message's `data`.
            pub(crate) fn decode(self, data: &Map<String, Value>) -> Result<AuthEvent, serde_json::Error> {
                match self {
                    $(Self::$kind => payload::$kind::deserialize(data).map(AuthEvent::$kind),)+
                }
            }
        }

        impl AuthEvent {
            /// Returns the event without its payload.
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

        /// Calls the macro `$callback` with the names of all events.
        macro_rules! for_each_event {
            ($callback:ident) => {
                $callback! { $($kind)+ }
            };
        }
        pub(crate) use for_each_event;
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
    Registered "registered" v 1 known_user, "An account was created. If its owner registered it, the first session began.";
    LoggedIn "logged_in" v 1 known_user, "A user logged in, and a session began.";
    LoggedOut "logged_out" v 1 known_user, "A user ended one or more sessions.";
    TokenRefreshed "token_refreshed" v 1 known_user, "A refresh token was exchanged for a new one.";
    Updated "updated" v 1 known_user, "The account's name, type or profile changed.";
    EmailVerificationRequested "email_verification_requested" v 1 known_user, "The user requested another verification mail.";
    EmailVerified "email_verified" v 1 known_user, "The user verified the account's email address.";
    PasswordChanged "password_changed" v 1 known_user, "The password was changed. All sessions of the account ended.";
    PasswordResetRequested "password_reset_requested" v 1 anyone, "A client requested a password reset. `userId` is present only if the account is known.";
    PasswordResetCompleted "password_reset_completed" v 1 known_user, "The password was reset, with a mailed code or by the operator. All sessions of the account ended.";
    EmailChanged "email_changed" v 1 known_user, "The account's email address changed.";
    UsernameChanged "username_changed" v 1 known_user, "The account's username was set, changed or removed.";
    RoleGranted "role_granted" v 1 known_user, "A role was granted to the account.";
    RoleRevoked "role_revoked" v 1 known_user, "A role of the account was revoked.";
    Disabled "disabled" v 1 known_user, "The account was disabled. All its sessions ended.";
    Enabled "enabled" v 1 known_user, "A disabled account was enabled.";
    Unlocked "unlocked" v 1 known_user, "The account's login rate limit was reset.";
    Deleted "deleted" v 1 known_user, "The account was deleted. All its sessions ended.";
    LoginFailed "login_failed" v 1 anyone, "A login was refused. `userId` is present only if the account is known.";
    ReauthenticationFailed "reauthentication_failed" v 1 known_user, "An operation required the password again, and it was wrong. Nothing was changed.";
    RateLimited "rate_limited" v 1 anyone, "Requests were refused by a rate limit. One event covers about a minute of one limiter and key, and is about no account.";
    SessionRevoked "session_revoked" v 1 known_user, "Sessions were revoked. Their tokens are no longer accepted.";
    TokenReuseDetected "token_reuse_detected" v 1 known_user, "A refresh token was presented again after its exchange, and its session was revoked.";
    MfaEnrolled "mfa_enrolled" v 1 known_user, "A second factor was activated. Logins require it from now on.";
    MfaRemoved "mfa_removed" v 1 known_user, "A second factor was removed. Logins require only the password again.";
    MfaChallenged "mfa_challenged" v 1 known_user, "The password of a login was correct, and the second factor was requested.";
    MfaVerified "mfa_verified" v 1 known_user, "The second factor of a login was correct.";
    MfaFailed "mfa_failed" v 1 known_user, "The second factor of a login was wrong.";
    RecoveryCodesGenerated "recovery_codes_generated" v 1 known_user, "New recovery codes replaced the old ones.";
    RecoveryCodeUsed "recovery_code_used" v 1 known_user, "A login used a recovery code.";
    Custom "custom" v 1 known_user, "An application recorded an event of its own about its user.";
}

impl EventKind {
    /// Returns the subject on which the event is published.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        self.definition().subject
    }

    /// Returns the major version of the event's schema.
    #[must_use]
    pub const fn version(self) -> u32 {
        self.definition().version
    }

    /// Returns the event that is published on `subject`, if this version of the crate knows it.
    #[must_use]
    pub fn from_subject(subject: &str) -> Option<Self> {
        CATALOGUE.iter().find(|known| known.subject == subject).map(|known| known.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.subject())
    }
}

impl AuthEvent {
    /// Returns the subject on which the event is published.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        self.kind().subject()
    }

    /// Returns the major version of the event's schema.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.kind().version()
    }

    /// Returns the session that the event is about: its payload's `sessionId`.
    #[must_use]
    pub const fn session_id(&self) -> Option<Uuid> {
        match self {
            Self::LoggedIn(it) => Some(it.session_id),
            Self::LoggedOut(it) => Some(it.session_id),
            Self::TokenRefreshed(it) => Some(it.session_id),
            Self::SessionRevoked(it) => it.session_id,
            Self::Registered(it) => it.session_id,
            Self::TokenReuseDetected(it) => Some(it.session_id),
            Self::ReauthenticationFailed(it) => it.session_id,
            // A test compares this with every example.
            _ => None,
        }
    }
}
