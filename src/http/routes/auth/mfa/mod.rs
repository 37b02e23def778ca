//! `/auth/mfa`: the caller's second factors, and the second step of a login.

pub mod factors;
pub mod recovery_codes;
pub mod totp;
pub mod verify;
