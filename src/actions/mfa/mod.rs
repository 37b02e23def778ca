//! Second factors: enroll, activate and remove an authenticator, recovery codes, and the second
//! step of a login.

pub mod activate_totp;
pub(super) mod challenge;
pub mod enroll_totp;
pub(super) mod factor_events;
pub mod list;
pub mod recovery_codes;
pub mod remove_totp;
pub mod verify;
