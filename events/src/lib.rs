//! The event contract of the Watchword auth service.
//!
//! Every auth action of the service commits one event, and every event is published to the JetStream
//! stream `auth-events` on the subject `auth.user.<event>`. This crate says what those messages are:
//!
//! - [`AuthEvent`]: the events and their closed payload types. There is no field a password, a token or
//!   any other secret could travel in.
//! - [`Event`]: the envelope, written with [`Event::to_json`] as exactly the bytes that are stored and
//!   published; [`headers`] are the message headers beside them.
//! - [`Received`]: the same message as a subscriber reads it, with unknown events and unknown fields kept.
//! - [`CATALOGUE`]: the list of all events. Subjects, [JSON Schemas](schema), the [table in the
//!   documentation](docs) and the golden files are driven by it; [`compatibility`] says how they may change.
//! - The module `subscriber` (feature `subscriber`): durable and ephemeral subscribers.
//!
//! ```
//! use watchword_events::{AuthEvent, EventKind, Received};
//!
//! let body = EventKind::Registered.definition().example().to_json()?;
//! let received = Received::from_json(&body)?;
//! if let Some(AuthEvent::Registered(account)) = &received.event {
//!     assert_eq!(account.email.as_deref(), Some("ada@example.com"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod deployment;
mod event;
mod example;
mod payload;
mod pii;
mod received;
mod timestamp;
mod trace;
mod wire;

pub mod asyncapi;
pub mod compatibility;
pub mod docs;
pub mod headers;
pub mod schema;
#[cfg(feature = "subscriber")]
pub mod subscriber;
pub mod typescript;

pub use catalogue::{AuthEvent, CATALOGUE, EventKind, EventType, SUBJECT_PREFIX};
pub use deployment::Deployment;
pub use event::{Actor, Event, Metadata, UserRef};
pub use payload::{
    AuthMethod, ChangedField, Custom, Deleted, DeletedReason, EmailVerificationRequested, EmailVerified, FactorType,
    IdentifierHash, LoggedIn, LoggedOut, LoginFailed, LoginFailedReason, LoginMethod, LogoutScope, MfaChallenged,
    MfaEnrolled, MfaFailed, MfaRemoved, MfaVerified, ParseIdentifierHashError, PasswordChanged, PasswordResetCompleted,
    PasswordResetRequested, RateLimited, RecoveryCodeUsed, RecoveryCodesGenerated, Registered, ReuseAction,
    SessionRevoked, SessionRevokedReason, TokenRefreshed, TokenReuseDetected, Updated,
};
pub use pii::Pii;
pub use received::{DecodeError, Received};
#[cfg(feature = "subscriber")]
pub use subscriber::{Backoff, Delivery, Failure, SubscribeError, Subscriber};
pub use trace::{ParseTraceParentError, TraceParent};
