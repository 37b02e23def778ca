//! The list of all events. A new event needs a payload type, an example and one line here; the
//! enums, the subjects, the schemas, the documentation and the tests follow from it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::payload;

/// The subjects of all events, as filters: what happened to an account, what applications record,
/// and what is about no account. Exactly one token follows each prefix.
pub const SUBJECT_FILTERS: [&str; 3] = [USER_EVENTS, "auth.custom.*", "auth.system.*"];

/// The subjects of what happened to accounts.
pub const USER_EVENTS: &str = "auth.user.*";

const USER_PREFIX: &str = "auth.user.";

/// Whether an event of this name is about what happened to an account.
#[cfg(feature = "subscriber")]
pub(crate) fn is_user_event(subject: &str) -> bool {
    subject.starts_with(USER_PREFIX)
}

/// The subject of [`EventKind::Custom`] without the application's name.
const CUSTOM: &str = "auth.custom";

/// The catalogue's entry for one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventType {
    /// The event.
    pub kind: EventKind,
    /// The event's name, in the past tense and snake_case, such as `logged_in`.
    pub name: &'static str,
    /// The subject, such as `auth.user.logged_in`. For [`EventKind::Custom`] it is `auth.custom`,
    /// which stands for all applications' names: schemas, counts and filters know them as one kind.
    pub subject: &'static str,
    /// The major version of the schema. It rises when a field is removed, renamed or changes its
    /// meaning.
    pub version: u32,
    /// What the event means, in one or two sentences.
    pub description: &'static str,
    /// Whether the event is always about a known account, so that `userId` is required.
    pub about_known_user: bool,
}

impl EventType {
    /// Whether the event has a number among the events about its account, `userSeq`: only what
    /// happened to the account has one.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.subject.starts_with(USER_PREFIX)
    }

    /// Returns the subject as a filter: for [`EventKind::Custom`] with a wildcard.
    #[must_use]
    pub const fn filter(&self) -> &'static str {
        match self.kind {
            EventKind::Custom => "auth.custom.*",
            _ => self.subject,
        }
    }
}

macro_rules! catalogue {
    ($($kind:ident $subject:literal $name:literal v $version:literal $about:ident, $description:literal;)+) => {
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
                        subject: $subject,
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
    Registered "auth.user.registered" "registered" v 1 known_user, "An account was created. If its owner registered it, the first session began.";
    LoggedIn "auth.user.logged_in" "logged_in" v 1 known_user, "A user logged in, and a session began.";
    LoggedOut "auth.user.logged_out" "logged_out" v 1 known_user, "A user ended one or more sessions.";
    TokenRefreshed "auth.user.token_refreshed" "token_refreshed" v 1 known_user, "A refresh token was exchanged for a new one.";
    Updated "auth.user.updated" "updated" v 1 known_user, "The account's name, type or profile changed.";
    EmailVerificationRequested "auth.user.email_verification_requested" "email_verification_requested" v 1 known_user, "The user requested another verification mail.";
    EmailVerified "auth.user.email_verified" "email_verified" v 1 known_user, "The user verified the account's email address.";
    PasswordChanged "auth.user.password_changed" "password_changed" v 1 known_user, "The password was changed. All sessions of the account ended.";
    PasswordResetRequested "auth.user.password_reset_requested" "password_reset_requested" v 1 anyone, "A client requested a password reset. `userId` is present only if the account is known.";
    PasswordResetCompleted "auth.user.password_reset_completed" "password_reset_completed" v 1 known_user, "The password was reset, with a mailed code or by the operator. All sessions of the account ended.";
    EmailChanged "auth.user.email_changed" "email_changed" v 1 known_user, "The account's email address changed.";
    UsernameChanged "auth.user.username_changed" "username_changed" v 1 known_user, "The account's username was set, changed or removed.";
    RoleGranted "auth.user.role_granted" "role_granted" v 1 known_user, "A role was granted to the account.";
    RoleRevoked "auth.user.role_revoked" "role_revoked" v 1 known_user, "A role of the account was revoked.";
    Disabled "auth.user.disabled" "disabled" v 1 known_user, "The account was disabled. All its sessions ended.";
    Enabled "auth.user.enabled" "enabled" v 1 known_user, "A disabled account was enabled.";
    Unlocked "auth.user.unlocked" "unlocked" v 1 known_user, "The account's login rate limit was reset.";
    Deleted "auth.user.deleted" "deleted" v 1 known_user, "The account was deleted. All its sessions ended.";
    LoginFailed "auth.user.login_failed" "login_failed" v 1 anyone, "A login was refused. `userId` is present only if the account is known.";
    ReauthenticationFailed "auth.user.reauthentication_failed" "reauthentication_failed" v 1 known_user, "An operation required the password again, and it was wrong. Nothing was changed.";
    RateLimited "auth.system.rate_limited" "rate_limited" v 1 anyone, "Requests were refused by a rate limit. One event covers about a minute of one limiter and key, and is about no account.";
    ReplayStarted "auth.system.replay_started" "replay_started" v 1 anyone, "A replay of events was started. It is about no account; `actor` is the administrator, or the service `operator`.";
    SessionRevoked "auth.user.session_revoked" "session_revoked" v 1 known_user, "Sessions were revoked. Their tokens are no longer accepted.";
    TokenReuseDetected "auth.user.token_reuse_detected" "token_reuse_detected" v 1 known_user, "A refresh token was presented again after its exchange, and its session was revoked.";
    MfaEnrolled "auth.user.mfa_enrolled" "mfa_enrolled" v 1 known_user, "A second factor was activated. Logins require it from now on.";
    MfaRemoved "auth.user.mfa_removed" "mfa_removed" v 1 known_user, "A second factor was removed. Logins require only the password again.";
    MfaChallenged "auth.user.mfa_challenged" "mfa_challenged" v 1 known_user, "The password of a login was correct, and the second factor was requested.";
    MfaVerified "auth.user.mfa_verified" "mfa_verified" v 1 known_user, "The second factor of a login was correct.";
    MfaFailed "auth.user.mfa_failed" "mfa_failed" v 1 known_user, "The second factor of a login was wrong.";
    RecoveryCodesGenerated "auth.user.recovery_codes_generated" "recovery_codes_generated" v 1 known_user, "New recovery codes replaced the old ones.";
    RecoveryCodeUsed "auth.user.recovery_code_used" "recovery_code_used" v 1 known_user, "A login used a recovery code.";
    Custom "auth.custom" "custom" v 1 known_user, "An application recorded an event of its own about its user.";
}

impl EventKind {
    /// Returns the subject on which the event is published; for [`EventKind::Custom`] without the
    /// application's name.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        self.definition().subject
    }

    /// Returns the subject as a filter: for [`EventKind::Custom`] with a wildcard.
    #[must_use]
    pub const fn filter(self) -> &'static str {
        self.definition().filter()
    }

    /// Returns the major version of the event's schema.
    #[must_use]
    pub const fn version(self) -> u32 {
        self.definition().version
    }

    /// Returns the event that is published on `subject`, if this version of the crate knows it.
    #[must_use]
    pub fn from_subject(subject: &str) -> Option<Self> {
        let (subject, _) = split_subject(subject);
        CATALOGUE.iter().find(|known| known.subject == subject).map(|known| known.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.subject())
    }
}

/// Splits a subject into that of its kind and the name that an application gave:
/// `auth.custom.playlist_shared` is `auth.custom` and `playlist_shared`. Only custom events have
/// such a name.
#[must_use]
pub fn split_subject(subject: &str) -> (&str, Option<&str>) {
    let name = subject.strip_prefix(CUSTOM).and_then(|rest| rest.strip_prefix('.'));
    match name {
        Some(name) => (CUSTOM, Some(name)),
        None => (subject, None),
    }
}

impl AuthEvent {
    /// Returns the subject on which the event is published.
    #[must_use]
    pub fn subject(&self) -> Cow<'static, str> {
        match self {
            Self::Custom(custom) => format!("{CUSTOM}.{}", custom.name).into(),
            _ => self.kind().subject().into(),
        }
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
