//! The event contract of the Watchword auth service.
//!
//! Every auth action of the service commits one event. The service publishes it to the JetStream
//! stream `auth-events`: what happened to an account on `auth.user.<event>`, what applications
//! record on `auth.custom.<name>`, and what is about no account on `auth.system.<event>`. This
//! crate defines those messages:
//!
//! - [`AuthEvent`]: the events and their payload types. No type has a field for a password, a token
//!   or any other secret.
//! - [`Event`]: an event in its envelope. [`Event::to_json`] writes exactly the bytes that the
//!   service stores and publishes; [`headers`] defines the message headers.
//! - [`ReceivedEvent`]: an event as a subscriber reads it. It keeps events and fields that this
//!   version of the crate does not know.
//! - [`CATALOGUE`]: the list of all events. Subjects and [JSON Schemas](schema) follow from it, and
//!   the documents of the crate `watchword-contract`.
//! - [`example`]: a realistic event of every kind, for tests.
//! - `subscriber` (feature `subscriber`): durable and ephemeral subscribers. The feature
//!   `postgres-inbox` adds an inbox in PostgreSQL, which applies every event once.
//!
//! ```
//! use watchword_events::{AuthEvent, EventKind, ReceivedEvent, example};
//!
//! let body = example::of(EventKind::Registered).to_json()?;
//! let received = ReceivedEvent::from_json(&body)?;
//! if let Some(AuthEvent::Registered(account)) = &received.event {
//!     assert_eq!(account.email.as_deref(), Some("ada@example.com"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

mod catalogue;
mod event;
mod open_enum;
mod payload;
mod pii;
mod received;
mod timestamp;
mod trace;
mod wire;

pub mod dead_letters;
pub mod example;
pub mod headers;
pub mod schema;
#[cfg(feature = "subscriber")]
pub mod subscriber;

/// The types of times and ids in events.
pub use {time, uuid};

pub use catalogue::{AuthEvent, CATALOGUE, EventKind, EventType, SUBJECT_FILTERS, USER_EVENTS, split_subject};
pub use event::{Actor, ActorType, Event, Metadata, UserRef};
pub use open_enum::UnknownValue;
pub use payload::{
    AccountStatus, AuthMethod, ChangedField, Custom, Deleted, DeletedReason, Disabled, DisabledReason, EmailChanged,
    EmailVerificationRequested, EmailVerified, Enabled, EnabledReason, FactorType, IdentifierHash, LoggedIn, LoggedOut,
    LoginFailed, LoginFailedReason, LoginMethod, LogoutScope, MAX_ENDED_SESSIONS, MfaChallenged, MfaEnrolled,
    MfaFailed, MfaRemoved, MfaVerified, ParseIdentifierHashError, PasswordChanged, PasswordResetCompleted,
    PasswordResetRequested, RateLimited, ReauthenticationFailed, ReauthenticationFailedReason,
    ReauthenticationOperation, RecoveryCodeUsed, RecoveryCodesGenerated, Registered, ReplayStarted, ReplayTarget,
    ReuseAction, RoleGranted, RoleRevoked, SessionRevoked, SessionRevokedReason, TokenRefreshed, TokenReuseDetected,
    Unlocked, UnlockedReason, Updated, UsernameChanged,
};
pub use pii::Pii;
pub use received::{DecodeError, ReceivedEvent};
#[cfg(feature = "subscriber")]
pub use subscriber::{Backoff, DeliveryInfo, HandlerError, SubscribeError, Subscriber};
pub use trace::{ParseTraceParentError, TraceParent};
